// Options of a route, and their checks at cold start. Each error names the option.

import { idSuffixOf } from "../delivery/delivery-result.ts";
import type { ReferenceWaits } from "../delivery/reference-wait.ts";
import { haveOneTarget, type Removal, type Removals, type Route } from "../delivery/route.ts";
import type { Change, Origin } from "../record/change.ts";
import { imageTest, isItemFilter } from "../record/item-filter.ts";
import { checkOptionNames, type OptionNames } from "../sink/option.ts";
import type { Dedupe, MappedSink, Sink } from "../sink/sink.ts";
import { checkedName, invalid, type PipelineSettings } from "./options.ts";

/**
 * Options of a route. `Item` and `Message` are the types of the route's item and of the sink's message. By default, the
 * options fit every route, so they contain no function for `removes` that returns a message.
 */
export interface RouteOptions<Item = unknown, Message = never> {
  /** Name in logs and dead letters, unique in the pipeline. Default: the sink's name. */
  readonly name?: string;
  /**
   * Append routes only: how the target is protected from repeats. Default: `supports.dedupe` of the sink, or else
   * `native` if the target discards repeats by itself, and otherwise `on-failure`.
   */
  readonly dedupe?: Dedupe;
  /**
   * Origins whose changes the route accepts; other changes are filtered. Default: `stream` for append routes, all
   * origins for upsert routes. A route always accepts its own retried and redriven deliveries.
   */
  readonly origins?: readonly Exclude<Origin, "redrive" | "retry">[];
  /**
   * Where a delivery waits for its retry if it still fails after a few quick attempts: in the pipeline's retry queue,
   * or in the stream, which then blocks. Default: the queue, if the pipeline has one. An append route that uses the
   * queue needs a FIFO queue and a dedupe store.
   */
  readonly retryIn?: "queue" | "stream";
  /**
   * Upsert routes only: every change after which the item has no message is sent to the target as a removal, even if the
   * item had no message before, as far as the old image shows. Needed if `when()` or the mapper reads anything but the
   * item, for example the clock, and after a deployment that narrows them. Default false: a modification of an item that
   * matches neither before nor after costs no request.
   */
  readonly removesUnmatched?: boolean;
  /**
   * Upsert routes only: whether the removal of an item that does not match, as far as the old image shows, leaves a
   * tombstone if the target has no copy. Default `always`. `if-present` saves the tombstones of many short-lived items of
   * other types. But if the answer of the filter or the mapper for one item changes while changes of the item are on
   * their way, a late request may then bring the removed item back.
   */
  readonly tombstones?: "always" | "if-present";
  /**
   * How long a delivery is retried whose message refers to something that the target does not have yet
   * (`SINK_REFERENCE_MISSING`), for example a row of another route, in milliseconds. Then it is rejected. Default 900,000,
   * which is 15 minutes; and 60,000 if it waits in the stream, because it holds up its shard.
   */
  readonly waitForReferenceMs?: number;
  /**
   * Upsert routes only: what the removal of an item from the table does to the item's copy: `delete` (default), `keep`, or
   * a function that returns the message that replaces the copy; or one of these for each cause of the removal. An item
   * that only leaves the filter, or for which the mapper returns undefined, is removed in any case.
   */
  readonly removes?: Removal<Item, Message> | Removals<Item, Message>;
}

const optionNames: OptionNames<RouteOptions> = {
  name: true,
  dedupe: true,
  origins: true,
  retryIn: true,
  removesUnmatched: true,
  tombstones: true,
  waitForReferenceMs: true,
  removes: true,
};

const removalNames: OptionNames<Removals<unknown, unknown>> = { byTtl: true, otherwise: true };

/** Filter of a route: whether it accepts an item. */
export type Predicate = (item: unknown) => boolean;

/** Mapper of a route: returns the message of a change. */
type Map = (change: Change<unknown>) => unknown;

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

/** Returns `supports.dedupe`, or else `native` if the target discards repeats, and otherwise `on-failure`. */
const defaultDedupe = ({ supports }: Sink<unknown>): Dedupe =>
  supports.dedupe ?? (supports.dedupesForMs === undefined ? "on-failure" : "native");

/** Checks the option `dedupe`. Returns `none` for an upsert route, because its target compares versions. */
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

/** Origins that every route accepts, because a route's failed deliveries must always reach the route. */
const ownOrigins: readonly Origin[] = ["retry", "redrive"];

