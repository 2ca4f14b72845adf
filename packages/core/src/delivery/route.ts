// A route is one sink of a pipeline with its mapper and filter. It decides what a change does to the sink's target.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { disregard, isThenable } from "../async/thenable.ts";
import { ConfigError, RecordError } from "../errors.ts";
import type { Change, Image, LiveChange, Origin, RemovedChange } from "../record/change.ts";
import { assertNewImage, carries, imageOf, priorState } from "../record/record.ts";
import { describeThrown } from "../sink/encoding-error.ts";
import type { Dedupe, Sink } from "../sink/sink.ts";
import type { ReferenceWaits } from "./reference-wait.ts";

/**
 * What the removal of an item from the table does to the item's copy. `delete`: the copy is removed. `keep`: the copy
 * stays as it is. A function marks the copy: it returns the message that replaces the copy, or undefined to delete it.
 */
export type Removal<Item, Message> = "delete" | "keep" | ((removal: RemovedChange<Item>) => Message | undefined);

/** What removals do to the copies of a route, by the cause of the removal. */
export interface Removals<Item, Message> {
  /** Removals by DynamoDB's TTL service, in the region of the stream. Default `delete`. */
  readonly byTtl?: Removal<Item, Message>;
  /** All other removals, among them TTL removals that a global table replicates from another region. Default `delete`. */
  readonly otherwise?: Removal<Item, Message>;
}

/** A sink with its mapper and filter. Their types are `unknown`, because the pipeline's methods have checked them. */
export interface Route {
  /** Unique in its pipeline. Dead letters contain this name. */
  readonly name: string;
  /** The end of the ids of the route's deliveries. */
  readonly idSuffix: string;
  readonly sink: Sink<unknown>;
  readonly map: (change: Change<unknown>) => unknown;
  /** Whether the sink has its own mapper. Such a mapper reads the raw image and never returns undefined. */
  readonly mapsItself: boolean;
  /** What `when` got: a predicate, or a filter of `matching`. */
  readonly predicate: ((item: unknown) => boolean) | undefined;
  /** The test of a filter of `matching`. It judges the image, so that it answers as the same filter in Lambda does. */
  readonly accepts: ((image: Image) => boolean) | undefined;
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  /** How an append target is protected from repeats. `none` for an upsert target, which compares versions. */
  readonly dedupe: Dedupe;
  /** Changes of other origins are filtered. */
  readonly origins: ReadonlySet<Origin>;
  /** Where deliveries are retried from: the pipeline's retry queue, or the stream. */
  readonly retryIn: "queue" | "stream";
  /** How long deliveries wait for what their messages refer to. */
  readonly referenceWaits: ReferenceWaits;
  /** Whether every change after which the item has no message is sent to the target as a removal. */
  readonly removesUnmatched: boolean;
  /** Whether an unlikely copy is removed with a tombstone, even if the target does not have it. */
  readonly tombstones: "always" | "if-present";
  /** What the removal of an item does to the item's copy. */
  readonly removals: Required<Removals<unknown, unknown>>;
}

/** A route, with the other routes of its pipeline that have the same target. */
export interface SharedRoute extends Route {
  readonly others: readonly Route[];
  /** Those of `others` that were added to the pipeline before the route. */
  readonly before: readonly Route[];
}

/** Whether two routes write the same copies. */
export const haveOneTarget = ({ sink: one }: Pick<Route, "sink">, { sink: other }: Pick<Route, "sink">): boolean =>
  one.supports.writes === "upsert" &&
  other.supports.writes === "upsert" &&
  (one === other || (one.target !== undefined && one.target === other.target));

/** Finds, for each route of a pipeline, the other routes with the same target. */
export const sharedRoutes = (routes: readonly Route[]): SharedRoute[] =>
  routes.map((route, index) => ({
    ...route,
    others: routes.filter((other) => other !== route && haveOneTarget(route, other)),
    before: routes.slice(0, index).filter((other) => haveOneTarget(route, other)),
  }));

/**
 * Whether the target may have a copy of the item from before the change. `unlikely`: the filter and the mapper of today do
 * not accept the old image, but they may have accepted it at another time.
 */
export type PriorCopy = "possible" | "unlikely";

/** Effect of a change on a target. */
export type Effect =
  | { readonly kind: "write"; readonly message: unknown }
  | { readonly kind: "remove"; readonly copy: PriorCopy }
  | { readonly kind: "none" }
  | { readonly kind: "reject"; readonly error: RecordError };

const none: Effect = { kind: "none" };

