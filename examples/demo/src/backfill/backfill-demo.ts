// The first copy and the proof: the table is full before the function reads its stream. A backfill copies the items while
// a writer changes them, verify compares every replica, then copies are corrupted, found and repaired.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import {
  type BackfillResult,
  backfill,
  findingClasses,
  type Invoke,
  newRun,
  scanSource,
  type TaskAnswer,
  tableReader,
  tableTime,
  type VerifyReport,
  type VerifyTally,
  verifyTable,
} from "@sluice/backfill";
import type { PipelineHandler } from "@sluice/core";
import { eventSourceMapping, streamsClient } from "@sluice/local";
import pg from "pg";
import { type Comparison, compare } from "../comparison.ts";
import type { DemoEngines } from "../demo-engines.ts";
import { configure } from "../demo-run.ts";
import { loadFilms, manyFilms } from "../films-data.ts";
import type { Options } from "../options.ts";
import { type ProgressPrinter, withSeparators } from "../progress.ts";
import type { FilmsPipeline, Replica } from "../replicas/replica.ts";
import { createTable, enableStream, loadTable, readTable, runWorkload, tableName, workload } from "../table.ts";
import { createQueues, openTargets, pipelineOf } from "../targets.ts";
import { corrupt } from "./corruption.ts";

/** Duration of all writes together, in milliseconds, so that the backfill runs beside them. */
const workMs = 12_000;
const segments = 16;
/** The changes of the demo arrive within a second. */
const graceMs = 1_500;

/** The result of the demo. */
export interface BackfillDemoResult {
  readonly replicas: readonly Replica[];
  readonly isSuccess: boolean;
}

/** The objects that all steps share. */
interface Stage {
  readonly options: Options;
  readonly progress: ProgressPrinter;
  readonly client: DynamoDB;
  readonly films: FilmsPipeline;
  readonly handler: PipelineHandler;
  readonly replicas: readonly Replica[];
  readonly streamArn: string;
}

const never = new AbortController().signal;

const invokeOf =
  (handler: PipelineHandler): Invoke =>
  async (event) =>
    (await handler(event)) as unknown as TaskAnswer;

const originOf = ({ streamArn }: Stage, run: string) => ({ run, streamArn, keyNames: ["filmId"] });

/** Copies the table, as `sluice backfill` does. */
const runBackfill = async (stage: Stage): Promise<BackfillResult> => {
  const { client, streamArn, films, handler, progress } = stage;
  const run = `demo-${Date.now()}`;
  const asOf = await tableTime({ client, table: tableName });
  const source = scanSource({ client, table: tableName, origin: originOf(stage, run), asOf, segments });
  const subject = {
    pipeline: films.name,
    source: source.name,
    tableArn: streamArn.split("/stream/")[0] ?? "",
    streamArn,
  };
  const state = newRun(run, subject, { asOf, now: Date.now(), units: await source.units() });
  return backfill({
    source,
    state,
    // The run is not resumed, so its state is not kept.
    store: { save: async () => undefined },
    invoke: invokeOf(handler),
    limits: { maxBytes: Number.POSITIVE_INFINITY },
    signal: never,
    onFailures: async () => undefined,
    onProgress: ({ counts }) => progress.update(`${withSeparators(counts.records)} items read by the backfill`),
  });
};

/** Compares every replica with the table, and repairs what differs, as `sluice verify --repair` does. */
const runVerify = async (stage: Stage, repairs: boolean): Promise<VerifyReport> => {
  const { client, films, handler, progress } = stage;
  const run = `verify-${Date.now()}`;
  const origin = originOf(stage, run);
  const asOf = await tableTime({ client, table: tableName });
  return verifyTable(
    {
      targets: films.targets(),
      source: scanSource({ client, table: tableName, origin, asOf, segments }),
      table: tableReader({ client, table: tableName, keyNames: origin.keyNames }),
      origin,
      keyTypes: { filmId: "N" },
      graceMs,
      ...(repairs && { repair: invokeOf(handler) }),
    },
    {
      signal: never,
      onProgress: ({ items, copies }) =>
        progress.update(`${withSeparators(items)} items and ${withSeparators(copies)} copies compared`),
    },
  );
};

const countsIn = (tally: VerifyTally, target: string): string => {
  const { counts = {}, repairs = {} } = tally[target] ?? {};
  const found = findingClasses.filter((name) => (counts[name] ?? 0) > 0).map((name) => `${counts[name]} ${name}`);
  const repaired = Object.entries(repairs).map(([outcome, count]) => `${count} ${outcome}`);
  return [`${withSeparators(counts.equal ?? 0)} equal`, ...found, ...repaired].join(", ");
};

const sayReport = ({ progress, replicas }: Stage, { tally, examples }: VerifyReport): void => {
  for (const { name } of replicas) progress.say(`  ${name.padEnd(12)}${countsIn(tally, name)}`);
  for (const { target, class: found, keys, members, repair } of examples) {
    const of = members.length === 0 ? "" : `: ${members.join(", ")}`;
    progress.say(
      `    ${target} film ${keys.filmId && "N" in keys.filmId ? keys.filmId.N : ""} ${found}${of}${repair ? `, ${repair}` : ""}`,
    );
  }
};