/** By default an append target gets no backfills and replays, because they would send old messages again. */
const checkedOrigins = (sink: Sink<unknown>, name: string, asked: unknown): ReadonlySet<Origin> => {
  if (asked === undefined) return new Set(sink.supports.writes === "append" ? ["stream", ...ownOrigins] : allOrigins);
  if (Array.isArray(asked) && asked.length > 0 && asked.every((origin) => allOrigins.includes(origin))) {
    return new Set([...asked, ...ownOrigins]);
  }
  throw invalid(`[${name}] origins is ${JSON.stringify(asked)}; expected some of stream, backfill and replay`);
};

/** An append route keeps order, so its queue must be FIFO, and its dedupe store must record the pending items. */
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

const checkedWaits = (name: string, asked: unknown): ReferenceWaits => {
  if (asked === undefined) return { inQueue: 900_000, inStream: 60_000 };
  if (typeof asked === "number" && asked >= 0) return { inQueue: asked, inStream: asked };
  const found = typeof asked === "number" ? asked : typeof asked;
  throw invalid(`[${name}] waitForReferenceMs is ${found}; expected 0 or more`);
};

const checkedRemoval = (name: string, option: string, asked: unknown): Removal<unknown, unknown> => {
  if (asked === undefined) return "delete";
  if (asked === "delete" || asked === "keep") return asked;
  if (typeof asked === "function") return asked as Removal<unknown, unknown>;
  const found = typeof asked === "string" ? asked : typeof asked;
  throw invalid(`[${name}] ${option} is ${found}; expected delete, keep, or a function that returns a message`);
};

const checkedRemovals = (name: string, asked: unknown): Route["removals"] => {
  if (typeof asked !== "object" || asked === null) {
    const removal = checkedRemoval(name, "removes", asked);
    return { byTtl: removal, otherwise: removal };
  }
  checkOptionNames(`[${name}] removes`, asked, removalNames);
  const { byTtl, otherwise } = asked as Removals<unknown, unknown>;
  return {
    byTtl: checkedRemoval(name, "removes.byTtl", byTtl),
    otherwise: checkedRemoval(name, "removes.otherwise", otherwise),
  };
};

/** An item that moves between two routes of a target must not leave parts behind that only the first route's sink knows. */
const checkLayout = (routes: readonly Route[], sink: Sink<unknown>, name: string): void => {
  const other = routes.find((route) => haveOneTarget(route, { sink }) && route.sink.layout !== sink.layout);
  if (other === undefined) return;
  throw invalid(
    `[${name}] the sink and that of route ${other.name} have one target and different layouts; expected equal nested lists`,
  );
};

/**
 * The route for the arguments of a call of `to`, with or without a mapper.
 * @throws {ConfigError} CONFIG_INVALID, with the argument's name, when an argument is wrong.
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
  checkLayout(settings.routes, sink, name);
  const mapping = checkedMap(sink, map, name);
  checkOptionNames(`[${name}] the route`, options, optionNames);
  const { removesUnmatched = false, tombstones = "always" } = options;
  const upsertOnly = (["removesUnmatched", "tombstones", "removes"] as const).find(
    (option) => options[option] !== undefined,
  );
  if (upsertOnly !== undefined && sink.supports.writes === "append") {
    throw invalid(
      `[${name}] ${upsertOnly} is given, and the sink is an append sink; expected it for upsert sinks only`,
    );
  }
  if (tombstones !== "always" && tombstones !== "if-present") {
    throw invalid(`[${name}] tombstones is ${String(tombstones)}; expected always or if-present`);
  }
  if (typeof removesUnmatched !== "boolean") {
    throw invalid(`[${name}] removesUnmatched is ${typeof removesUnmatched}; expected true or false`);
  }
  return {
    name,
    idSuffix: idSuffixOf({ pipeline: settings.name, route: name }),
    sink,
    ...mapping,
    predicate,
    accepts: isItemFilter(predicate) ? imageTest(predicate.pattern) : undefined,
    schema: settings.schema,
    dedupe: checkedDedupe(sink, name, options.dedupe, settings.dedupeStore !== undefined),
    origins: checkedOrigins(sink, name, options.origins),
    retryIn: checkedRetryIn(sink, name, options.retryIn, settings),
    removesUnmatched,
    tombstones,
    removals: checkedRemovals(name, options.removes),
    referenceWaits: checkedWaits(name, options.waitForReferenceMs),
  };
};
