// Pending items keep the order in an append route that uses the retry queue. While a change of an item waits in the
// queue, the item is pending: its later changes also go to the queue, behind that change, and not to the target.

import { PendingError, UntriedError } from "../errors.ts";
import type { PipelineLogger } from "../logger.ts";
import { type AppendDelivery, failed, type Sink, withWrite } from "../sink/sink.ts";
import type { PendingItem, PendingItems, RouteId } from "./dedupe-store.ts";
import type { BatchEntry } from "./delivery-result.ts";

/** The changes in the retry queue that a batch must not overtake. */
export interface BatchGuard {
  /** Version of the last pending change, by item key. */
  readonly versions: ReadonlyMap<string, string>;
  /** Wraps the sink for this batch. In the wrapped sink, deliveries of pending items fail without a request. */
  readonly guard: (sink: Sink<unknown>) => Sink<unknown>;
}

/** The pending items of one route. */
export interface RoutePendingItems {
  readonly find: (entries: readonly BatchEntry[], signal: AbortSignal) => Promise<BatchGuard>;
  /** Adds the items of these entries. Rejects unless all were added. */
  readonly add: (entries: readonly BatchEntry[]) => Promise<void>;
  /** Corrects the items if only some of the entries were stored in the queue. `before`: the versions before `add`. */
  readonly correct: (
    added: readonly BatchEntry[],
    stored: readonly BatchEntry[],
    before: BatchGuard["versions"],
  ) => Promise<void>;
  /** Releases the items of settled entries. A failure is only logged, because the item's next change releases it. */
  readonly release: (settled: readonly BatchEntry[]) => Promise<void>;
}

/** Last version of each item. */
const lastVersions = (entries: readonly BatchEntry[]): Map<string, string> => {
  const last = new Map<string, string>();
  for (const { change } of entries) {
    if (change.version > (last.get(change.itemKey) ?? "")) last.set(change.itemKey, change.version);
  }
  return last;
};

const itemsOf = (entries: readonly BatchEntry[]): PendingItem[] =>
  [...lastVersions(entries)].map(([itemKey, version]) => ({ itemKey, version }));

const asAppend = (guard: (sink: Sink<unknown, "append">) => Sink<unknown, "append">): BatchGuard["guard"] =>
  guard as BatchGuard["guard"];

/** The guard of a batch in which every change may be sent. */
export const nothingPending: BatchGuard = { versions: new Map(), guard: (sink) => sink };

/** Returns a guard for a batch. The guard stops the changes of these items from being sent. */
const pendingBatch = (route: string, versions: ReadonlyMap<string, string>): BatchGuard => {
  const isPending = ({ change }: AppendDelivery<unknown>): boolean => versions.has(change.itemKey);
  const error = new PendingError(
    "DELIVERY_PENDING",
    `[${route}] an earlier change of the item waits in the retry queue`,
  );
  const guard = (sink: Sink<unknown, "append">): Sink<unknown, "append"> =>
    withWrite(sink, async (batch, context) => {
      const free = batch.filter((delivery) => !isPending(delivery));
      const held = batch.filter(isPending).map((delivery) => failed(delivery, error));
      return free.length === 0 ? held : [...held, ...(await sink.write(free, context))];
    });
  return { versions, guard: asAppend(guard) };
};

/** Returns the guard if the pending items are unknown. No change is sent, because it could overtake a pending one. */
const unknownBatch = (route: string, cause: unknown): BatchGuard => {
  const found = `[${route}] the pending items could not be read`;
  const error = new UntriedError("SINK_UNAVAILABLE", found, { cause, retryAfterMs: Number.POSITIVE_INFINITY });
  const guard = (sink: Sink<unknown, "append">): Sink<unknown, "append"> =>
    withWrite(sink, async (batch) => batch.map((delivery) => failed(delivery, error)));
  return { versions: nothingPending.versions, guard: asAppend(guard) };
};

/**
 * Restores the earlier versions of items whose last message was not stored. Otherwise such an item would stay pending
 * forever, because the message that would release the item does not exist.
 */
const correct = async (
  store: PendingItems,
  id: RouteId,
  { added, inQueue, before }: Record<"added" | "inQueue" | "before", ReadonlyMap<string, string>>,
): Promise<void> => {
  const wrong = [...added].filter(([itemKey, version]) => inQueue.get(itemKey) !== version);
  const items = wrong.map(([itemKey, version]) => ({
    itemKey,
    version,
    to: inQueue.get(itemKey) ?? before.get(itemKey),
  }));
  await store.release(
    id,
    items.filter(({ to }) => to === undefined).map(({ itemKey, version }) => ({ itemKey, version })),
  );
  await store.moveBack(
    id,
    items.flatMap(({ to, ...item }) => (to === undefined ? [] : [{ ...item, to }])),
  );
};

/** The pending items of one route, in a store. */
export const routePendingItems = (store: PendingItems, id: RouteId, logger: PipelineLogger): RoutePendingItems => ({
  find: async (entries, signal) => {
    if (entries.length === 0) return nothingPending;
    try {
      const versions = await store.find(id, [...new Set(entries.map(({ change }) => change.itemKey))], signal);
      return versions.size === 0 ? nothingPending : pendingBatch(id.route, versions);
    } catch (error) {
      return unknownBatch(id.route, error);
    }
  },
  add: (entries) => store.add(id, itemsOf(entries)),
  correct: (added, stored, before) =>
    correct(store, id, { added: lastVersions(added), inQueue: lastVersions(stored), before }),
  release: async (settled) => {
    if (settled.length === 0) return;
    const items = itemsOf(settled);
    try {
      await store.release(id, items);
    } catch (error) {
      logger.warn("pending items not released", { ...id, items: items.length, reason: String(error) });
    }
  },
});
