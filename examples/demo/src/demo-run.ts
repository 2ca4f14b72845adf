// The demo itself: load, work, replicate, heal, compare.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { type DedupeStore, type PipelineHandler, pipeline, type StreamRecord, sqsDeadLetter } from "@sluice/core";
import { type EventSourceMapping, eventSourceMapping, streamsClient } from "@sluice/local";
import { type Account, type Audit, auditFeeds, enter } from "./audit.ts";
import { type Comparison, compare } from "./comparison.ts";
import { peek, redrive } from "./dead-letters.ts";
import type { DemoEngines } from "./demo-engines.ts";
import { type Faults, planFaults } from "./faults.ts";
import type { Feed } from "./feeds/feed.ts";
import { openDedupeStore, openFeeds } from "./feeds/index.ts";
import { type FilmItem, loadFilms } from "./films-data.ts";
import type { Options } from "./options.ts";
import { type Progress, withSeparators } from "./progress.ts";
import { openReplicas } from "./replicas/index.ts";
import type { FilmsPipeline, Replica } from "./replicas/replica.ts";
import { createTable, loadTable, readTable, runWorkload, workload } from "./table.ts";
import { noteLatencies, startTally, type Tally } from "./tally.ts";

/** What came of it. */
export interface DemoResult {
  readonly tally: Tally;
  readonly elapsedMs: number;
  /** Whether the poison film took its whole way: one dead letter, and none after the redrive. */
  readonly isHealed: boolean;
  readonly replicas: readonly Replica[];
  readonly comparisons: ReadonlyMap<string, Comparison>;
  readonly feeds: readonly Feed[];
  readonly faults: Faults;
  readonly audits: ReadonlyMap<string, Audit>;
}

/** Where the changes go. */
interface Targets {
  readonly replicas: readonly Replica[];
  readonly feeds: readonly Feed[];
  readonly faults: Faults;
  readonly dedupeStore: DedupeStore | undefined;
}

const openTargets = async (options: Options, engines: DemoEngines): Promise<Targets> => {
  const feeds = await openFeeds(options.feeds, engines);
  return {
    replicas: await openReplicas(options.replicas, engines),
    feeds,
    faults: planFaults(feeds),
    dedupeStore: feeds.length > 0 ? await openDedupeStore(engines.dynamodb) : undefined,
  };
};

/** The functions are configured by their environment alone, as in Lambda. */
const configure = (engines: DemoEngines, queueUrl: string): void => {
  const { region, credentials } = engines.sqs.clientConfig;
  Object.assign(process.env, {
    DEAD_LETTER_QUEUE_URL: queueUrl,
    AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    // The function's own log lines would tear the progress line.
    POWERTOOLS_LOG_LEVEL: "SILENT",
  });
};

/** The example's own handler for Postgres alone; for several targets one pipeline with a route to each. */
const handlerOf = async (
  { sinks }: Options,
  { replicas, feeds, faults, dedupeStore }: Targets,
  queueUrl: string,
): Promise<PipelineHandler> => {
  if (sinks.join() === "postgres") return (await import("@sluice/example-replicate-to-postgres")).handler;
  let films: FilmsPipeline = pipeline("films", {
    deadLetter: sqsDeadLetter({ queueUrl }),
    ...(dedupeStore && { dedupeStore }),
  });
  for (const replica of replicas) films = replica.addTo(films);
  for (const feed of feeds) films = feed.addTo(films, faults);
  return films.handler();
};

/** Enters what is delivered into the account, before the handler can fail. */
const observed =
  (handler: PipelineHandler, account: Account, tally: Tally): PipelineHandler =>
  async (event, context) => {
    const { Records: records } = event as { readonly Records: readonly StreamRecord[] };
    enter(account, records);
    const response = await handler(event, context);
    noteLatencies(tally, records);
    return response;
  };

const mappingOf = (
  streamArn: string,
  endpoint: string,
  handler: PipelineHandler,
  batchSize: number,
): EventSourceMapping =>
  eventSourceMapping({
    streamArn,
    client: streamsClient(endpoint),
    handler,
    batchSize,
    parallelizationFactor: 2,
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    startingPosition: "TRIM_HORIZON",
    // Lambda's longest: on a busy machine an invocation may take long, and what its end cuts short is sent again.
    functionTimeoutMs: 900_000,
  });

