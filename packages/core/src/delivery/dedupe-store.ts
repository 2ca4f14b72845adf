// Contracts of a dedupe store. docs/guarantees.md says what each dedupe mode costs, and which repeats it lets through.

/** Identifies a route of a pipeline. A store keeps separate entries for each route. */
export interface RouteId {
  readonly pipeline: string;
  readonly route: string;
}

/** A delivery that is finished, so that no further attempt is needed. */
export interface JournalEntry {
  readonly idempotencyKey: string;
  readonly version: string;
}

/** Remembers the finished deliveries of a failed batch. Lambda delivers the whole batch again, and core skips them. */
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
  /** Adds entries, and keeps them longer than a stream keeps a record (24 hours). Rejects unless all were added. */
  readonly note: (route: RouteId, entries: readonly JournalEntry[]) => Promise<void>;
}

/** Result of `acquire`: acquired, completed (already sent), or held by another invocation for up to `heldForMs`. */
export type LeaseResult = "acquired" | "completed" | { readonly heldForMs: number };

/** Lets only one invocation at a time send a delivery, and no invocation send it again. Rejects with a `SinkError`. */
export interface Leases {
  /** Acquires a lease. If its invocation crashes before `complete` or `release`, the lease expires after `holdMs`. */
  readonly acquire: (route: RouteId, idempotencyKey: string, holdMs: number) => Promise<LeaseResult>;
  /** Remembers that the delivery was sent, for longer than a dead letter can wait for its redrive. */
  readonly complete: (route: RouteId, idempotencyKey: string) => Promise<void>;
  /** Releases the lease of an unsent delivery. A lease that another invocation has completed stays completed. */
  readonly release: (route: RouteId, idempotencyKey: string) => Promise<void>;
}

/** An item with a change in the retry queue. */
export interface PendingItem {
  readonly itemKey: string;
  /** Version of the item's last change in the retry queue. */
  readonly version: string;
}

/**
 * The items of a route that have changes in the retry queue. Only the invocation for the item's shard adds an item,
 * and releases the item if its change cannot be stored. Otherwise the consumer of the queue releases the item.
 */
export interface PendingItems {
  /** Finds, by item key, the version of each item's last pending change. Must see all items added before the call. */
  readonly find: (
    route: RouteId,
    itemKeys: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, string>>;
  /** Adds items, or updates them to a later version. Rejects unless all items were written. */
  readonly add: (route: RouteId, items: readonly PendingItem[]) => Promise<void>;
  /** Sets items from `version` back to the earlier version `to`. Ignores items that are no longer at `version`. */
  readonly moveBack: (route: RouteId, items: readonly (PendingItem & { readonly to: string })[]) => Promise<void>;
  /** Removes each item, unless its stored version is later than `version`. */
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
