// Pending items keep the order in an append route that uses the retry queue. While a change of an item waits in the
// queue, the item is pending: its later changes also go to the queue, behind that change, and not to the target.

import { randomUUID } from "node:crypto";
import { PendingError, UntriedError } from "../errors.ts";
import type { PipelineLogger } from "../logger.ts";
import { type AppendDelivery, failed, type Sink, withWrite } from "../sink/sink.ts";
import type { PendingCorrection, PendingItem, PendingItems, RouteId } from "./dedupe-store.ts";
import type { BatchEntry } from "./delivery-result.ts";

/** Wraps the sink for one batch. In the wrapped sink, deliveries of pending items fail without a request. */
export type BatchGuard = (sink: Sink<unknown>) => Sink<unknown>;

/** The marks that one batch has added, and the marks that these items had before. */
export interface AddedMarks {
  readonly added: readonly PendingItem[];
  readonly before: ReadonlyMap<string, PendingItem>;
}

/** What is known about the messages of a batch after they were sent to the queue. */
export interface SentMessages {
  readonly refused: readonly BatchEntry[];
  /** Messages that are in the queue, or may still arrive there. */
  readonly possible: readonly BatchEntry[];
}

/** The pending items of one route. */
export interface RoutePendingItems {
  readonly find: (entries: readonly BatchEntry[], signal: AbortSignal) => Promise<BatchGuard>;
  /** Marks the items of these entries. Rejects unless all were marked. */
  readonly add: (entries: readonly BatchEntry[]) => Promise<AddedMarks>;
  /** Sets back the marks of items for which the queue refused the last message. */
  readonly correct: (marks: AddedMarks, sent: SentMessages) => Promise<void>;
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

const asAppend = (guard: (sink: Sink<unknown, "append">) => Sink<unknown, "append">): BatchGuard => guard as BatchGuard;

/** The guard of a batch in which every change may be sent. */
export const nothingPending: BatchGuard = (sink) => sink;

/** Returns a guard that stops the changes of these items from being sent. */
const pendingBatch = (route: string, versions: ReadonlyMap<string, string>): BatchGuard => {
  const isPending = ({ change }: AppendDelivery<unknown>): boolean => versions.has(change.itemKey);
  const error = new PendingError(
    "DELIVERY_PENDING",
    `[${route}] an earlier change of the item waits in the retry queue`,
  );
  return asAppend((sink) =>
    withWrite(sink, async (batch, context) => {
      const free = batch.filter((delivery) => !isPending(delivery));
      const held = batch.filter(isPending).map((delivery) => failed(delivery, error));
      return free.length === 0 ? held : [...held, ...(await sink.write(free, context))];
    }),
  );
};

/** Returns the guard if the pending items are unknown. No change is sent, because it could overtake a pending one. */
const unknownBatch = (route: string, cause: unknown): BatchGuard => {
  const found = `[${route}] the pending items could not be read`;
  const error = new UntriedError("SINK_UNAVAILABLE", found, { cause, retryAfterMs: Number.POSITIVE_INFINITY });
  return asAppend((sink) => withWrite(sink, async (batch) => batch.map((delivery) => failed(delivery, error))));
};

/**
 * The corrections of marks whose last message the queue refused. Without them an item would stay pending although no
 * message of the item exists, and a queue that refuses everything would block the item even when its target is back.
 *
 * A message that may still arrive keeps its mark: a mark without a message costs only a way through the queue, but a
 * message without a mark would be overtaken.
 */
const correctionsOf = ({ added, before }: AddedMarks, { refused, possible }: SentMessages): PendingCorrection[] => {
  const refusedVersions = lastVersions(refused);
  const possibleVersions = lastVersions(possible);
  return added
    .filter(({ itemKey, version }) => refusedVersions.get(itemKey) === version)
    .map((from) => {
      const version = possibleVersions.get(from.itemKey);
      return { from, to: version === undefined ? before.get(from.itemKey) : { ...from, version } };
    });
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
  add: async (entries) => {
    const owner = randomUUID();
    const added = [...lastVersions(entries)].map(([itemKey, version]) => ({ itemKey, version, owner }));
    return { added, before: await store.add(id, added) };
  },
  correct: async (marks, sent) => {
    const corrections = correctionsOf(marks, sent);
    if (corrections.length > 0) await store.restore(id, corrections);
  },
  release: async (settled) => {
    if (settled.length === 0) return;
    const items = [...lastVersions(settled)].map(([itemKey, version]) => ({ itemKey, version }));
    try {
      await store.release(id, items);
    } catch (error) {
      logger.warn("pending items not released", { ...id, items: items.length, reason: String(error) });
    }
  },
});
