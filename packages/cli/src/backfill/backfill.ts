// `sluice backfill`: copies the items that a table has to the targets of a pipeline.

import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { exportEstimate, scanEstimate } from "../pipeline-command/estimate.ts";
import { confirm, largeRun, runCommand } from "../pipeline-command/run-command.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { announcer } from "./announce.ts";
import { checkBackfill } from "./checks.ts";
import { isFinished, type OpenBackfill, openBackfill, openModule } from "./open-backfill.ts";
import { type BackfillCommandOptions, backfillHelp, backfillOptions } from "./options.ts";
import { type BackfillEnd, finishedBackfill, itemsOf, runBackfill } from "./run-backfill.ts";

const plainErrors = /^(RunState|RunTaken|Source|Config|FunctionUnreachable|FunctionBroken)Error$/;

/** Asks before a large run, or if the user wants to know the costs. @throws {CommandError} when the answer is no */
const confirmRun = async (open: OpenBackfill, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  const { options, table, summary, rate, isResumed } = open;
  const isLarge = itemsOf(open) >= largeRun && !isResumed;
  if (!options.asksFirst && !isLarge) return;
  const rates = { readUnitsPerSecond: rate?.unitsPerSecond(), itemsPerSecond: options.itemsPerSecond };
  const estimate = summary === undefined ? scanEstimate(table, rates) : exportEstimate(summary, rates);
  const { isConfirmed } = options;
  await confirm({ estimate, rates, isConfirmed, nothing: "nothing was copied" }, terminal, signal);
};

const check = async (open: OpenBackfill, { err }: Terminal, signal: AbortSignal): Promise<string | undefined> => {
  const { refusals, notes, liveFunction } = await checkBackfill(open, signal);
  for (const note of notes) err(note);
  if (refusals.length === 0) return liveFunction;
  const [first, ...others] = refusals.map(({ message }) => message);
  for (const other of others) err(`sluice: ${other}`);
  throw new CommandError(first ?? "");
};

const start = (options: BackfillCommandOptions, args: readonly string[], terminal: Terminal): Promise<number> =>
  runCommand({ terminal, finishes: "the pages in flight", plainErrors }, async (opened, signal) => {
    const open = await openBackfill(options, opened.add(await openModule(options)), opened, signal);
    const announce = announcer(terminal, options.isJson, Date.now);
    const report = ({ end, lines, isClean }: BackfillEnd): number => {
      announce.ended(end, lines);
      return isClean ? exitCodes.done : exitCodes.left;
    };
    if (isFinished(open)) return report(finishedBackfill(open, args));
    const liveFunction = await check(open, terminal, signal);
    await confirmRun(open, terminal, signal);
    if (signal.aborted) throw new CommandError("nothing was copied: the command was interrupted");
    return report(await runBackfill(open, { args, announce, terminal, resources: opened, signal, liveFunction }));
  });

/** Runs `sluice backfill`. Returns the exit code. @throws {CommandError} when the run cannot start */
export const backfillCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = backfillOptions(args, Date.now());
  if (options !== undefined) return start(options, args, terminal);
  for (const line of backfillHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
