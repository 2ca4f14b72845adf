// The pipeline: a plain value that says which changes go where, and as what. Types flow from the schema through
// predicate and mapper to the sink's message.

import { Logger } from "@aws-lambda-powertools/logger";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defaultRetryPolicy, type RetryPolicy } from "../async/backoff.ts";
import { type Clock, systemClock } from "../async/deadline.ts";
import { type Dedupe, type DedupeStore, dedupeOf } from "../delivery/dedupe-store.ts";
import type { Route } from "../delivery/route.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import { ConfigError } from "../errors.ts";
import { type OnFailureDestinationReader, onFailureDestinationReader } from "../intake/on-failure-destination.ts";
import type { Change, Origin, UnknownItem } from "../record/change.ts";
import type { MappedSink, Mapper, Sink, WriteMode } from "../sink/sink.ts";
import { handlerOf, type PipelineHandler } from "./handler.ts";
import type { HandlerParts } from "./invocation.ts";
import type { PipelineLogger } from "./telemetry.ts";

/** Options of a pipeline. */
export interface PipelineOptions<Item> {
  /** Queue that rejected records go to: `sqsDeadLetterQueue({ queueUrl })`. */
  readonly deadLetterQueue?: DeadLetterQueue;
  /** `"block"`, instead of a dead-letter queue: a rejected record holds up its shard until it succeeds or expires. */
  readonly onReject?: "block";
  /** Checks and types items: any Standard Schema (zod, valibot, arktype). An item that does not fit is rejected. */
  readonly schema?: StandardSchemaV1<unknown, Item>;
  /**
   * Where deliveries go that a few quick attempts did not bring home: `sqsRetryQueue({ queueUrl })`. Default: the stream
   * brings them again, and waits for them.
   */
  readonly retryQueue?: RetryQueue;
  /** Milliseconds that a route may take of an invocation before the rest of its batch is spilled. Default 10,000, or half. */
  readonly routeTimeoutMs?: number;
  /** Reads what Lambda's own on-failure destination points to. Default: `onFailureDestinationReader()`. */
  readonly onFailureDestination?: OnFailureDestinationReader;
  /** Where append routes remember what they have delivered, unless their targets do: `dynamodbDedupe({ tableName })`. */
  readonly dedupeStore?: DedupeStore;
  /** Default: Powertools' Logger, with the pipeline's name as its service. */
  readonly logger?: PipelineLogger;
  /** Quick attempts of transient failures within an invocation. */
  readonly retry?: Partial<RetryPolicy>;
  /** Milliseconds of the invocation kept for dead letters and the report. Default: 1,000, or a fifth if that is less. */
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
   * Whether what is to be retried is spilled to the pipeline's retry queue, or blocks the stream. Default: it is spilled
   * where there is one. An append route needs a FIFO queue and a dedupe store for that.
   */
  readonly retryIn?: "queue" | "stream";
}

/** A pipeline, and what may follow in its making. Every method answers a new pipeline. */
export interface Pipeline<Base, Item = Base> {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Adds a route. The mapper makes the sink's message of a change; undefined: the item has no copy there. */
  readonly to: AddRoute<Base, Item>;
  /** Limits the routes that follow, up to the next `when`, to the items that the predicate holds for. */
  readonly when: AddFilter<Base>;
  /**
   * The Lambda handler.
   * @throws {ConfigError} CONFIG_INVALID when the pipeline has no route.
   */
  readonly handler: () => PipelineHandler;
}

export interface AddRoute<Base, Item> {
  <Message, Writes extends WriteMode>(
    sink: Sink<Message, Writes>,
    map: Mapper<Item, NoInfer<Message>, Writes>,
    options?: RouteOptions,
  ): Pipeline<Base, Item>;
  /** A sink that brings its own mapping. */
  <Message, Writes extends WriteMode>(sink: MappedSink<Message, Writes>, options?: RouteOptions): Pipeline<Base, Item>;
}

export interface AddFilter<Base> {
  <Narrow extends Base>(predicate: (item: Base) => item is Narrow): Pipeline<Base, Narrow>;
  (predicate: (item: Base) => boolean): Pipeline<Base, Base>;
}

type Predicate = (item: unknown) => boolean;
type Map = (change: Change<unknown>) => unknown;

const invalid = (message: string): ConfigError => new ConfigError("CONFIG_INVALID", message);

const checkedName = (what: string, name: unknown): string => {
  if (typeof name === "string" && name !== "") return name;
  throw invalid(`${what} is ${typeof name === "string" ? "empty" : typeof name}; expected a text`);
};

