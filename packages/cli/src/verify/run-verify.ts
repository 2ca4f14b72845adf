// Runs an opened verification, and formats its report.

import { comparableTargets, type Finding, type VerifyProgress, type VerifyReport, verifyTable } from "@sluice/backfill";
import { CommandError } from "../command-line/command-error.ts";
import type { ReportFile } from "../run-state/report-file.ts";
import { counted, durationText, withSeparators } from "../terminal/format.ts";
import type { ProgressStep } from "../terminal/progress.ts";
import type { OpenVerify } from "./open-verify.ts";
import { countOf, nextCommand, reportLines } from "./report.ts";

/** @throws {CommandError} when no target of the pipeline can be compared */
export const checkComparable = ({ verification, module }: OpenVerify): void => {
  const { targets, routes } = verification;
  if (comparableTargets(targets, routes).length > 0) return;
  const names = (routes ?? module.pipeline.routes.map(({ name }) => name)).join(", ");
  throw new CommandError(
    `nothing to compare: no sink of the routes ${names} can read its target; expected an upsert route, as of Postgres, OpenSearch or DynamoDB`,
  );
};

const doing = { copies: "listing copies", items: "comparing", suspects: "looking again" } as const;

/** Returns the progress of a run: `comparing 1,200 of about 20,000, 3 differ`. */
export const stepOf = ({ phase, items, copies, suspects }: VerifyProgress, total: number): ProgressStep => {
  const note = suspects === 0 ? "" : `${counted(suspects, "difference")} to look at again`;
  if (phase === "suspects") {
    return { doing: doing.suspects, done: suspects, note: "the others wait until changes on their way have arrived" };
  }
  if (phase === "copies") return { doing: doing.copies, done: copies, note };
  return { doing: doing.items, done: items, total, isAbout: true, note };
};

/** Number of items that the run compares, about. */
export const totalOf = ({ options, table, keys }: OpenVerify): number =>
  keys?.length ?? table.itemCount * options.sample;

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

/** How a verification runs. */
export interface VerifySettings {
  /** The arguments of the command, for the command that the report names. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: VerifyProgress) => void;
  readonly onFinding?: (finding: Finding) => void;
  /** The file with the findings. */
  readonly file: ReportFile;
}

/** How a verification ended. */
export interface VerifyEnd {
  readonly report: VerifyReport;
  /** The report, for people. */
  readonly lines: readonly string[];
  readonly durationMs: number;
  /** Undefined without findings. */
  readonly findingsFile: string | undefined;
  /** The command to run next. */
  readonly next: string | undefined;
  /** Whether the sample had no item, so that nothing was compared. */
  readonly isEmpty: boolean;
}

/** Runs an opened verification. */
export const runVerify = async (open: OpenVerify, settings: VerifySettings): Promise<VerifyEnd> => {
  const { options, verification, keys } = open;
  const { args, signal, onProgress, onFinding, file } = settings;
  let findings = 0;
  const startedAt = Date.now();
  const report = await verifyTable(verification, {
    signal,
    ...(keys && { keys }),
    parallel: options.concurrency,
    onProgress,
    onFinding: (finding) => {
      findings += 1;
      onFinding?.(finding);
      // `close` rejects with the same error.
      file.add([finding]).catch(() => undefined);
    },
  });
  await file.close();
  const durationMs = Date.now() - startedAt;
  const next = nextCommand(report, options, args);
  const findingsFile = findings > 0 ? file.path : undefined;
  const lines = [
    endLine(open, report, durationMs),
    ...reportLines(report),
    ...(findingsFile === undefined ? [] : [`findings: ${findingsFile}`]),
    resultLine(open, report),
    ...(next === undefined ? [] : [`next: ${next}`]),
  ];
  return { report, lines, durationMs, findingsFile, next, isEmpty: isEmptySample(open, report) };
};
