// `sluice verify`: compares the copies in the targets of a pipeline with the items of its table, and repairs them.

import { comparableTargets, type VerifyProgress, type VerifyReport, verifyTable } from "@sluice/backfill";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { scanEstimate } from "../pipeline-command/estimate.ts";
import { confirm, largeRun, runCommand } from "../pipeline-command/run-command.ts";
import { type ReportFile, reportFile } from "../run-state/report-file.ts";
import { counted, durationText, withSeparators } from "../terminal/format.ts";
import type { ProgressStep } from "../terminal/progress.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type OpenVerify, openVerify } from "./open-verify.ts";
import { type VerifyCommandOptions, verifyHelp, verifyOptions } from "./options.ts";
import { countOf, nextCommand, reportLines } from "./report.ts";

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

/** @throws {CommandError} when no target of the pipeline can be compared */
const checkComparable = ({ verification, module }: OpenVerify): void => {
  const { targets, routes } = verification;
  if (comparableTargets(targets, routes).length > 0) return;
  const names = (routes ?? module.pipeline.routes.map(({ name }) => name)).join(", ");
  throw new CommandError(
    `nothing to compare: no sink of the routes ${names} can read its target; expected an upsert route, as of Postgres, OpenSearch or DynamoDB`,
  );
};

const doing = { copies: "listing copies", items: "comparing", suspects: "looking again" } as const;

/** Returns the progress of a run: `comparing 1,200 of about 20,000, 3 differ`. */
const stepOf = ({ phase, items, copies, suspects }: VerifyProgress, total: number): ProgressStep => {
  const note = suspects === 0 ? "" : `${counted(suspects, "difference")} to look at again`;
  if (phase === "suspects") {
    return { doing: doing.suspects, done: suspects, note: "the others wait until changes on their way have arrived" };
  }
  if (phase === "copies") return { doing: doing.copies, done: copies, note };
  return { doing: doing.items, done: items, total, isAbout: true, note };
};

/** Shows how far a run is. */
const progressOf = (
  { options, table, keys }: OpenVerify,
  { out, progress }: Terminal,
): ((now: VerifyProgress) => void) => {
  const total = keys?.length ?? table.itemCount * options.sample;
  if (!options.isJson) return (now) => progress.update(stepOf(now, total));
  let latestAt = Date.now();
  return ({ tally, ...rest }) => {
    if (Date.now() - latestAt < jsonEveryMs) return;
    latestAt = Date.now();
    out(JSON.stringify({ event: "progress", time: new Date().toISOString(), ...rest, tally }));
  };
};

const endLine = ({ options, table }: OpenVerify, report: VerifyReport, durationMs: number): string => {
  const { items, copies, readUnits, isComplete, stopped } = report;
  const how = isComplete ? `done in ${durationText(durationMs)}` : `not done: ${stopped}`;
  const part = options.sample < 1 ? `, a sample of ${options.sample}` : "";
  const read = `${counted(items, "item")}${copies > 0 ? ` and ${counted(copies, "copy", "copies")}` : ""}${part}`;
  const cost = readUnits > 0 ? `, ${withSeparators(readUnits)} RCU for the scan` : "";
  return `verify of table ${table.name}: ${read}${cost}; ${how}`;
};

/** A sample may be so small that it has no item. */
const isEmptySample = ({ options }: OpenVerify, { items, isComplete }: VerifyReport): boolean =>
  isComplete && options.sample < 1 && items === 0;

const resultLine = (open: OpenVerify, report: VerifyReport): string => {
  const { isEqual, isComplete } = report;
  if (isEmptySample(open, report)) return "nothing was compared: the sample has no item; expected a larger --sample";
  const moving = countOf(report, "in flight");
  if (isEqual && moving > 0)
    return `the targets agree with the table, except ${counted(moving, "copy", "copies")} in flight`;
  if (isEqual) return "the targets agree with the table";
  return isComplete ? "the targets differ from the table" : "nothing is proved";
};

/** Runs an opened verification and reports its end. Returns the exit code. */
const run = async (
  open: OpenVerify,
  file: ReportFile,
  args: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> => {
  const { options, verification, table, keys } = open;
  let findings = 0;
  const startedAt = Date.now();
  if (options.isJson) {
    terminal.out(
      JSON.stringify({ event: "start", time: new Date(startedAt).toISOString(), run: options.run, table: table.name }),
    );
  }
  const report = await verifyTable(verification, {
    signal,
    ...(keys && { keys }),
    parallel: options.concurrency,
    onProgress: progressOf(open, terminal),
    onFinding: (finding) => {
      findings += 1;
      // `close` rejects with the same error.
      file.add([finding]).catch(() => undefined);
    },
  });
  await file.close();
  terminal.progress.clear();
  const durationMs = Date.now() - startedAt;
  const next = nextCommand(report, options, args);
  const findingsFile = findings > 0 ? file.path : undefined;
  if (options.isJson) {
    const end = {
      event: "end",
      time: new Date().toISOString(),
      run: options.run,
      ...report,
      durationMs,
      findingsFile,
      next,
    };
    terminal.out(JSON.stringify(end));
  } else {
    const lines = [
      endLine(open, report, durationMs),
      ...reportLines(report),
      ...(findingsFile === undefined ? [] : [`findings: ${findingsFile}`]),
      resultLine(open, report),
      ...(next === undefined ? [] : [`next: ${next}`]),
    ];
    for (const line of lines) terminal.out(line);
  }
  if (isEmptySample(open, report)) return exitCodes.failed;
  return report.isEqual ? exitCodes.done : exitCodes.left;
};

const start = (options: VerifyCommandOptions, args: readonly string[], terminal: Terminal): Promise<number> =>
  runCommand({ terminal, finishes: "the requests in flight", plainErrors }, async (opened, signal) => {
    const open = await openVerify(options, opened, terminal, signal);
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
