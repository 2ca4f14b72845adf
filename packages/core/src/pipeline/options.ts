// Options of a pipeline and of its routes, and their checks at cold start. Each refusal names the option.

import { Logger } from "@aws-lambda-powertools/logger";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defaultRetryPolicy, type RetryPolicy } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/deadline.ts";
import type { DedupeStore } from "../delivery/dedupe-store.ts";
import type { Route } from "../delivery/route.ts";
import type { DeliverySettings } from "../delivery/route-worker.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import { ConfigError } from "../errors.ts";
import { type OnFailureDestinationReader, onFailureDestinationReader } from "../intake/on-failure-destination.ts";
import type { PipelineLogger } from "../logger.ts";
import type { Change, Origin } from "../record/change.ts";
import type { Dedupe, MappedSink, Sink } from "../sink/sink.ts";

/** Options of a pipeline. */
export interface PipelineOptions<Item> {
  /** Queue that rejected records go to: `sqsDeadLetterQueue({ queueUrl })`. */
  readonly deadLetterQueue?: DeadLetterQueue;
  /** `"block"`, instead of a dead-letter queue: a rejected record holds up its shard until it succeeds or expires. */
  readonly onReject?: "block";
  /** Checks and types items: any Standard Schema (zod, valibot, arktype). An item that does not match is rejected. */
  readonly schema?: StandardSchemaV1<unknown, Item>;
  /**
   * Queue for deliveries that still fail after a few quick attempts: `sqsRetryQueue({ queueUrl })`. Default: the stream
   * retries them, and its shard waits.
   */
  readonly retryQueue?: RetryQueue;
  /**
   * Milliseconds that a route may take of an invocation before the rest of its batch goes to the retry queue. Default
   * 10,000, and at most half of the invocation.
   */
  readonly routeTimeoutMs?: number;
  /** Reads the records that Lambda's on-failure destination points to. Default: `onFailureDestinationReader()`. */
  readonly onFailureDestination?: OnFailureDestinationReader;
  /** Where append routes remember what they have delivered, unless their targets do: `dynamodbDedupe({ tableName })`. */
  readonly dedupeStore?: DedupeStore;
  /** Default: Powertools' Logger, with the pipeline's name as its service. */
  readonly logger?: PipelineLogger;
  /** Quick attempts after transient failures, within an invocation. */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Milliseconds before Lambda's timeout at which work stops; they are kept for dead letters and the report. Default:
   * 1,000, or a fifth of the invocation if that is less.
   */
  readonly timeoutBufferMs?: number;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** Where rejected records go must be stated. */
export type RejectPolicy = { readonly deadLetterQueue: DeadLetterQueue } | { readonly onReject: "block" };

/** Options of a route. */
export interface RouteOptions {
  /** Name in logs and dead letters, unique in the pipeline. Default: the sink's. */
  readonly name?: string;
  /**
   * Append routes: how repeats are kept from the target. Default: what the sink says, `native` where the target
   * discards repeats by itself, else `on-failure`.
   */
  readonly dedupe?: Dedupe;
  /**
   * Where changes may come from; others are filtered. Default: `stream` for append routes, all for upsert routes. A
   * route's own dead letters always reach it when they are redriven.
   */
  readonly origins?: readonly Exclude<Origin, "redrive" | "retry">[];
  /**
   * Where deliveries are retried from that still fail after a few quick attempts: the pipeline's retry queue, or the
   * stream, which waits. Default: the queue, if the pipeline has one. An append route needs a FIFO queue and a dedupe
   * store for that.
   */
  readonly retryIn?: "queue" | "stream";
}

/** Options of a pipeline after their checks, with their defaults, and its routes. */
export interface PipelineSettings extends Omit<DeliverySettings, "writeRetries"> {
  readonly routes: readonly Route[];
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  /** Undefined where rejected records block the stream. */
  readonly deadLetterQueue: DeadLetterQueue | undefined;
  readonly retryQueue: RetryQueue | undefined;
  readonly onFailureDestination: OnFailureDestinationReader;
  readonly timeoutBufferMs: number | undefined;
}

/** Whether a route takes an item. */
export type Predicate = (item: unknown) => boolean;

/** Makes a message of a change. */
type Map = (change: Change<unknown>) => unknown;

/** A wrong option, as a ConfigError. */
export const invalid = (message: string): ConfigError => new ConfigError("CONFIG_INVALID", message);

const checkedName = (what: string, name: unknown): string => {
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
  const policy = { ...defaultRetryPolicy, ...retry };
  for (const [name, value] of Object.entries(policy)) {
    const least = name === "maxAttempts" ? 1 : 0;
    if (!Number.isFinite(value) || value < least) throw invalid(`retry.${name} is ${value}; expected ${least} or more`);
  }
  return policy;
};

const checkedRetryQueue = ({ retryQueue, onReject }: PipelineOptions<unknown>): RetryQueue | undefined => {
  if (retryQueue === undefined) return undefined;
  if (typeof retryQueue.write !== "function" || typeof retryQueue.postpone !== "function") {
    throw invalid("retryQueue has no write or no postpone; expected a queue such as sqsRetryQueue({ queueUrl })");
  }
  // A message that is too old for the retry queue must be stored elsewhere before SQS deletes it.
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

const checkedSchema = <Schema extends StandardSchemaV1>(schema: Schema | undefined): Schema | undefined => {
  if (schema === undefined || typeof schema["~standard"]?.validate === "function") return schema;
  throw invalid(
    "schema is not a Standard Schema; expected one of zod, valibot, arktype or another library that follows it",
  );
};

/**
 * Settings of a pipeline without routes.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name.
 */
export const pipelineSettings = <Item>(name: string, given: PipelineOptions<Item> | undefined): PipelineSettings => {
  checkedName("the pipeline's name", name);
  const options = given ?? {};
  const { timeoutBufferMs, routeTimeoutMs = 10_000, clock = systemClock } = options;
  if (!(routeTimeoutMs > 0)) throw invalid(`routeTimeoutMs is ${routeTimeoutMs}; expected more than 0`);
  if (timeoutBufferMs !== undefined && !(timeoutBufferMs >= 0)) {
    throw invalid(`timeoutBufferMs is ${timeoutBufferMs}; expected 0 or more`);
  }
  return {
    name,
    routes: [],
    schema: checkedSchema(options.schema),
    deadLetterQueue: checkedDeadLetterQueue(options),
    dedupeStore: checkedDedupeStore(options.dedupeStore),
    logger: checkedLogger(name, options.logger),
    retry: checkedRetry(options.retry),
    retryQueue: checkedRetryQueue(options),
    routeTimeoutMs,
    onFailureDestination: options.onFailureDestination ?? onFailureDestinationReader(),
    timeoutBufferMs,
    clock,
  };
};

const checkedSink = (sink: unknown, pipelineName: string): Sink<unknown> => {
  const candidate = sink as Sink<unknown> | undefined;
  const { writes, maxEntries = 1, concurrency = 1 } = candidate?.supports ?? {};
  if (typeof candidate?.write !== "function" || (writes !== "upsert" && writes !== "append")) {
    throw invalid(`[${pipelineName}] the first argument of to() is not a sink; expected name, supports and write`);
  }
  for (const [name, value] of Object.entries({ maxEntries, concurrency })) {
    if (!(value >= 1)) throw invalid(`[${candidate.name}] supports.${name} is ${value}; expected 1 or more`);
  }
  return candidate;
};

const checkedMap = (sink: Sink<unknown>, map: Map | undefined, name: string): Pick<Route, "map" | "mapsItself"> => {
  const own = (sink as Partial<MappedSink<unknown>>).map;
  if (map !== undefined) return { map, mapsItself: false };
  if (own !== undefined) return { map: own as Map, mapsItself: true };
  throw invalid(`[${name}] the route has no mapper, and its sink brings none; expected to(sink, mapper)`);
};

const dedupeModes: readonly unknown[] = ["native", "on-failure", "always", "none"] satisfies Dedupe[];

/** The sink's own default, then what the target does by itself, then the journal. */
const defaultDedupe = ({ supports }: Sink<unknown>): Dedupe =>
  supports.dedupe ?? (supports.dedupesForMs === undefined ? "on-failure" : "native");

/** `none` for upsert routes: their targets compare versions. */
const checkedDedupe = (sink: Sink<unknown>, name: string, asked: unknown, hasStore: boolean): Dedupe => {
  if (sink.supports.writes === "upsert") {
    if (asked === undefined) return "none";
    throw invalid(`[${name}] dedupe is for append sinks; an upsert sink takes repeats by version, so leave it out`);
  }
  if (asked !== undefined && !dedupeModes.includes(asked)) {
    throw invalid(`[${name}] dedupe is ${String(asked)}; expected ${dedupeModes.join(", ")}`);
  }
  const dedupe = (asked as Dedupe | undefined) ?? defaultDedupe(sink);
  if (dedupe === "native" && sink.supports.dedupesForMs === undefined) {
    throw invalid(`[${name}] dedupe is native, which this target is not; expected on-failure, always or none`);
  }
  if (dedupe === "native" || dedupe === "none" || hasStore) return dedupe;
  throw invalid(
    `[${name}] dedupe is ${dedupe}${asked === undefined ? " by default" : ""}, and the pipeline has no dedupeStore; expected one, such as dynamodbDedupe({ tableName }), or { dedupe: "none" } to send repeats again`,
  );
};

const allOrigins: readonly Origin[] = ["stream", "retry", "redrive", "backfill", "replay"];

/** A route's own failed deliveries always reach it. */
const ownOrigins: readonly Origin[] = ["retry", "redrive"];

/** By default no backfill or replay reaches an append target: it would send again what was sent long ago. */
const checkedOrigins = (sink: Sink<unknown>, name: string, asked: unknown): ReadonlySet<Origin> => {
  if (asked === undefined) return new Set(sink.supports.writes === "append" ? ["stream", ...ownOrigins] : allOrigins);
  if (Array.isArray(asked) && asked.length > 0 && asked.every((origin) => allOrigins.includes(origin))) {
    return new Set([...asked, ...ownOrigins]);
  }
  throw invalid(`[${name}] origins is ${JSON.stringify(asked)}; expected some of stream, backfill and replay`);
};

/** An append route keeps order: its queue must be FIFO, and its store must know which items are pending. */
const checkedRetryIn = (
  sink: Sink<unknown>,
  name: string,
  asked: unknown,
  { retryQueue, dedupeStore }: PipelineSettings,
): Route["retryIn"] => {
  if (asked !== undefined && asked !== "queue" && asked !== "stream") {
    throw invalid(`[${name}] retryIn is ${String(asked)}; expected queue or stream`);
  }
  if (retryQueue === undefined) {
    if (asked === "queue") throw invalid(`[${name}] retryIn is queue, and the pipeline has no retryQueue`);
    return "stream";
  }
  if (asked === "stream" || sink.supports.writes === "upsert") return asked ?? "queue";
  if (!retryQueue.keepsOrder) {
    throw invalid(`[${name}] an append route retries in order; expected a FIFO retryQueue, or { retryIn: "stream" }`);
  }
  if (dedupeStore?.pendingItems !== undefined) return "queue";
  throw invalid(
    `[${name}] an append route that retries in a queue must know its pending items; expected a dedupeStore with pendingItems, such as dynamodbDedupe({ tableName }), or { retryIn: "stream" }`,
  );
};

/**
 * The route of a call of `to`: with a mapper, or with options only.
 * @throws {ConfigError} CONFIG_INVALID when an argument is wrong, by name.
 */
export const checkedRoute = (
  settings: PipelineSettings,
  predicate: Predicate | undefined,
  [candidate, second, third]: readonly unknown[],
): Route => {
  const map = typeof second === "function" ? (second as Map) : undefined;
  const options = ((map === undefined ? second : third) ?? {}) as RouteOptions;
  const sink = checkedSink(candidate, settings.name);
  const name = checkedName(`[${settings.name}] a route's name`, options.name ?? sink.name);
  if (settings.routes.some((route) => route.name === name)) {
    throw invalid(
      `[${settings.name}] two routes are named ${name}; expected different names: to(sink, mapper, { name })`,
    );
  }
  return {
    name,
    sink,
    ...checkedMap(sink, map, name),
    predicate,
    schema: settings.schema,
    dedupe: checkedDedupe(sink, name, options.dedupe, settings.dedupeStore !== undefined),
    origins: checkedOrigins(sink, name, options.origins),
    retryIn: checkedRetryIn(sink, name, options.retryIn, settings),
  };
};