/** Compares all replicas with code that shares nothing with the sinks. */
const auditAll = async (
  { client, replicas, progress }: Stage,
  describe: (comparison: Comparison) => string,
): Promise<boolean> => {
  const items = await readTable(client);
  let isEqual = true;
  for (const { name, read } of replicas) {
    const comparison = compare(items, await read());
    const { missing, stale, differing, ghost } = comparison;
    isEqual &&= [missing, stale, differing, ghost].every(({ length }) => length === 0);
    progress.say(`  ${name.padEnd(12)}${describe(comparison)}`);
  }
  return isEqual;
};

/** The classes of the findings in Postgres, sorted. */
const classesIn = ({ examples }: VerifyReport): readonly string[] => examples.map((finding) => finding.class).sort();

/** Corrupts copies, finds them and repairs them. Returns whether each was named and healed. */
const corruptAndRepair = async (stage: Stage): Promise<boolean> => {
  const { progress } = stage;
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
  pool.on("error", () => undefined);
  const done = await corrupt(pool);
  await pool.end();
  progress.say("\nCorrupted in Postgres:");
  for (const { class: name, about } of done) progress.say(`  ${name.padEnd(17)}${about}`);
  progress.say("verify:");
  const found = await runVerify(stage, false);
  sayReport(stage, found);
  progress.say("verify --repair:");
  const repaired = await runVerify(stage, true);
  sayReport(stage, repaired);
  const expected = done.map((corruption) => corruption.class as string).sort();
  const isNamed = classesIn(found).join() === expected.join();
  return isNamed && repaired.isEqual && (await runVerify(stage, false)).isEqual;
};

const sayCopied = (progress: ProgressPrinter, { counts }: BackfillResult, ms: number): void => {
  const { records, delivered, superseded } = counts;
  progress.say(
    `  backfill: ${withSeparators(records)} items in ${withSeparators(ms)} ms (${withSeparators((records / ms) * 1_000)} items/s): ` +
      `${withSeparators(delivered)} delivered, ${withSeparators(superseded)} superseded by the stream`,
  );
};

/** Fills the table before the stream exists. Returns the films and the ARN of the stream. */
const fillTable = async (client: DynamoDB, { items: count }: Options, progress: ProgressPrinter) => {
  const films = manyFilms(await loadFilms(), count);
  await createTable(client, { hasStream: false });
  let written = 0;
  const startedAt = Date.now();
  await loadTable(client, films, (count) => {
    written += count;
    progress.update(`${withSeparators(written)} items written before the stream`);
  });
  progress.say(
    `  ${withSeparators(written)} items are there before the stream, in ${withSeparators(Date.now() - startedAt)} ms`,
  );
  return { items: films, streamArn: await enableStream(client) };
};

/** Runs the demo on engines that are already running. */
export const copyFilms = async (
  options: Options,
  engines: DemoEngines,
  progress: ProgressPrinter,
  describe: (comparison: Comparison) => string,
): Promise<BackfillDemoResult> => {
  const client = new DynamoDB(engines.dynamodb.clientConfig);
  const queues = await createQueues(new SQS(engines.sqs.clientConfig), options);
  configure(engines, queues.deadLetterUrl);
  const targets = await openTargets(options, engines);
  const { items, streamArn } = await fillTable(client, options, progress);
  const films = pipelineOf(targets, queues);
  const handler = films.handler();
  const { replicas } = targets;
  const stage: Stage = { options, progress, client, films, handler, replicas, streamArn };
  const mapping = eventSourceMapping({
    streamArn,
    client: streamsClient(engines.dynamodb.endpoint),
    handler,
    batchSize: 200,
    parallelizationFactor: 2,
    functionResponseTypes: ["ReportBatchItemFailures"],
    startingPosition: "TRIM_HORIZON",
    functionTimeoutMs: 900_000,
  });
  await mapping.start();
  const work = workload(items, options.writes, options.seed);
  const startedAt = Date.now();
  const writing = runWorkload(client, work, () => undefined, workMs);
  const [copied] = await Promise.all([
    runBackfill(stage).then((result) => {
      sayCopied(progress, result, Date.now() - startedAt);
      return result;
    }),
    writing,
  ]);
  progress.say(
    `  meanwhile a writer updated, removed and re-inserted ${withSeparators(work.length)} times (seed ${options.seed})`,
  );
  await mapping.drained();
  progress.say("verify:");
  const proof = await runVerify(stage, false);
  sayReport(stage, proof);
  const isHealed = await corruptAndRepair(stage);
  progress.say("\nCompared value by value, with code that shares nothing with the sinks:");
  const isEqual = await auditAll(stage, describe);
  await mapping.stop();
  const isSuccess = copied.isDone && proof.isEqual && isHealed && isEqual;
  return { replicas, isSuccess };
};
