// PendingItems: what keeps order in an append route that spills. While a change of an item waits in the retry queue, the
// item is marked, and its later changes go behind it rather than to the target.

import { PendingError, SinkError } from "../errors.ts";
import { type AppendDelivery, failed, type Sink, withWrite } from "../sink/sink.ts";
import type { RouteId } from "./dedupe-store.ts";

/** An item with a change in the retry queue. */
export interface PendingItem {
  readonly itemKey: string;
  /** Of the last of its changes there. */
  readonly version: string;
}

/**
 * Which items of a route have changes in the retry queue. Only the one invocation that has the item's shard marks it,
 * and only the consumer of the queue takes the mark off, but for one that was made in vain.
 */
export interface PendingItems {
  /** The marks of these items: the version of the last parked change by item key. Must see all that were made before. */
  readonly find: (
    route: RouteId,
    itemKeys: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, string>>;
  /** Marks items, or moves their marks to a later version. Rejects unless all were. */
  readonly add: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
  /** Moves marks back from `version` to an earlier one, where they still are. */
  readonly moveBack: (route: RouteId, items: readonly (PendingItem & { readonly to: string })[]) => Promise<void>;
  /** Takes off the marks that are not of a later version than the item's here. */
  readonly release: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
}

/** For each item the last of its versions. */
export const lastVersions = (items: readonly PendingItem[]): Map<string, string> => {
  const last = new Map<string, string>();
  for (const { itemKey, version } of items) {
    if (version > (last.get(itemKey) ?? "")) last.set(itemKey, version);
  }
  return last;
};

/** As a list of items. */
export const pendingItemsOf = (versions: ReadonlyMap<string, string>): PendingItem[] =>
  [...versions].map(([itemKey, version]) => ({ itemKey, version }));

const parked = (route: string): PendingError =>
  new PendingError("DELIVERY_PENDING", `[${route}] an earlier change of the item waits in the retry queue`);

/** Sends nothing of these items. */
export const pendingSink = (
  sink: Sink<unknown, "append">,
  route: string,
  items: ReadonlyMap<string, string>,
): Sink<unknown, "append"> => {
  const isParked = ({ change }: AppendDelivery<unknown>): boolean => items.has(change.itemKey);
  return withWrite(sink, async (batch, context) => {
    const free = batch.filter((delivery) => !isParked(delivery));
    const settled = batch.filter(isParked).map((delivery) => failed(delivery, parked(route)));
    return free.length === 0 ? settled : [...settled, ...(await sink.write(free, context))];
  });
};

/** Sends nothing at all: nobody knows what it would overtake. */
export const unreadablePending = (
  sink: Sink<unknown, "append">,
  route: string,
  cause: unknown,
): Sink<unknown, "append"> => {
  const found = `[${route}] the marks of parked items could not be read`;
  const error = new SinkError("SINK_UNAVAILABLE", found, { cause, retryAfterMs: Number.POSITIVE_INFINITY });
  return withWrite(sink, async (batch) => batch.map((delivery) => failed(delivery, error)));
};
