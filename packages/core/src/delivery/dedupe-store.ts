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

/** Remembers the deliveries that had succeeded when their batch failed, because Lambda delivers the whole batch again. */
export interface Journal {
  /**
   * Finds the idempotency keys of a route's entries with versions from `from` to `to`, both included. The result includes
   * every entry that was added before the call, and may include others.
   */
  readonly find: (
    route: RouteId,
    range: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ) => Promise<ReadonlySet<string>>;
  /** Adds entries. They must stay for longer than a record stays in the stream (24 hours). Rejects unless all were added. */
  readonly note: (route: RouteId, entries: readonly JournalEntry[]) => Promise<void>;
}

/** Result of `acquire`: acquired, completed (already sent), or held by another invocation for up to `heldForMs`. */
export type LeaseResult = "acquired" | "completed" | { readonly heldForMs: number };

/** Lets one invocation at a time send a delivery, and none after it was sent. Rejects with a `SinkError`. */
export interface Leases {
  /** A lease that is neither completed nor released expires after `holdMs`: its holder has crashed. */
  readonly acquire: (route: RouteId, idempotencyKey: string, holdMs: number) => Promise<LeaseResult>;
  /** Remembers that the delivery was sent, for longer than a dead letter can wait for its redrive. */
  readonly complete: (route: RouteId, idempotencyKey: string) => Promise<void>;
  /** Releases the lease of a delivery that was not sent. If another invocation has completed it, it stays completed. */
  readonly release: (route: RouteId, idempotencyKey: string) => Promise<void>;
}

/** An item with a change in the retry queue. */
export interface PendingItem {
  readonly itemKey: string;
  /** Version of the item's last change in the queue. */
  readonly version: string;
}

/**
 * The items of a route that have changes in the retry queue. Only the invocation that has the item's shard adds an item.
 * The consumer of the queue releases it. If the change could not be stored, the invocation that added the item releases it.
 */
export interface PendingItems {
  /** Finds the version of each item's last pending change, by item key. Must see all items that were added before. */
  readonly find: (
    route: RouteId,
    itemKeys: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, string>>;
  /** Adds items, or moves them to a later version. Rejects unless all were. */
  readonly add: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
  /** Moves items from `version` back to the earlier version `to`, if they are still at `version`. */
  readonly moveBack: (route: RouteId, items: readonly (PendingItem & { readonly to: string })[]) => Promise<void>;
  /** Removes each item, unless it has moved to a later version than the one given here. */
  readonly release: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
}

/**
 * The store in which append routes remember their deliveries: `journal` for `dedupe: "on-failure"`, `leases` for
 * `"always"`, and `pendingItems` for routes that use the retry queue.
 */
export interface DedupeStore {
  readonly journal: Journal;
  readonly leases: Leases;
  readonly pendingItems?: PendingItems;
}
