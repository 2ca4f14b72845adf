// Runs the demo: loads films, changes and replicates them, redrives the dead letters, and compares table and replicas.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import type { PipelineHandler } from "@sluice/core";
import type { Envelope, StreamRecord } from "@sluice/core/envelope";
import { eventSourceMapping, type SqsEventSourceMapping, sqsEventSourceMapping, streamsClient } from "@sluice/local";
import { type Audit, addRecords, auditFeeds, type SeenRecords } from "./audit.ts";
import { type Comparison, compare } from "./comparison.ts";
import { readDeadLetters, redrive } from "./dead-letters.ts";
import type { DemoEngines } from "./demo-engines.ts";
import type { Faults } from "./faults.ts";
import type { Feed } from "./feeds/feed.ts";
import { filmIdOf } from "./feeds/interest.ts";
import { type FilmItem, loadFilms } from "./films-data.ts";
import type { Options } from "./options.ts";
import { collectMetricLines } from "./outage/metric-lines.ts";
import { lastShare, type OutageResult, planOutage, workMs } from "./outage/outage.ts";
import { type ProgressPrinter, withSeparators } from "./progress.ts";
import { withSecondsOfWrites } from "./record-times.ts";
import type { Replica } from "./replicas/replica.ts";
import { createTable, loadTable, readTable, runWorkload, streamArnOf, tableName, workload } from "./table.ts";
import { noteLatencies, startTally, type Tally } from "./tally.ts";
import { createQueues, handlerOf, openTargets, type Queues } from "./targets.ts";

/** The result of the demo. */
export interface DemoResult {
  readonly tally: Tally;
  readonly elapsedMs: number;
  /** Whether the queue contained the expected dead letters, and the redrive of these dead letters succeeded. */
  readonly isRedriven: boolean;
  readonly replicas: readonly Replica[];
  readonly comparisons: ReadonlyMap<string, Comparison>;
  readonly feeds: readonly Feed[];
  readonly faults: Faults;
  readonly audits: ReadonlyMap<string, Audit>;
  readonly deadLetterUrl: string;
  /** Films that may differ in Postgres, because their dead letters were left in the queue. */
  readonly deadLettered: ReadonlySet<string>;
  readonly outage: (OutageResult & { readonly emptyMs: number; readonly agreementMs: number }) | undefined;
  /** The metrics of the pipeline, in CloudWatch's embedded metric format. Empty without an outage. */
  readonly metricLines: readonly string[];
}

/** The objects that all steps of a run share. */
interface DemoRun {
  readonly options: Options;
  readonly engines: DemoEngines;
  readonly progress: ProgressPrinter;
  readonly sqs: SQS;
  readonly client: DynamoDBClient;
  readonly queues: Queues;
  readonly replicas: readonly Replica[];
  readonly handler: PipelineHandler;
  readonly tally: Tally;
  readonly seen: SeenRecords;
}

/** Sets the environment variables that configure the functions, as in Lambda. */
export const configure = (engines: DemoEngines, queueUrl: string): void => {
  const { region, credentials } = engines.sqs.clientConfig;
  Object.assign(process.env, {
    SOURCE_TABLE: tableName,
    DEAD_LETTER_QUEUE_URL: queueUrl,
    AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    // Silences the function's logger, because log lines would interrupt the progress line.
    POWERTOOLS_LOG_LEVEL: "SILENT",
  });
};

/** Wraps the handler, so that the demo knows all delivered stream records, even if the handler fails. */
const observed =
  (handler: PipelineHandler, seen: SeenRecords, tally: Tally): PipelineHandler =>
  async (event, context) => {
    const { Records: records } = event as { readonly Records: readonly StreamRecord[] };
    addRecords(seen, records);
    const response = await handler(event, context);
    noteLatencies(tally, records);
    return response;
  };

/** The event source mapping of the stream. Runs with faults use small batches, so that few of the batches fail. */
const mappingOf = ({ options, engines, tally, seen }: DemoRun, streamArn: string, handler: PipelineHandler) =>
  eventSourceMapping({
    streamArn,
    client: withSecondsOfWrites(streamsClient(engines.dynamodb.endpoint)),
    handler: observed(handler, seen, tally),
    batchSize: options.feeds.length > 0 || options.outage ? 200 : 1000,
    parallelizationFactor: 2,
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    startingPosition: "TRIM_HORIZON",
    // Lambda's maximum. A busy machine may be slow, and after a timeout the messages would be sent again.
    functionTimeoutMs: 900_000,
    // The crashes are intended, so their errors are not printed.
    onFunctionError: () => undefined,
  });

/** The event source mapping of the retry queue. Undefined if the run has no retry queue. */
const retryMappingOf = ({ sqs, queues, handler }: DemoRun): SqsEventSourceMapping | undefined =>
  queues.retryUrl === undefined
    ? undefined
    : sqsEventSourceMapping({
        client: sqs,
        queueUrl: queues.retryUrl,
        handler,
        functionResponseTypes: ["ReportBatchItemFailures"],
        // A low limit, because retries during the outage use CPU time that the rest of the demo needs.
        maximumConcurrency: 2,
      });

