// Options of a pipeline, and their checks at cold start. Each error names the option.

import { Logger } from "@aws-lambda-powertools/logger";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defaultRetryPolicy, type RetryPolicy } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/deadline.ts";
import type { DedupeStore } from "../delivery/dedupe-store.ts";
import type { Route } from "../delivery/route.ts";
import type { DeliverySettings } from "../delivery/route-worker.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { PayloadStore } from "../envelope/payload-store.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import { ConfigError } from "../errors.ts";
import type { OnFailureDestinationReader } from "../intake/on-failure-destination.ts";
import type { PipelineLogger } from "../logger.ts";
import { checkedObservers } from "../observe/observe.ts";
import type { Observer } from "../observe/observer.ts";
import { ignoringSchema, type OnMismatch } from "../record/mismatch.ts";
import { checkedSource, type Periods, type Source } from "../record/source.ts";
import { checkOptionNames, type OptionNames } from "../sink/option.ts";

/** Options of a pipeline. */
export interface PipelineOptions<Item> {
  /** Queue that rejected records go to: `sqsDeadLetterQueue({ queueUrl })`. */
  readonly deadLetterQueue?: DeadLetterQueue;
  /**
   * The table that the pipeline replicates: its name, or its ARN. Several tables, each from a time on, for a global table
   * that fails over: `[{ table: arn }, { table: otherArn, since: "2026-11-27T10:00:00Z" }]`. Default: the first table
   * whose stream sends an event to the environment.
   */
  readonly source?: string | Source | readonly (string | Source)[];
  /** `"block"` replaces the dead-letter queue: a rejected record holds up its shard until it succeeds or expires. */
  readonly onReject?: "block";
  /** Checks and types items: any Standard Schema (zod, valibot, arktype). An item that does not match is rejected. */
  readonly schema?: StandardSchemaV1<unknown, Item>;
  /**
   * What happens to an item that the schema refuses. `"reject"`: each route rejects the record. `"ignore"`: the pipeline
   * treats the item as if no route's filter matched it. A function gets the item without the schema, and decides by the
   * item alone: `(item) => (item.kind === "order" ? "reject" : "ignore")`. Default `"reject"`.
   */
  readonly onMismatch?: OnMismatch;
  /**
   * Queue for deliveries that still fail after a few quick attempts: `sqsRetryQueue({ queueUrl })`. Default: the stream
   * retries them, and its shard waits.
   */
  readonly retryQueue?: RetryQueue;
  /**
   * Time limit of a route within one invocation, in milliseconds. Unfinished deliveries then go to the retry queue.
   * Default 10,000, and at most half of the time that the invocation has left.
   */
  readonly routeTimeoutMs?: number;
  /**
   * Reads what Lambda's on-failure destination points to: `onFailureDestinationReader()` for a queue or a topic,
   * `onFailureBucketReader({ bucket })` for a bucket, or the members of both. Default: such messages stay unread.
   */
  readonly onFailureDestination?: OnFailureDestinationReader;
  /** Store in which append routes remember deliveries: `dynamodbDedupe({ tableName })`. Not needed for FIFO targets. */
  readonly dedupeStore?: DedupeStore;
  /** Default: Powertools' Logger, with the pipeline's name as its service. */
  readonly logger?: PipelineLogger;
  /** Quick attempts after transient failures, within an invocation. */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Deliveries stop this many milliseconds before Lambda's timeout. The rest of the time is for dead letters and the
   * report. Default: 1,000, or a fifth of the invocation if that is less.
   */
  readonly timeoutBufferMs?: number;
  /**
   * They get reports of what the pipeline did: `[emfMetrics()]` for metrics in CloudWatch. Default: none. If the environment
   * variable `SLUICE_METRICS` is `emf`, as the constructs set it, `emfMetrics()` is always among them.
   */
  readonly observers?: readonly Observer[];
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** Exactly one of the two is required: a queue for rejected records, or the statement that they block the stream. */
export type RejectPolicy = { readonly deadLetterQueue: DeadLetterQueue } | { readonly onReject: "block" };

/** Checked options of a pipeline with their defaults, and its routes. */
export interface PipelineSettings extends Omit<DeliverySettings, "writeRetries" | "storeDeadLetters" | "retryQueue"> {
  readonly routes: readonly Route[];
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  /** The tables that the pipeline replicates; empty without the option `source`. */
  readonly source: Periods;
  /** Undefined if rejected records block the stream. */
  readonly deadLetterQueue: DeadLetterQueue | undefined;
  readonly retryQueue: RetryQueue | undefined;
  readonly onFailureDestination: OnFailureDestinationReader;
  readonly timeoutBufferMs: number | undefined;
  readonly observers: readonly Observer[];
}

const optionNames: OptionNames<PipelineOptions<unknown>> = {
  deadLetterQueue: true,
  source: true,
  onReject: true,
  schema: true,
  onMismatch: true,
  retryQueue: true,
  routeTimeoutMs: true,
  onFailureDestination: true,
  dedupeStore: true,
  logger: true,
  retry: true,
  timeoutBufferMs: true,
  observers: true,
  clock: true,
};

/** The ConfigError for a wrong option. */
export const invalid = (message: string): ConfigError => new ConfigError("CONFIG_INVALID", message);

/** Returns the name. @throws {ConfigError} CONFIG_INVALID when the name is not a text, or is empty. */
export const checkedName = (what: string, name: unknown): string => {
  if (typeof name === "string" && name !== "") return name;
  throw invalid(`${what} is ${typeof name === "string" ? "empty" : typeof name}; expected a text`);
};

const checkedDeadLetterQueue = ({
  deadLetterQueue,
  onReject,
}: PipelineOptions<unknown>): DeadLetterQueue | undefined => {
  if (onReject !== undefined && onReject !== "block") throw invalid(`onReject is ${String(onReject)}; expected block`);
  if (onReject === "block") {
    if (deadLetterQueue === undefined) return undefined;
    throw invalid("onReject is block, and there is a deadLetterQueue; expected one of the two");
  }
  if (typeof deadLetterQueue?.write === "function") return deadLetterQueue;
  const found = deadLetterQueue === undefined ? "missing" : typeof deadLetterQueue;
  throw invalid(
    `deadLetterQueue is ${found}; expected a queue such as sqsDeadLetterQueue({ queueUrl }), or { onReject: "block" } to hold up the stream at a record that never succeeds`,
  );
};

const checkedRetry = (retry: Partial<RetryPolicy> = {}): RetryPolicy => {
  checkOptionNames<Partial<RetryPolicy>>("option retry", retry, {
    maxAttempts: true,
    firstDelayMs: true,
    maxDelayMs: true,
  });
  // Each member is read by name: a spread would lose the getters of a class, and keep an explicit undefined.
  const policy: RetryPolicy = {
    maxAttempts: retry.maxAttempts ?? defaultRetryPolicy.maxAttempts,
    firstDelayMs: retry.firstDelayMs ?? defaultRetryPolicy.firstDelayMs,
    maxDelayMs: retry.maxDelayMs ?? defaultRetryPolicy.maxDelayMs,
  };
  for (const [name, value] of Object.entries(policy)) {
    const least = name === "maxAttempts" ? 1 : 0;
    if (!Number.isFinite(value) || value < least) throw invalid(`retry.${name} is ${value}; expected ${least} or more`);
  }
  return policy;
};

const checkedRetryQueue = ({
  retryQueue,
  deadLetterQueue,
  onReject,
}: PipelineOptions<unknown>): RetryQueue | undefined => {
  if (retryQueue === undefined) return undefined;
  if (typeof retryQueue.write !== "function" || typeof retryQueue.postpone !== "function") {
    throw invalid("retryQueue has no write or no postpone; expected a queue such as sqsRetryQueue({ queueUrl })");
  }
  if (retryQueue.queueUrl !== undefined && retryQueue.queueUrl === deadLetterQueue?.queueUrl) {
    throw invalid("retryQueue and deadLetterQueue are the same queue; expected two queues");
  }
  // A message that is too old for the retry queue must become a dead letter before SQS deletes the message.
  if (onReject === "block") throw invalid("retryQueue needs a deadLetterQueue, and onReject is block");
  return retryQueue;
};

const checkedLogger = (name: string, logger: PipelineLogger | undefined): PipelineLogger => {
  if (logger === undefined) return new Logger({ serviceName: name });
  if (typeof logger.info === "function" && typeof logger.warn === "function") return logger;
  throw invalid("logger has no info or no warn; expected both, as functions of a message and fields");
};

const checkedDedupeStore = (store: DedupeStore | undefined): DedupeStore | undefined => {
  if (store === undefined) return undefined;
  if (typeof store.journal?.find === "function" && typeof store.leases?.acquire === "function") return store;
  throw invalid("dedupeStore has no journal or no leases; expected a store such as dynamodbDedupe({ tableName })");
};

const checkedReader = (reader: OnFailureDestinationReader = {}): OnFailureDestinationReader => {
  // The methods are bound, because a reader may be an instance of a class.
  const [readStream, readObject] = [reader.readStream?.bind(reader), reader.readObject?.bind(reader)];
  return { ...(readStream && { readStream }), ...(readObject && { readObject }) };
};

const checkedOnMismatch = (asked: unknown): OnMismatch => {
  if (asked === undefined) return "reject";
  if (asked === "reject" || asked === "ignore" || typeof asked === "function") return asked as OnMismatch;
  const found = typeof asked === "string" ? asked : typeof asked;
  throw invalid(`onMismatch is ${found}; expected reject, ignore or a function of the item`);
};

/** Returns the schema, with what the option `onMismatch` says about the items that it refuses. */
const checkedSchema = ({ schema, onMismatch }: PipelineOptions<unknown>): PipelineSettings["schema"] => {
  const decision = checkedOnMismatch(onMismatch);
  if (schema === undefined) {
    if (onMismatch === undefined) return undefined;
    throw invalid("onMismatch is given without a schema; expected a schema that can refuse items");
  }
  if (typeof schema["~standard"]?.validate !== "function") {
    throw invalid(
      "schema is not a Standard Schema; expected one of zod, valibot, arktype or another library that follows it",
    );
  }
  return decision === "reject" ? schema : ignoringSchema(schema, decision);
};

/**
 * Settings of a pipeline without routes.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const pipelineSettings = <Item>(name: string, given: PipelineOptions<Item> | undefined): PipelineSettings => {
  checkedName("the pipeline's name", name);
  const options = given ?? {};
  checkOptionNames(`pipeline ${name}`, options, optionNames);
  const { timeoutBufferMs, routeTimeoutMs = 10_000, clock = systemClock } = options;
  if (!(routeTimeoutMs > 0)) throw invalid(`routeTimeoutMs is ${routeTimeoutMs}; expected more than 0`);
  if (timeoutBufferMs !== undefined && !(timeoutBufferMs >= 0)) {
    throw invalid(`timeoutBufferMs is ${timeoutBufferMs}; expected 0 or more`);
  }
  return {
    name,
    routes: [],
    schema: checkedSchema(options),
    source: checkedSource(options.source),
    deadLetterQueue: checkedDeadLetterQueue(options),
    dedupeStore: checkedDedupeStore(options.dedupeStore),
    logger: checkedLogger(name, options.logger),
    retry: checkedRetry(options.retry),
    retryQueue: checkedRetryQueue(options),
    routeTimeoutMs,
    onFailureDestination: checkedReader(options.onFailureDestination),
    timeoutBufferMs,
    observers: checkedObservers(options.observers),
    clock,
  };
};

/** Returns the stores in which the pipeline's queues keep large records. */
export const payloadStoresOf = ({
  deadLetterQueue,
  retryQueue,
}: Pick<PipelineSettings, "deadLetterQueue" | "retryQueue">): readonly PayloadStore[] =>
  [deadLetterQueue?.payloadStore, retryQueue?.payloadStore].filter((store) => store !== undefined);
