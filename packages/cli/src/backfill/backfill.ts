// `sluice backfill`: copies the items that a table has to the targets of a pipeline.

import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { divertOutput } from "../terminal/divert-output.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { canAsk, isConfirmed } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { checkBackfill } from "./checks.ts";
import { estimateLines, exportEstimate, scanEstimate } from "./estimate.ts";
import { isFinished, type OpenBackfill, openBackfill } from "./open-backfill.ts";
import { type BackfillCommandOptions, backfillHelp, backfillOptions } from "./options.ts";
import { resources } from "./resources.ts";
import { itemsOf, reportFinished, runBackfill } from "./run-backfill.ts";

/** From this number of items on, the command asks before it starts. */
const largeRun = 1_000_000;

const stopping = "stopping: the pages in flight are finished. Ctrl-C again ends at once";

/** Errors of a run that could not start. Their messages are for the user. */
const plainErrors = /^(RunState|RunTaken|Source|Config|FunctionUnreachable|FunctionBroken)Error$/;

const asCommandError = (error: unknown): unknown =>
  error instanceof Error && plainErrors.test(error.name) ? new CommandError(error.message, { cause: error }) : error;

/** Shows what the run costs, and asks. @throws {CommandError} without a terminal, or when the answer is no */
const confirm = async (open: OpenBackfill, { err }: Terminal, signal: AbortSignal): Promise<void> => {
  const { options, table, summary, rate, isResumed } = open;
  const isLarge = itemsOf(open) >= largeRun && !isResumed;
  if (!options.asksFirst && !isLarge) return;
  const rates = { readUnitsPerSecond: rate?.unitsPerSecond(), itemsPerSecond: options.itemsPerSecond };
  const estimate = summary === undefined ? scanEstimate(table, rates) : exportEstimate(summary, rates);
  for (const line of estimateLines(estimate, rates)) err(line);
  if (options.isConfirmed) return;
  if (!canAsk()) throw new CommandError("the run is to be confirmed, and there is no terminal; expected --yes");
  if (!(await isConfirmed("start?", signal))) throw new CommandError("nothing was copied: the answer was no");
};

const check = async (open: OpenBackfill, { err }: Terminal, signal: AbortSignal): Promise<string | undefined> => {
  const { refusals, notes, liveFunction } = await checkBackfill(open, signal);
  for (const note of notes) err(note);
  if (refusals.length === 0) return liveFunction;
  const [first, ...others] = refusals.map(({ message }) => message);
  for (const other of others) err(`sluice: ${other}`);
  throw new CommandError(first ?? "");
};

const start = async (options: BackfillCommandOptions, args: readonly string[], terminal: Terminal): Promise<number> => {
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const restore = divertOutput(terminal);
  const opened = resources();
  const { signal } = interrupt;
  try {
    const open = await openBackfill(options, opened, signal);
    const settings = { args, terminal, resources: opened, signal, liveFunction: options.functionName };
    if (isFinished(open)) return reportFinished(open, settings);
    const liveFunction = await check(open, terminal, signal);
    await confirm(open, terminal, signal);
    if (signal.aborted) throw new CommandError("nothing was copied: the command was interrupted");
    return await runBackfill(open, { ...settings, liveFunction });
  } catch (error) {
    throw asCommandError(error);
  } finally {
    await opened.close();
    restore();
    interrupt.release();
  }
};

/** Runs `sluice backfill`. Returns the exit code. @throws {CommandError} when the run cannot start */
export const backfillCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = backfillOptions(args, Date.now());
  if (options !== undefined) return start(options, args, terminal);
  for (const line of backfillHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