/** Loads the films, keeps the table busy, and waits until every change was delivered. */
const makeChanges = async (
  { writes, seed }: Options,
  client: DynamoDBClient,
  films: readonly FilmItem[],
  tally: Tally,
  progress: Progress,
): Promise<void> => {
  const work = workload(films, writes, seed);
  let written = 0;
  const show = (count: number): void => {
    written += count;
    progress.update(`${withSeparators(written)} writes, ${withSeparators(tally.records)} changes delivered`);
  };
  const loadedAt = Date.now();
  await loadTable(client, films, show);
  progress.say(`  loaded ${withSeparators(films.length)} films in ${withSeparators(Date.now() - loadedAt)} ms`);
  const workedAt = Date.now();
  await runWorkload(client, work, show);
  const workMs = withSeparators(Date.now() - workedAt);
  progress.say(`  made ${withSeparators(work.length)} more writes in ${workMs} ms (seed ${seed})`);
};

/** Shows the poison film's dead letter, repairs the cause, and sends it again. */
const heal = async (
  sqs: SQS,
  queueUrl: string,
  handler: PipelineHandler,
  replicas: readonly Replica[],
  progress: Progress,
): Promise<boolean> => {
  const expected = replicas.filter(({ repair }) => repair !== undefined).length;
  const letters = await peek(sqs, queueUrl);
  progress.say(`\nIn the dead-letter queue: ${letters.length}${expected > 0 ? " (the film on purpose)" : ""}`);
  for (const letter of letters) progress.say(JSON.stringify(letter, undefined, 2).replace(/^/gm, "  "));
  for (const { repair } of replicas) {
    if (repair !== undefined) progress.say(`  cause repaired: ${await repair()}`);
  }
  const { redriven, left } = await redrive(sqs, queueUrl, handler);
  progress.say(`  redriven ${redriven}, left ${left}\n`);
  return letters.length === expected && redriven === expected && left === 0;
};

const compareAll = async (
  client: DynamoDBClient,
  replicas: readonly Replica[],
): Promise<ReadonlyMap<string, Comparison>> => {
  const items = await readTable(client);
  const comparisons = new Map<string, Comparison>();
  for (const replica of replicas) comparisons.set(replica.name, compare(items, await replica.read()));
  return comparisons;
};

/** Runs the demo on engines that are ready. */
export const replicateFilms = async (
  options: Options,
  engines: DemoEngines,
  progress: Progress,
): Promise<DemoResult> => {
  const films = await loadFilms();
  const sqs = new SQS(engines.sqs.clientConfig);
  const client = new DynamoDBClient(engines.dynamodb.clientConfig);
  const { QueueUrl: queueUrl = "" } = await sqs.createQueue({ QueueName: `sluice-demo-${Date.now()}` });
  configure(engines, queueUrl);
  const targets = await openTargets(options, engines);
  const { replicas, feeds, faults } = targets;
  const handler = await handlerOf(options, targets, queueUrl);
  const streamArn = await createTable(client);

  const tally = startTally();
  const account: Account = new Map();
  // With feeds small batches, so that enough of them are left when some have failed.
  const batchSize = feeds.length > 0 ? 200 : 1000;
  const faulty = observed(faults.crashing(handler), account, tally);
  const mapping = mappingOf(streamArn, engines.dynamodb.endpoint, faulty, batchSize);
  const startedAt = Date.now();
  await mapping.start();
  await makeChanges(options, client, films, tally, progress);
  progress.update("waiting until every change is delivered");
  await mapping.drained();
  const elapsedMs = Date.now() - startedAt;
  const isHealed = await heal(sqs, queueUrl, handler, replicas, progress);
  await mapping.stop();
  tally.stop();
  for (const { show } of replicas) for (const line of (await show?.()) ?? []) progress.say(line);
  const comparisons = await compareAll(client, replicas);
  const audits = await auditFeeds(account, feeds);
  return { tally, elapsedMs, isHealed, replicas, comparisons, feeds, faults, audits };
};
