// Parking: what keeps order in an append route that spills. While a change of an item waits in the retry queue, the
// item is marked, and its later changes go behind it rather than to the target.

import type { RouteId } from "./dedupe.ts";
import { ParkedError, SinkError } from "./errors.ts";
import { type AppendDelivery, failed, type Sink, withWrite } from "./sink.ts";

/** An item with a change in the retry queue. */
export interface ParkedItem {
  readonly itemKey: string;
  /** Of the last of its changes there. */
  readonly version: string;
}

/**
 * Which items of a route have changes in the retry queue. Only the one invocation that has the item's shard marks it,
 * and only the consumer of the queue takes the mark off.
 */
export interface Parking {
  /** Of these items, those that are marked. Must see every mark that was made before. */
  readonly find: (route: RouteId, itemKeys: readonly string[], signal: AbortSignal) => Promise<ReadonlySet<string>>;
  /** Marks items, or moves their marks to a later version. Rejects unless all were. */
  readonly park: (route: RouteId, items: readonly ParkedItem[]) => Promise<void>;
  /** Takes off the marks that are not of a later version than the item's here. */
  readonly release: (route: RouteId, items: readonly ParkedItem[]) => Promise<void>;
}

/** For each item the last of its versions. */
export const lastVersions = (items: readonly ParkedItem[]): ParkedItem[] => {
  const last = new Map<string, string>();
  for (const { itemKey, version } of items) {
    if (version > (last.get(itemKey) ?? "")) last.set(itemKey, version);
  }
  return [...last].map(([itemKey, version]) => ({ itemKey, version }));
};

const parked = (route: string): ParkedError =>
  new ParkedError("DELIVERY_PARKED", `[${route}] an earlier change of the item waits in the retry queue`);

/** Sends nothing of these items. */
export const parkingSink = (
  sink: Sink<unknown, "append">,
  route: string,
  items: ReadonlySet<string>,
): Sink<unknown, "append"> => {
  const isParked = ({ change }: AppendDelivery<unknown>): boolean => items.has(change.itemKey);
  return withWrite(sink, async (batch, context) => {
    const free = batch.filter((delivery) => !isParked(delivery));
    const settled = batch.filter(isParked).map((delivery) => failed(delivery, parked(route)));
    return free.length === 0 ? settled : [...settled, ...(await sink.write(free, context))];
  });
};

/** Sends nothing at all: nobody knows what it would overtake. */
export const unreadableParking = (
  sink: Sink<unknown, "append">,
  route: string,
  cause: unknown,
): Sink<unknown, "append"> => {
  const found = `[${route}] the marks of parked items could not be read`;
  const error = new SinkError("SINK_UNAVAILABLE", found, { cause, retryAfterMs: Number.POSITIVE_INFINITY });
  return withWrite(sink, async (batch) => batch.map((delivery) => failed(delivery, error)));
};
