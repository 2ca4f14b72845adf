// Contracts of a dedupe store: the memory of append routes. docs/guarantees.md has the price and the gap of each mode.

/** A route of a pipeline: the owner of what a store remembers. */
export interface RouteId {
  readonly pipeline: string;
  readonly route: string;
}

/** A delivery that needs no further attempt. */
export interface JournalEntry {
  readonly idempotencyKey: string;
  readonly version: string;
}

/** Remembers what was delivered of batches that Lambda delivers again. */
export interface Journal {
  /**
   * Idempotency keys of a route's entries whose versions lie between two, both included. The answer may hold more. It
   * must include every entry that was added before.
   */
  readonly find: (
    route: RouteId,
    range: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ) => Promise<ReadonlySet<string>>;
  /** Adds entries, to be kept for longer than the stream keeps a record (24 hours). Rejects unless all were added. */
  readonly note: (route: RouteId, entries: readonly JournalEntry[]) => Promise<void>;
}

/** Result of `acquire`: acquired, completed (already sent), or held by another invocation for up to `heldForMs`. */
export type LeaseResult = "acquired" | "completed" | { readonly heldForMs: number };

/** Lets one invocation at a time send a delivery, and none after it was sent. Rejects with a `SinkError`. */
export interface Leases {
  /** A lease that is neither completed nor released expires after `holdMs`: its holder has crashed. */
  readonly acquire: (route: RouteId, idempotencyKey: string, holdMs: number) => Promise<LeaseResult>;
  /** Remembers, for longer than a dead letter can wait for its redrive, that the delivery was sent. */
  readonly complete: (route: RouteId, idempotencyKey: string) => Promise<void>;
  /** Gives back a lease whose delivery was not sent. A delivery that was completed meanwhile stays completed. */
  readonly release: (route: RouteId, idempotencyKey: string) => Promise<void>;
}

/** An item with a change in the retry queue. */
export interface PendingItem {
  readonly itemKey: string;
  /** Version of the item's last change in the queue. */
  readonly version: string;
}

/**
 * Which items of a route have changes in the retry queue. Only the invocation that has the item's shard adds an item,
 * and only the consumer of the queue releases it; but an item whose change was not stored is released by who added it.
 */
export interface PendingItems {
  /** Version of the last pending change by item key, of those items that have one. Must see all that were added before. */
  readonly find: (
    route: RouteId,
    itemKeys: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, string>>;
  /** Adds items, or moves them to a later version. Rejects unless all were. */
  readonly add: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
  /** Moves items back from `version` to an earlier one, where they still are at `version`. */
  readonly moveBack: (route: RouteId, items: readonly (PendingItem & { readonly to: string })[]) => Promise<void>;
  /** Removes the items that are not at a later version than given here. */
  readonly release: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
}

/**
 * Where append routes remember what they have delivered: `journal` for `on-failure`, `leases` for `always`; and which
 * items wait in the retry queue, for routes that use one.
 */
export interface DedupeStore {
  readonly journal: Journal;
  readonly leases: Leases;
  readonly pendingItems?: PendingItems;
}
