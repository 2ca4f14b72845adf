// A route is one sink of a pipeline with its mapper and filter. It decides what a change does to the sink's target.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ConfigError, RecordError } from "../errors.ts";
import type { Change, LiveChange, Origin } from "../record/change.ts";
import { assertNewImage, carries, priorState } from "../record/record.ts";
import type { Dedupe, Sink } from "../sink/sink.ts";

/** A sink with its mapper and filter. Their types are `unknown`, because the pipeline's methods have checked them. */
export interface Route {
  /** Unique in its pipeline. Dead letters contain this name. */
  readonly name: string;
  readonly sink: Sink<unknown>;
  readonly map: (change: Change<unknown>) => unknown;
  /** Whether the sink has its own mapper. Such a mapper reads the raw image and never returns undefined. */
  readonly mapsItself: boolean;
  readonly predicate: ((item: unknown) => boolean) | undefined;
  readonly schema: StandardSchemaV1<unknown, unknown> | undefined;
  /** How an append target is protected from repeats. `none` for an upsert target, which compares versions. */
  readonly dedupe: Dedupe;
  /** Changes of other origins are filtered. */
  readonly origins: ReadonlySet<Origin>;
  /** Where deliveries are retried from: the pipeline's retry queue, or the stream. */
  readonly retryIn: "queue" | "stream";
}

/** Effect of a change on a target. */
export type Effect =
  | { readonly kind: "write"; readonly message: unknown }
  | { readonly kind: "remove" }
  | { readonly kind: "none" }
  | { readonly kind: "reject"; readonly error: RecordError };

const remove: Effect = { kind: "remove" };
const none: Effect = { kind: "none" };

/** Describes where the user's code threw an error. Omits the error's message, which may quote item values. */
const thrownBy = (what: string, error: unknown): string => {
  if (!(error instanceof Error)) return `${what} threw a value that is not an Error`;
  const frame = /\n\s+at (.+)/.exec((error.stack ?? "").replace(error.message, ""))?.[1];
  return `${what} threw ${error.name}${frame === undefined ? "" : ` at ${frame}`}`;
};

/** Converts an error of the user's code or schema to a rejection. Rethrows a `ConfigError`. */
const rejection = (route: Route, error: unknown): Effect => {
  if (error instanceof RecordError) return { kind: "reject", error };
  if (error instanceof ConfigError) throw error;
  const message = `[${route.name}] ${thrownBy("the mapper or predicate", error)}`;
  return { kind: "reject", error: new RecordError("MAPPING_FAILED", message, { cause: error }) };
};

/** Returns the user's result. Throws if it is a promise, because a predicate's promise would count as true. */
const returned = <Value>(route: Route, what: string, value: Value): Value => {
  if (!(value instanceof Promise)) return value;
  // Without this handler, a rejection would end the process.
  value.catch(() => {});
  throw new RecordError("MAPPING_FAILED", `[${route.name}] the ${what} returned a promise; expected its value`);
};

const mapped = (route: Route, change: Change<unknown>): unknown => returned(route, "mapper", route.map(change));

/** Whether an item passes the filter of the route. Without a filter every item passes. */
const matches = (route: Route, item: unknown): boolean =>
  route.predicate === undefined || returned(route, "predicate", route.predicate(item));

/**
 * Whether the filter or the schema needs the item. If neither does, the item is decoded only when the mapper reads it.
 * So a mapper that reads only keys works with every view type.
 */
const isJudged = ({ predicate, schema }: Route, { viewType }: Change<unknown>, side: "new" | "old"): boolean =>
  predicate !== undefined || (schema !== undefined && carries(viewType, side));

/** Returns the message for the item after the change, or undefined if the target should have no copy of the item. */
const messageOf = (route: Route, change: Change<unknown>): unknown => {
  // The sink's own mapper reads the raw image, so the record must have one.
  if (route.mapsItself) assertNewImage(change);
  if (isJudged(route, change, "new") && !matches(route, change.after)) return undefined;
  return mapped(route, change);
};

/** Whether the target may have a copy of the item from before the change. In doubt true, so a copy is removed. */
const mayHaveCopy = (route: Route, change: Change<unknown>): boolean => {
  if (change.kind === "insert") return false;
  if (!carries(change.viewType, "old")) return true;
  if (route.mapsItself && route.predicate === undefined) return true;
  try {
    return messageOf(route, priorState(change, route.schema)) !== undefined;
  } catch (error) {
    // An earlier version of the schema or mapper may have accepted this image, so the target may have a copy.
    if (error instanceof ConfigError) throw error;
    return true;
  }
};

const upsertEffect = (route: Route, change: Change<unknown>): Effect => {
  if (change.kind !== "remove") {
    const message = messageOf(route, change as LiveChange<unknown>);
    if (message !== undefined) return { kind: "write", message };
  }
  return mayHaveCopy(route, change) ? remove : none;
};

const appendEffect = (route: Route, change: Change<unknown>): Effect => {
  const isRemove = change.kind === "remove";
  if (isJudged(route, change, isRemove ? "old" : "new")) {
    if (!matches(route, isRemove ? change.before : change.after)) return none;
  }
  const message = mapped(route, change);
  return message === undefined ? none : { kind: "write", message };
};

/** Returns the effect of a change on the route's target. Rejects a change that the user's code refuses. */
export const effectOf = (route: Route, change: Change<unknown>): Effect => {
  try {
    return route.sink.supports.writes === "upsert" ? upsertEffect(route, change) : appendEffect(route, change);
  } catch (error) {
    return rejection(route, error);
  }
};
