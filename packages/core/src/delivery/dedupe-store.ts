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

/** The mark of an item that has a change in the retry queue. */
export interface PendingItem {
  readonly itemKey: string;
  /** Version of the item's last change in the retry queue. */
  readonly version: string;
  /** Identifies the call of `add` that made the mark. */
  readonly owner: string;
}

/** Sets a mark back to an earlier mark, or removes it if `to` is undefined. */
export interface PendingCorrection {
  readonly from: PendingItem;
  readonly to: PendingItem | undefined;
}

/**
 * The items of a route that have changes in the retry queue. The invocation that stores a change in the queue adds a mark
 * before. The consumer of the queue releases the item when its last change is finished.
 */
export interface PendingItems {
  /** Finds, by item key, the version of each item's last pending change. Must see all items added before the call. */
  readonly find: (
    route: RouteId,
    itemKeys: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, string>>;
  /**
   * Adds marks, each in place of an earlier mark of the item with the same or an older version. A mark with a later
   * version stays. Rejects unless all marks were written.
   * @returns by item key, the mark that each item had before.
   */
  readonly add: (route: RouteId, items: readonly PendingItem[]) => Promise<ReadonlyMap<string, PendingItem>>;
  /** Sets marks back. Ignores an item whose mark no longer has the version and the owner of `from`. */
  readonly restore: (route: RouteId, corrections: readonly PendingCorrection[]) => Promise<void>;
  /** Removes the mark of each item, whoever made it, unless the mark has a later version. */
  readonly release: (route: RouteId, items: readonly Pick<PendingItem, "itemKey" | "version">[]) => Promise<void>;
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