/** @returns undefined where rejected records block the stream. */
const checkedDeadLetterQueue = ({
  deadLetterQueue,
  onReject,
}: Pick<PipelineOptions<unknown>, "deadLetterQueue" | "onReject">): DeadLetterQueue | undefined => {
  if (onReject !== undefined && onReject !== "block") throw invalid(`onReject is ${String(onReject)}; expected block`);
  if (onReject === "block") {
    if (deadLetterQueue === undefined) return undefined;
    throw invalid("onReject is block, and there is a deadLetterQueue; expected one of the two");
  }
  if (typeof deadLetterQueue?.write === "function") return deadLetterQueue;
  throw invalid(
    `deadLetterQueue is ${deadLetterQueue === undefined ? "missing" : typeof deadLetterQueue}; expected a queue such as sqsDeadLetterQueue({ queueUrl }), or { onReject: "block" } to hold up the stream at a record that fails for ever`,
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

const checkedRetryQueue = (
  retryQueue: RetryQueue | undefined,
  deadLetterQueue: DeadLetterQueue | undefined,
): RetryQueue | undefined => {
  if (retryQueue === undefined) return undefined;
  if (typeof retryQueue.write !== "function" || typeof retryQueue.postpone !== "function") {
    throw invalid("retryQueue has no write or no postpone; expected a queue such as sqsRetryQueue({ queueUrl })");
  }
  // What is too old for the retry queue must go somewhere before SQS forgets it.
  if (deadLetterQueue === undefined) throw invalid('retryQueue needs a deadLetterQueue; onReject is "block"');
  return retryQueue;
};

const checkedLogger = (logger: PipelineLogger): PipelineLogger => {
  if (typeof logger.info === "function" && typeof logger.warn === "function") return logger;
  throw invalid("logger has no info or no warn; expected both, as functions of a message and fields");
};

const checkedSink = (sink: unknown, pipelineName: string): Sink<unknown> => {
  const candidate = sink as Sink<unknown> | undefined;
  const { writes, maxEntries = 1, concurrency = 1 } = candidate?.supports ?? {};
  if (typeof candidate?.write !== "function" || (writes !== "upsert" && writes !== "append")) {
    throw invalid(`[${pipelineName}] to() was given something that is no sink; expected name, supports and write`);
  }
  for (const [name, value] of Object.entries({ maxEntries, concurrency })) {
    if (!(value >= 1)) throw invalid(`[${candidate.name}] supports.${name} is ${value}; expected 1 or more`);
  }
  return candidate;
};

const checkedDedupeStore = (store: DedupeStore | undefined): DedupeStore | undefined => {
  if (store === undefined) return undefined;
  if (typeof store.journal?.find === "function" && typeof store.leases?.acquire === "function") return store;
  throw invalid("dedupeStore has no journal or no leases; expected a store such as dynamodbDedupe({ tableName })");
};

const checkedMap = (sink: Sink<unknown>, map: Map | undefined, name: string): Pick<Route, "map" | "mapsItself"> => {
  const own = (sink as Partial<MappedSink<unknown>>).map;
  if (map !== undefined) return { map, mapsItself: false };
  if (own !== undefined) return { map: own as Map, mapsItself: true };
  throw invalid(`[${name}] the route has no mapper, and its sink brings none; expected to(sink, mapper)`);
};

const allOrigins: readonly Origin[] = ["stream", "retry", "redrive", "backfill", "replay"];

/** What a route failed to deliver always reaches it. */
const ownOrigins: readonly Origin[] = ["retry", "redrive"];

/** A backfill or replay that reached an append target would send what was sent long ago. */
const checkedOrigins = (sink: Sink<unknown>, name: string, asked: unknown): ReadonlySet<Origin> => {
  if (asked === undefined) return new Set(sink.supports.writes === "append" ? ["stream", ...ownOrigins] : allOrigins);
  if (Array.isArray(asked) && asked.length > 0 && asked.every((origin) => allOrigins.includes(origin))) {
    return new Set([...asked, ...ownOrigins]);
  }
  throw invalid(`[${name}] origins is ${JSON.stringify(asked)}; expected some of stream, backfill and replay`);
};

const checkedWhenFailing = (sink: Sink<unknown>, name: string, asked: unknown, parts: HandlerParts): boolean => {
  const { retryQueue, dedupeStore } = parts;
  if (asked !== undefined && asked !== "queue" && asked !== "stream") {
    throw invalid(`[${name}] retryIn is ${String(asked)}; expected queue or stream`);
  }
  if (retryQueue === undefined) {
    if (asked === "queue") throw invalid(`[${name}] retryIn is queue, and the pipeline has no retryQueue`);
    return false;
  }
  if (asked === "stream") return false;
  if (sink.supports.writes === "upsert") return true;
  if (!retryQueue.keepsOrder) {
    throw invalid(`[${name}] an append route spills in order; expected a FIFO retryQueue, or { retryIn: "stream" }`);
  }
  if (dedupeStore?.pendingItems !== undefined) return true;
  throw invalid(
    `[${name}] an append route that spills marks its parked items; expected a dedupeStore with pendingItems, such as dynamodbDedupe({ tableName }), or { retryIn: "stream" }`,
  );
};

/** Adds the route that `to` was called for: with a mapper, or with options only. */
const added = (
  parts: HandlerParts,
  predicate: Predicate | undefined,
  [candidate, second, third]: readonly unknown[],
): HandlerParts => {
  const map = typeof second === "function" ? (second as Map) : undefined;
  const options = ((map === undefined ? second : third) ?? {}) as RouteOptions;
  const sink = checkedSink(candidate, parts.name);
  const name = checkedName(`[${parts.name}] a route's name`, options.name ?? sink.name);
  if (parts.routes.some((route) => route.name === name)) {
    throw invalid(`[${parts.name}] two routes are named ${name}; expected different names: to(sink, mapper, { name })`);
  }
  const route: Route = {
    name,
    sink,
    ...checkedMap(sink, map, name),
    predicate,
    schema: parts.schema,
    dedupe: dedupeOf(sink, name, options.dedupe, parts.dedupeStore !== undefined),
    origins: checkedOrigins(sink, name, options.origins),
    spills: checkedWhenFailing(sink, name, options.retryIn, parts),
  };
  return { ...parts, routes: [...parts.routes, route] };
};

const pipelineOf = <Base, Item>(parts: HandlerParts, predicate: Predicate | undefined): Pipeline<Base, Item> =>
  Object.freeze({
    name: parts.name,
    routes: parts.routes,
    to: (...args: readonly unknown[]) => pipelineOf<Base, Item>(added(parts, predicate, args), predicate),
    when: (next: (item: Base) => boolean) => {
      if (typeof next !== "function")
        throw invalid(`[${parts.name}] when() was given ${typeof next}; expected a function`);
      return pipelineOf<Base, never>(parts, next as Predicate);
    },
    handler: () => {
      if (parts.routes.length === 0)
        throw invalid(`[${parts.name}] the pipeline has no route; expected to(sink, mapper)`);
      return handlerOf(parts);
    },
  });

/**
 * A pipeline without routes yet.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, or `deadLetterQueue` is not stated.
 * @example
 * export const handler = pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl }) })
 *   .to(postgresSink({ pool, table: "orders" }), (change) => ({ total: change.after.total }))
 *   .handler();
 */
export const pipeline = <Item = UnknownItem>(
  name: string,
  options: PipelineOptions<Item> & RejectPolicy,
): Pipeline<Item> => {
  checkedName("the pipeline's name", name);
  const {
    schema,
    timeoutBufferMs,
    logger,
    onFailureDestination,
    routeTimeoutMs = 10_000,
    clock = systemClock,
  } = options ?? {};
  if (schema !== undefined && typeof schema["~standard"]?.validate !== "function") {
    throw invalid(
      "schema is no Standard Schema; expected a schema of zod, valibot, arktype or another that follows it",
    );
  }
  if (!(routeTimeoutMs > 0)) throw invalid(`routeTimeoutMs is ${routeTimeoutMs}; expected more than 0`);
  if (timeoutBufferMs !== undefined && !(timeoutBufferMs >= 0))
    throw invalid(`timeoutBufferMs is ${timeoutBufferMs}; expected 0 or more`);
  const deadLetterQueue = checkedDeadLetterQueue(options ?? {});
  const parts: HandlerParts = {
    name,
    routes: [],
    schema,
    deadLetterQueue,
    dedupeStore: checkedDedupeStore(options.dedupeStore),
    logger: logger === undefined ? new Logger({ serviceName: name }) : checkedLogger(logger),
    retry: checkedRetry(options.retry),
    retryQueue: checkedRetryQueue(options.retryQueue, deadLetterQueue),
    routeTimeoutMs,
    onFailureDestination: onFailureDestination ?? onFailureDestinationReader(),
    timeoutBufferMs,
    clock,
  };
  return pipelineOf<Item, Item>(parts, undefined);
};