/** Loads the films, and then makes the random writes. */
const makeChanges = async (
  { options, engines, client, tally, progress }: DemoRun,
  films: readonly FilmItem[],
  drained: () => Promise<void>,
): Promise<(OutageResult & { readonly emptyMs: number }) | undefined> => {
  const work = workload(films, options.writes, options.seed);
  let written = 0;
  const show = (count: number): void => {
    written += count;
    progress.update(`${withSeparators(written)} writes, ${withSeparators(tally.records)} changes delivered`);
  };
  const loadedAt = Date.now();
  await loadTable(client, films, show);
  progress.say(`  loaded ${withSeparators(films.length)} films in ${withSeparators(Date.now() - loadedAt)} ms`);
  const { postgres } = engines;
  // Waits until the loaded films are delivered. Otherwise their delay would count as a delay by the outage.
  if (options.outage) await drained();
  const outage = options.outage && postgres !== undefined ? planOutage(postgres, tally, progress) : undefined;
  const workedAt = Date.now();
  const showWork = (count: number): void => {
    show(count);
    outage?.onWritten(written - films.length, work.length);
  };
  const last = outage === undefined ? 0 : Math.ceil(work.length * lastShare);
  await runWorkload(client, work.slice(0, work.length - last), showWork, outage ? workMs * (1 - lastShare) : 0);
  const result = await outage?.end();
  if (result !== undefined) await drained();
  const emptyAt = Date.now();
  await runWorkload(client, work.slice(work.length - last), showWork, workMs * lastShare);
  const workTookMs = withSeparators(Date.now() - workedAt);
  progress.say(`  made ${withSeparators(work.length)} more writes in ${workTookMs} ms (seed ${options.seed})`);
  return result && { ...result, emptyMs: emptyAt - result.restartedAt };
};

const fullText = (envelope: Envelope): string => JSON.stringify(envelope, undefined, 2).replace(/^/gm, "  ");
const reasonOf = ({ code, message }: Envelope): string => `  ${code} ${message}`;

/** Prints a dead letter, and drops the constraint that caused it. Redrives all dead letters unless `--keep` is set. */
const redriveDeadLetters = async (run: DemoRun, deadLetters: readonly Envelope[]): Promise<boolean> => {
  const { options, sqs, queues, handler, replicas, progress } = run;
  const [first] = deadLetters;
  const reason = options.outage ? "films that Postgres rejected" : "a bad record, which Postgres rejected";
  progress.say(`\nIn the dead-letter queue: ${deadLetters.length}${first === undefined ? "" : ` (${reason})`}`);
  if (first !== undefined) progress.say(options.outage ? reasonOf(first) : fullText(first));
  for (const { repair } of replicas) {
    if (repair !== undefined) progress.say(`  cause removed: ${await repair()}`);
  }
  const expected = replicas.filter(({ repair }) => repair !== undefined).length;
  const isExpected = options.outage ? deadLetters.length > 0 : deadLetters.length === expected;
  if (options.keep || first === undefined) return isExpected;
  const redriven = await redrive(sqs, queues.deadLetterUrl, handler, deadLetters.length);
  progress.say(`  redriven: ${redriven}, left in the queue: ${deadLetters.length - redriven}`);
  return isExpected && redriven === deadLetters.length;
};

const compareAll = async ({ client, replicas }: DemoRun): Promise<ReadonlyMap<string, Comparison>> => {
  const items = await readTable(client);
  const comparisons = new Map<string, Comparison>();
  for (const replica of replicas) comparisons.set(replica.name, compare(items, await replica.read()));
  return comparisons;
};

/** Runs the demo on engines that are already running. */
export const replicateFilms = async (
  options: Options,
  engines: DemoEngines,
  progress: ProgressPrinter,
): Promise<DemoResult> => {
  const films = await loadFilms();
  const sqs = new SQS(engines.sqs.clientConfig);
  const client = new DynamoDBClient(engines.dynamodb.clientConfig);
  const queues = await createQueues(sqs, options);
  const { deadLetterUrl } = queues;
  configure(engines, deadLetterUrl);
  const targets = await openTargets(options, engines);
  const { replicas, feeds, faults } = targets;
  const metrics = collectMetricLines();
  const handler = await handlerOf(options, targets, queues, [metrics.observer]);
  await createTable(client, { hasStream: true });
  const streamArn = await streamArnOf(client);

  const tally = startTally();
  const seen: SeenRecords = new Map();
  const run: DemoRun = { options, engines, progress, sqs, client, queues, replicas, handler, tally, seen };
  const mapping = mappingOf(run, streamArn, faults.crashing(handler));
  const retries = retryMappingOf(run);
  const startedAt = Date.now();
  await mapping.start();
  await retries?.start();
  const drained = async (): Promise<void> => {
    await mapping.drained();
    await retries?.drained();
  };
  const outage = await makeChanges(run, films, drained);
  progress.update("waiting until every change is delivered");
  await drained();
  const elapsedMs = Date.now() - startedAt;
  const deadLetters = await readDeadLetters(sqs, deadLetterUrl);
  const isRedriven = await redriveDeadLetters(run, deadLetters);
  progress.say("");
  const comparisons = await compareAll(run);
  const agreedAt = Date.now();
  await mapping.stop();
  await retries?.stop();
  tally.stop();
  for (const { show } of replicas) for (const line of (await show?.()) ?? []) progress.say(line);
  const audits = await auditFeeds(seen, feeds);
  const deadLettered = new Set(options.keep ? deadLetters.map(({ record }) => filmIdOf(record)) : []);
  return {
    tally,
    elapsedMs,
    isRedriven,
    replicas,
    comparisons,
    feeds,
    faults,
    audits,
    deadLetterUrl,
    deadLettered,
    outage: outage && { ...outage, agreementMs: agreedAt - outage.restartedAt },
    metricLines: metrics.lines,
  };
};
