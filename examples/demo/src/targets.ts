// Creates the pipeline of the demo: the chosen replicas and feeds, and the queues for retries and dead letters.

import type { SQS } from "@aws-sdk/client-sqs";
import { type DedupeStore, type PipelineHandler, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import type { Observer } from "@sluice/core/metrics";
import type { DemoEngines } from "./demo-engines.ts";
import { type Faults, planFaults } from "./faults.ts";
import type { Feed } from "./feeds/feed.ts";
import { openDedupeStore, openFeeds } from "./feeds/index.ts";
import type { Options } from "./options.ts";
import { openReplicas } from "./replicas/index.ts";
import type { FilmsPipeline, Replica } from "./replicas/replica.ts";
import { tableName } from "./table.ts";

/** The opened replicas and feeds, and the planned faults. */
export interface Targets {
  readonly replicas: readonly Replica[];
  readonly feeds: readonly Feed[];
  readonly faults: Faults;
  readonly dedupeStore: DedupeStore | undefined;
}

/** Opens the targets on their running engines. Plans no faults for a run with an outage. */
export const openTargets = async (options: Options, engines: DemoEngines): Promise<Targets> => {
  const feeds = await openFeeds(options.feeds, engines);
  return {
    replicas: await openReplicas(options, engines),
    feeds,
    faults: planFaults(options.outage ? [] : feeds),
    dedupeStore: feeds.length > 0 ? await openDedupeStore(engines.dynamodb) : undefined,
  };
};

/** The queues of the pipeline. */
export interface Queues {
  readonly deadLetterUrl: string;
  /** Undefined if the run has no outage. */
  readonly retryUrl: string | undefined;
}

/** Creates the queues. Only feeds need a FIFO retry queue: replicas compare versions, so the order does not matter. */
export const createQueues = async (sqs: SQS, { outage, feeds }: Options): Promise<Queues> => {
  const name = `sluice-demo-${Date.now()}`;
  const { QueueUrl: deadLetterUrl = "" } = await sqs.createQueue({ QueueName: name });
  if (!outage) return { deadLetterUrl, retryUrl: undefined };
  const { QueueUrl: retryUrl } = await sqs.createQueue(
    feeds.length > 0
      ? { QueueName: `${name}-retries.fifo`, Attributes: { FifoQueue: "true" } }
      : { QueueName: `${name}-retries` },
  );
  return { deadLetterUrl, retryUrl };
};

/** Short delays for the retry queue, because the outage is short. The defaults are 15 seconds and 15 minutes. */
const delays = { firstDelaySeconds: 2, maxDelaySeconds: 4 };

/** Returns a pipeline with a route to each target. */
export const pipelineOf = (
  { replicas, feeds, faults, dedupeStore }: Targets,
  { deadLetterUrl, retryUrl }: Queues,
  observers: readonly Observer[] = [],
): FilmsPipeline => {
  let films: FilmsPipeline = pipeline("films", {
    source: tableName,
    observers,
    deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetterUrl }),
    ...(retryUrl !== undefined && { retryQueue: sqsRetryQueue({ queueUrl: retryUrl, ...delays }) }),
    ...(dedupeStore && { dedupeStore }),
  });
  for (const replica of replicas) films = replica.addTo(films);
  for (const feed of feeds) films = feed.addTo(films, faults);
  return films;
};

/**
 * Returns the handler of `films/handler.ts` if Postgres is the only target, without an outage. Otherwise returns the
 * handler of a pipeline with a route to each target.
 */
export const handlerOf = async (
  { sinks, outage }: Options,
  targets: Targets,
  queues: Queues,
  observers: readonly Observer[],
): Promise<PipelineHandler> => {
  if (sinks.join() === "postgres" && !outage) return (await import("./films/handler.ts")).handler;
  return pipelineOf(targets, queues, observers).handler();
};
