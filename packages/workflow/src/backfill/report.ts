// The function of the state "Report". It adds up what the workers have left in S3: the counts of all units, and which
// units are not done.

import { addCounts, noCounts, type WorkCounts } from "@sluice/backfill";
import {
  type Clock,
  checkOptionNames,
  eachBounded,
  type InvocationContext,
  type PipelineLogger,
  systemClock,
} from "@sluice/core/sink-kit";
import { consoleLogger } from "../redrive/environment.ts";
import type { CaughtError } from "../redrive/report.ts";
import { type CopyClients, checkCopyClients, s3Connection } from "./clients.ts";
import { openRunObjects, type RunObjects } from "./run-objects.ts";
import type { Plan, UnitItems } from "./run-plan.ts";
import { reasonOf } from "./turn.ts";
import { itemName, progressName, type UnitProgress } from "./unit-progress.ts";

/** The event that the state machine sends. */
export interface CopyReportEvent {
  readonly plan: Plan;
  /** Data of the state machine. `error` is present if the run has stopped before all units were done. */
  readonly state: { readonly error?: CaughtError };
}

/** A unit that is not done. */
export interface UnfinishedUnit {
  readonly unit: string;
  /** Why the unit failed. `not done` if the run stopped before. */
  readonly reason: string;
}

/** What all reports have. */
export interface CopyReport<Counts> {
  /** `complete`: every unit is done, and no record was rejected. */
  readonly outcome: "complete" | "incomplete";
  /** Why the run is incomplete. An empty text if it is complete. */
  readonly reason: string;
  readonly run: string;
  readonly source: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly units: { readonly total: number; readonly done: number };
  /** The first ten units that are not done. The object `report.json` has all of them. */
  readonly unfinished: readonly UnfinishedUnit[];
  readonly counts: Counts;
  /** Number of objects with rejected records or with findings. */
  readonly lists: number;
  /** Address of the object with the whole report. */
  readonly report: string;
}

/** The output of a backfill's execution. */
export type BackfillReport = CopyReport<WorkCounts>;

/** Options of the report functions. */
export interface CopyReportOptions {
  /** Default: a logger that writes lines of JSON to the console. */
  readonly logger?: PipelineLogger;
  /** Your own clients. By default, clients of the SDK with default settings are loaded when they are needed. */
  readonly clients?: CopyClients;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** What is known of all units. */
export interface AllUnits<Counts> {
  readonly total: number;
  readonly done: number;
  readonly unfinished: readonly UnfinishedUnit[];
  readonly counts: Counts;
  readonly lists: readonly string[];
}

type Connection = ReturnType<typeof s3Connection>;

/** Requests to S3 at once. */
const readsAtOnce = 32;

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line.trim() !== "");

/** Returns the names of the units in an object that the Distributed Map reads. */
const namesIn = async ({ bucket, key }: UnitItems, connection: Connection): Promise<readonly string[]> => {
  const stored = await openRunObjects(connection, { bucket, prefix: key }).read("");
  return linesOf(stored?.text ?? "").map((line) => itemName(JSON.parse(line)));
};

/** Adds up the progress of all units. A unit without an object was never begun. */
export const readUnits = async <Counts>(
  plan: Plan,
  connection: Connection,
  [none, add]: [Counts, (one: Counts, other: Counts) => Counts],
): Promise<AllUnits<Counts>> => {
  const lines = [plan.copies, plan.items].map((items) => (items === undefined ? [] : namesIn(items, connection)));
  const units = (await Promise.all(lines)).flat();
  const objects = openRunObjects(connection, plan);
  const begun = new Set(await objects.list("units/"));
  let [counts, done] = [none, 0];
  const lists: string[] = [];
  const reasons = new Map<string, string>();
  await eachBounded(units, readsAtOnce, async (unit) => {
    const name = progressName(unit);
    const stored = begun.has(name) ? await objects.read(name) : undefined;
    if (stored === undefined) return void reasons.set(unit, "not begun");
    const progress = JSON.parse(stored.text) as UnitProgress<Counts>;
    counts = add(counts, progress.counts);
    lists.push(...progress.lists);
    if (progress.isDone) done += 1;
    else reasons.set(unit, progress.error ?? "not done");
  });
  const unfinished = units.flatMap((unit) => {
    const reason = reasons.get(unit);
    return reason === undefined ? [] : [{ unit, reason }];
  });
  return { total: units.length, done, unfinished, counts, lists: lists.sort() };
};

