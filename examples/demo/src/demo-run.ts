// The demo itself: load, work, replicate, heal, compare.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import type { PipelineHandler } from "@sluice/core";
import type { Envelope, StreamRecord } from "@sluice/core/envelope";
import { eventSourceMapping, type SqsEventSourceMapping, sqsEventSourceMapping, streamsClient } from "@sluice/local";
import { type Account, type Audit, auditFeeds, enter } from "./audit.ts";
import { type Comparison, compare } from "./comparison.ts";
import { dryRun, redrive } from "./dead-letters.ts";
import type { DemoEngines } from "./demo-engines.ts";
import type { Faults } from "./faults.ts";
import { type Feed, filmIdOf } from "./feeds/feed.ts";
import { type FilmItem, loadFilms } from "./films-data.ts";
import type { Options } from "./options.ts";
import { type OutageAccount, planOutage, workMs } from "./outage.ts";
import { type Progress, withSeparators } from "./progress.ts";
import type { Replica } from "./replicas/replica.ts";
import { createTable, loadTable, readTable, runWorkload, workload } from "./table.ts";
import { noteLatencies, startTally, type Tally } from "./tally.ts";
import { createQueues, handlerOf, openTargets, type Queues } from "./targets.ts";

/** What came of it. */
export interface DemoResult {
  readonly tally: Tally;
  readonly elapsedMs: number;
  /** Whether the dead letters took their whole way: there when they should, and none after the redrive. */
  readonly isHealed: boolean;
  readonly replicas: readonly Replica[];
  readonly comparisons: ReadonlyMap<string, Comparison>;
  readonly feeds: readonly Feed[];
  readonly faults: Faults;
  readonly audits: ReadonlyMap<string, Audit>;
  readonly deadLetterUrl: string;
  /** Films of dead letters that were left in their queue. */
  readonly waiting: ReadonlySet<string>;
  readonly outage: (OutageAccount & { readonly emptyMs: number; readonly agreementMs: number }) | undefined;
}

/** What the run is made of. */
interface Run {
  readonly options: Options;
  readonly engines: DemoEngines;
  readonly progress: Progress;
  readonly sqs: SQS;
  readonly client: DynamoDBClient;
  readonly queues: Queues;
  readonly replicas: readonly Replica[];
  readonly handler: PipelineHandler;
  readonly tally: Tally;
  readonly account: Account;
}

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

/** Small batches where something goes wrong on purpose, so that enough of them are left when some have failed. */
const mappingOf = ({ options, engines, tally, account }: Run, streamArn: string, handler: PipelineHandler) =>
  eventSourceMapping({
    streamArn,
    client: streamsClient(engines.dynamodb.endpoint),
    handler: observed(handler, account, tally),
    batchSize: options.feeds.length > 0 || options.outage ? 200 : 1000,
    parallelizationFactor: 2,
    bisectBatchOnFunctionError: true,
    functionResponseTypes: ["ReportBatchItemFailures"],
    startingPosition: "TRIM_HORIZON",
    // Lambda's longest: on a busy machine an invocation may take long, and what its end cuts short is sent again.
    functionTimeoutMs: 900_000,
  });

/** Consumes the retry queue, where there is one. */
const retryMappingOf = ({ sqs, queues, handler }: Run): SqsEventSourceMapping | undefined =>
  queues.retryUrl === undefined
    ? undefined
    : sqsEventSourceMapping({
        client: sqs,
        queueUrl: queues.retryUrl,
        handler,
        functionResponseTypes: ["ReportBatchItemFailures"],
        // What is tried in vain takes its time from the same cores.
        maximumConcurrency: 2,
      });

/** Loads the films and keeps the table busy. */
const makeChanges = async (
  { options, engines, client, tally, progress }: Run,
  films: readonly FilmItem[],
  drained: () => Promise<void>,
): Promise<OutageAccount | undefined> => {
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
  // What the load has left to do would pass for what the outage does.
  if (options.outage) await drained();
  const outage = options.outage && postgres !== undefined ? planOutage(postgres, tally, progress) : undefined;
  const workedAt = Date.now();
  const showWork = (count: number): void => {
    show(count);
    outage?.onWritten(written - films.length, work.length);
  };
  await runWorkload(client, work, showWork, options.outage ? workMs : 0);
  const workTookMs = withSeparators(Date.now() - workedAt);
  progress.say(`  made ${withSeparators(work.length)} more writes in ${workTookMs} ms (seed ${options.seed})`);
  return outage?.over();
};

const wholeOf = (letter: Envelope): string => JSON.stringify(letter, undefined, 2).replace(/^/gm, "  ");
const reasonOf = ({ code, message }: Envelope): string => `  ${code} ${message}`;

/** Shows a dead letter, repairs the cause, and sends all again, unless they are to be kept. */
const heal = async ({ options, sqs, queues, handler, replicas, progress }: Run, letters: readonly Envelope[]) => {
  const [first] = letters;
  const poison = options.outage ? "of films that Postgres refused" : "of the poison film";
  progress.say(`\nIn the dead-letter queue: ${letters.length}${first === undefined ? "" : `, ${poison}`}`);
  if (first !== undefined) progress.say(options.outage ? reasonOf(first) : wholeOf(first));
  for (const { repair } of replicas) {
    if (repair !== undefined) progress.say(`  cause repaired: ${await repair()}`);
  }
  const expected = replicas.filter(({ repair }) => repair !== undefined).length;
  const isExpected = options.outage ? letters.length > 0 : letters.length === expected;
  if (options.keep || first === undefined) return isExpected;
  const redriven = await redrive(sqs, queues.deadLetterUrl, handler, letters.length);
  progress.say(`  redriven ${redriven}, left ${letters.length - redriven}`);
  return isExpected && redriven === letters.length;
};

const compareAll = async ({ client, replicas }: Run): Promise<ReadonlyMap<string, Comparison>> => {
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
  const queues = await createQueues(sqs, options);
  const { deadLetterUrl } = queues;
  configure(engines, deadLetterUrl);
  const targets = await openTargets(options, engines);
  const { replicas, feeds, faults } = targets;
  const handler = await handlerOf(options, targets, queues);
  const streamArn = await createTable(client);

  const tally = startTally();
  const account: Account = new Map();
  const run: Run = { options, engines, progress, sqs, client, queues, replicas, handler, tally, account };
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
  const emptyAt = Date.now();
  const letters = await dryRun(sqs, deadLetterUrl);
  const isHealed = await heal(run, letters);
  progress.say("");
  const comparisons = await compareAll(run);
  const agreedAt = Date.now();
  await mapping.stop();
  await retries?.stop();
  tally.stop();
  for (const { show } of replicas) for (const line of (await show?.()) ?? []) progress.say(line);
  const audits = await auditFeeds(account, feeds);
  const waiting = new Set(options.keep ? letters.map(({ record }) => filmIdOf(record)) : []);
  const times = outage && { emptyMs: emptyAt - outage.backAt, agreementMs: agreedAt - outage.backAt };
  return {
    tally,
    elapsedMs,
    isHealed,
    replicas,
    comparisons,
    feeds,
    faults,
    audits,
    deadLetterUrl,
    waiting,
    outage: outage && times && { ...outage, ...times },
  };
};