/** Converts an error of the user's code or schema to a rejection. Rethrows a `ConfigError`. */
const rejection = (route: Route, error: unknown): Effect => {
  if (error instanceof RecordError) return { kind: "reject", error };
  if (error instanceof ConfigError) throw error;
  const message = `[${route.name}] the mapper or predicate threw ${describeThrown(error)}`;
  return { kind: "reject", error: new RecordError("MAPPING_FAILED", message, { cause: error }) };
};

/** Returns the user's result. Throws if it is a promise, because a predicate's promise would count as true. */
const returned = <Value>(route: Route, what: string, value: Value): Value => {
  if (!isThenable(value)) return value;
  disregard(value);
  throw new RecordError("MAPPING_FAILED", `[${route.name}] the ${what} returned a promise; expected its value`);
};

const mapped = (route: Route, change: Change<unknown>): unknown => returned(route, "mapper", route.map(change));

/**
 * Whether the item on one side of a change passes the filter of the route. Without a filter every item passes, except an
 * item that the pipeline ignores: its schema has no output for the item. An item that a filter of `matching` refuses is
 * not parsed, because Lambda's filter would hide it from the schema, too.
 */
const matches = (route: Route, change: Change<unknown>, side: "new" | "old"): boolean => {
  const { accepts, predicate, schema } = route;
  if (accepts !== undefined) {
    if (!accepts(imageOf(change, side))) return false;
    if (schema === undefined) return true;
  }
  const item = side === "new" ? change.after : change.before;
  if (item === undefined) return false;
  return accepts !== undefined || predicate === undefined || returned(route, "predicate", predicate(item));
};

/**
 * Whether the filter or the schema needs the item. If neither does, the item is decoded only when the mapper reads it.
 * So a mapper that reads only keys works with every view type.
 */
const isJudged = ({ predicate, schema }: Route, { viewType }: Change<unknown>, side: "new" | "old"): boolean =>
  predicate !== undefined || (schema !== undefined && carries(viewType, side));

/**
 * Returns the message for the item after the change, or undefined if the target should have no copy of the item. The
 * mapper gets `seen`, which may note what it reads.
 */
const messageOf = (route: Route, change: Change<unknown>, seen = change): unknown => {
  // The sink's own mapper reads the raw image, so the record must have one.
  if (route.mapsItself) assertNewImage(change);
  if (isJudged(route, change, "new") && !matches(route, change, "new")) return undefined;
  return mapped(route, seen);
};

/** The members of a change that depend on the item alone. */
const itemMembers: ReadonlySet<unknown> = new Set(["after", "keys", "itemKey", "viewType"]);

/** Returns the change, which calls `note` whenever the user's code reads a member that does not depend on the item alone. */
const watched = <Item>(change: LiveChange<Item>, note: () => void): LiveChange<Item> =>
  new Proxy(change, {
    get: (target, name) => {
      if (!itemMembers.has(name)) note();
      return Reflect.get(target, name, target);
    },
  });

/** Judges by the old image whether the target may have a copy of the item from before the change. */
const priorCopy = (route: Route, change: Change<unknown>): PriorCopy => {
  if (!carries(change.viewType, "old") || (route.mapsItself && route.predicate === undefined)) return "possible";
  let readsMore = false;
  const prior = priorState(change, route.schema);
  // The mapper of a sink reads the raw image only.
  const seen = route.mapsItself
    ? prior
    : watched(prior, () => {
        readsMore = true;
      });
  try {
    return messageOf(route, prior, seen) !== undefined || readsMore ? "possible" : "unlikely";
  } catch (error) {
    // An earlier version of the schema or mapper may have accepted this image, so the target may have a copy.
    if (error instanceof ConfigError) throw error;
    return "possible";
  }
};

/** Asks the user's code of another route. Returns `ifItThrows` if that code throws; the other route reports the error. */
const asked = (question: () => boolean, ifItThrows: boolean): boolean => {
  try {
    return question();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return ifItThrows;
  }
};

/** Whether a route has a message for the item after the change. Returns `ifItThrows` if its filter or mapper throws. */
const hasMessage = (route: Route, change: Change<unknown>, ifItThrows: boolean): boolean =>
  asked(() => messageOf(route, change) !== undefined, ifItThrows);

/**
 * Whether another route with the same target also gets the change. A retried or redriven delivery does not say where it
 * first came from, so the other route gets it if both routes accept an origin of new changes.
 */