/** How many units an output of an execution names. The whole list would not fit into it. */
const named = 10;

const andMore = (all: number): string => (all > named ? `, and ${all - named} more` : "");

/** Says which units are not done, and why. */
const unfinishedText = ({ unfinished, total }: AllUnits<unknown>): string[] => {
  if (unfinished.length === 0) return [];
  const failed = unfinished.filter(({ reason }) => reason !== "not begun" && reason !== "not done");
  const list = failed.slice(0, named).map(({ unit, reason }) => `${unit}: ${reason}`);
  return [
    `${unfinished.length} of ${total} units are not done`,
    ...(list.length > 0 ? [`${list.join("; ")}${andMore(failed.length)}`] : []),
  ];
};

const sourceName = ({ source }: Plan): string =>
  source.kind === "table" ? `table ${source.table}` : `export ${source.manifest}`;

/** Why a run is incomplete; an empty text if it is complete. */
export const incompleteReason = (
  all: AllUnits<unknown>,
  { plan, state: { error } }: CopyReportEvent,
  others: readonly string[],
): string => {
  const stopped = error === undefined ? [] : [`the run stopped: ${reasonOf(error)}`];
  const unfinished = unfinishedText(all);
  const next = unfinished.length > 0 ? [`To go on, start an execution with the input {"run":"${plan.run}"}`] : [];
  const reasons = [...unfinished, ...others];
  return [...(reasons.length > 0 ? stopped : []), ...reasons, ...next].join(". ");
};

interface ReportBody<Details> {
  readonly reason: string;
  readonly objects: RunObjects;
  readonly now: number;
  readonly details: Details;
  /** What only the object has, because Step Functions keeps outputs for 90 days. */
  readonly kept?: object;
}

/** Creates the report, and writes it with all units and lists to the run's objects. */
export const writeReport = async <Counts, Details extends object>(
  { plan }: CopyReportEvent,
  all: AllUnits<Counts>,
  { reason, objects, now, details, kept = {} }: ReportBody<Details>,
): Promise<CopyReport<Counts> & Details> => {
  const report = {
    outcome: reason === "" ? "complete" : "incomplete",
    reason,
    run: plan.run,
    source: sourceName(plan),
    startedAt: plan.startedAt,
    endedAt: new Date(now).toISOString(),
    units: { total: all.total, done: all.done },
    unfinished: all.unfinished.slice(0, named),
    counts: all.counts,
    lists: all.lists.length,
    report: `s3://${plan.bucket}/${plan.prefix}report.json`,
    ...details,
  } as const;
  const whole = { ...report, ...kept, unfinished: all.unfinished, lists: all.lists };
  await objects.write("report.json", JSON.stringify(whole, undefined, 2));
  return report;
};

/** The options of a report with their defaults. */
interface ReportParts {
  readonly logger: PipelineLogger;
  readonly clock: Clock;
  readonly s3: Connection;
}

/** Checks the options of a report function, and adds the defaults. */
export const reportParts = (factory: string, options: CopyReportOptions): ReportParts => {
  checkOptionNames(factory, options, { logger: true, clients: true, clock: true });
  checkCopyClients(factory, options.clients);
  const { logger = consoleLogger, clock = systemClock, clients = {} } = options;
  return { logger, clock, s3: s3Connection(clients.s3) };
};

/** The function of the state "Report" of a backfill. */
export type BackfillReportHandler = (event: CopyReportEvent, context?: InvocationContext) => Promise<BackfillReport>;

/**
 * Creates the function of the state "Report" of a backfill. `backfillReport` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const backfillReport = (options: CopyReportOptions = {}): BackfillReportHandler => {
  const { logger, clock, s3 } = reportParts("backfillReport", options);
  return async (event) => {
    const { plan } = event;
    const all = await readUnits<WorkCounts>(plan, s3, [noCounts, addCounts]);
    const { rejected } = all.counts;
    const healed = "When the cause is mended, a verify with repairs copies them";
    const rejections =
      rejected > 0 ? [`${rejected} records were rejected: see the lists in the report. ${healed}`] : [];
    const reason = incompleteReason(all, event, rejections);
    const objects = openRunObjects(s3, plan);
    const report = await writeReport(event, all, { reason, objects, now: clock.now(), details: {} });
    logger.info("backfill ended", { ...report });
    return report;
  };
};
