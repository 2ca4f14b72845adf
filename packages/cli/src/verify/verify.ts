// `sluice verify`: compares the copies in the targets of a pipeline with the items of its table, and repairs them.

import type { VerifyProgress } from "@sluice/backfill";
import { openModule } from "../backfill/open-backfill.ts";
import { exitCodes } from "../command-line/command-error.ts";
import { scanEstimate } from "../pipeline-command/estimate.ts";
import { confirm, largeRun, runCommand } from "../pipeline-command/run-command.ts";
import { type ReportFile, reportFile } from "../run-state/report-file.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type OpenVerify, openVerify } from "./open-verify.ts";
import { type VerifyCommandOptions, verifyHelp, verifyOptions } from "./options.ts";
import { checkComparable, runVerify, stepOf, totalOf } from "./run-verify.ts";

const jsonEveryMs = 2_000;

const plainErrors = /^(Source|Config|Record|Sink|FunctionUnreachable|FunctionFailed)Error$/;

/** Asks before a large run, or if the user wants to know the costs. @throws {CommandError} when the answer is no */
const confirmRun = async (open: OpenVerify, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  const { options, table, rate, keys } = open;
  const isLarge = table.itemCount >= largeRun && keys === undefined;
  if (!options.asksFirst && !isLarge) return;
  const rates = { readUnitsPerSecond: rate.unitsPerSecond(), itemsPerSecond: undefined };
  const estimate = scanEstimate(table, rates);
  const { isConfirmed } = options;
  await confirm({ estimate, rates, isConfirmed, nothing: "nothing was compared" }, terminal, signal);
};

/** Shows how far a run is. */
const progressOf = (open: OpenVerify, { out, progress }: Terminal): ((now: VerifyProgress) => void) => {
  const total = totalOf(open);
  if (!open.options.isJson) return (now) => progress.update(stepOf(now, total));
  let latestAt = Date.now();
  return ({ tally, ...rest }) => {
    if (Date.now() - latestAt < jsonEveryMs) return;
    latestAt = Date.now();
    out(JSON.stringify({ event: "progress", time: new Date().toISOString(), ...rest, tally }));
  };
};

/** Runs an opened verification and reports its end. Returns the exit code. */
const run = async (
  open: OpenVerify,
  file: ReportFile,
  args: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> => {
  const { run: id, isJson } = open.options;
  const write = (event: string, fields: object): void =>
    terminal.out(JSON.stringify({ event, time: new Date().toISOString(), run: id, ...fields }));
  if (isJson) write("start", { table: open.table.name });
  const ended = await runVerify(open, { args, signal, file, onProgress: progressOf(open, terminal) });
  const { report, lines, isEmpty, durationMs, findingsFile, next } = ended;
  terminal.progress.clear();
  if (isJson) write("end", { ...report, durationMs, findingsFile, next });
  else for (const line of lines) terminal.out(line);
  if (isEmpty) return exitCodes.failed;
  return report.isEqual ? exitCodes.done : exitCodes.left;
};

const start = (options: VerifyCommandOptions, args: readonly string[], terminal: Terminal): Promise<number> =>
  runCommand({ terminal, finishes: "the requests in flight", plainErrors }, async (opened, signal) => {
    const open = await openVerify(options, opened.add(await openModule(options)), opened, terminal, signal);
    checkComparable(open);
    await confirmRun(open, terminal, signal);
    const file = reportFile(options.run, "findings");
    await file.prepare();
    return run(open, file, args, terminal, signal);
  });

/** Runs `sluice verify`. Returns the exit code. @throws {CommandError} when nothing can be compared */
export const verifyCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = verifyOptions(args, Date.now());
  if (options !== undefined) return start(options, args, terminal);
  for (const line of verifyHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