const isAlsoGivenTo = (other: Route, { origins }: Route, { origin }: Change<unknown>): boolean => {
  if (origin !== "retry" && origin !== "redrive") return other.origins.has(origin);
  return [...origins].some((own) => own !== "retry" && own !== "redrive" && other.origins.has(own));
};

/** Whether one of these routes also gets the change, and has a message for it. */
const isWrittenBy = (routes: readonly Route[], route: Route, change: Change<unknown>, ifItThrows: boolean): boolean =>
  routes.some((other) => isAlsoGivenTo(other, route, change) && hasMessage(other, change, ifItThrows));

const removalOf = ({ removals }: Route, { isTtlRemoval }: Change<unknown>): Removal<unknown, unknown> =>
  isTtlRemoval ? removals.byTtl : removals.otherwise;

/** Whether a route writes a message for this removal, unless its function returns undefined. */
export const isMarking = (route: Route, change: Change<unknown>): boolean =>
  change.kind === "remove" && typeof removalOf(route, change) === "function";

/**
 * Whether the target may have a copy of an item that was removed before, and is now inserted again. A backfill fills a
 * target. If it removed what does not match, an index of one percent of a table would get tombstones for the others.
 */
const leavesCopies = (route: SharedRoute, { origin }: Change<unknown>): boolean =>
  origin !== "backfill" &&
  [route, ...route.others].some(({ removals }) => removals.byTtl !== "delete" || removals.otherwise !== "delete");

/** Whether the removed item may have had a copy of this route. An item that the filter or the mapper refuses has no copy. */
const hadCopy = (route: Route, change: Change<unknown>): boolean =>
  (!isJudged(route, change, "old") || matches(route, change, "old")) && priorCopy(route, change) === "possible";

/** Returns the message that marks the copy of a removed item, or undefined if the route does not mark a copy. */
const markOf = (route: Route, change: Change<unknown>): unknown => {
  const removal = removalOf(route, change);
  if (typeof removal !== "function" || !hadCopy(route, change)) return undefined;
  return returned(route, "function of removes", removal(change as RemovedChange<unknown>));
};

/** Whether a route keeps or marks the copy of a removed item. */
const retains = (route: Route, change: Change<unknown>): boolean =>
  removalOf(route, change) === "keep" ? hadCopy(route, change) : markOf(route, change) !== undefined;

/**
 * Routes with one target make one decision for each removed item: the first route with a mark writes it, and a route
 * deletes the copy only if no other route keeps or marks it. A route whose function throws keeps its copy.
 */
const removedEffect = (route: SharedRoute, change: Change<unknown>): Effect => {
  if (removalOf(route, change) === "keep") return none;
  const others = (list: readonly Route[]): readonly Route[] =>
    list.filter((other) => isAlsoGivenTo(other, route, change));
  const message = markOf(route, change);
  if (message !== undefined) {
    const isMarked = others(route.before).some((other) => asked(() => markOf(other, change) !== undefined, false));
    return isMarked ? none : { kind: "write", message };
  }
  const isRetained = others(route.others).some((other) => asked(() => retains(other, change), true));
  return isRetained ? none : { kind: "remove", copy: priorCopy(route, change) };
};

/**
 * Routes with one target make one decision for each item: the first route with a message writes the item, and a route
 * removes the item only if no other route writes it. A route whose mapper throws keeps its copy.
 */
const upsertEffect = (route: SharedRoute, change: Change<unknown>): Effect => {
  if (change.kind === "remove") return removedEffect(route, change);
  const message = messageOf(route, change as LiveChange<unknown>);
  if (message !== undefined) return isWrittenBy(route.before, route, change, false) ? none : { kind: "write", message };
  const isInsert = change.kind === "insert";
  const copy = isInsert ? "unlikely" : priorCopy(route, change);
  if (copy === "unlikely" && !route.removesUnmatched && !(isInsert && leavesCopies(route, change))) return none;
  return isWrittenBy(route.others, route, change, true) ? none : { kind: "remove", copy };
};

const appendEffect = (route: Route, change: Change<unknown>): Effect => {
  const side = change.kind === "remove" ? "old" : "new";
  if (isJudged(route, change, side) && !matches(route, change, side)) return none;
  const message = mapped(route, change);
  return message === undefined ? none : { kind: "write", message };
};

/** Returns the effect of a change on the route's target. Rejects a change that the user's code refuses. */
export const effectOf = (route: SharedRoute, change: Change<unknown>): Effect => {
  try {
    return route.sink.supports.writes === "upsert" ? upsertEffect(route, change) : appendEffect(route, change);
  } catch (error) {
    return rejection(route, error);
  }
};
