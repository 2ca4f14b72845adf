// A dedupe store in memory, for tests and local runs: the reference implementation of core's DedupeStore.

import {
  checkOptionNames,
  type DedupeStore,
  type JournalEntry,
  type LeaseResult,
  type PendingItem,
  type PendingItems,
  type RouteId,
} from "@sluice/core/sink-kit";

/** A dedupe store in memory that counts its requests. */
export interface MemoryDedupe extends DedupeStore {
  readonly pendingItems: PendingItems;
  /** Number of items with pending changes, over all routes. */
  readonly pending: () => number;
  /** Requests so far. */
  readonly counts: () => MemoryDedupeCounts;
}

/** Numbers of requests. A call of `find` counts once. Any other call counts once for each of its deliveries. */
export interface MemoryDedupeCounts {
  readonly finds: number;
  readonly notes: number;
  readonly leases: number;
  readonly completions: number;
  readonly releases: number;
}

/** Options of `memoryDedupe`. */
export interface MemoryDedupeOptions {
  /** Clock for the expiry of leases, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

const keyOf = ({ pipeline, route }: RouteId, idempotencyKey: string): string =>
  JSON.stringify([pipeline, route, idempotencyKey]);

/** `marks` holds the mark of each pending item, by route and item key. */
const memoryPendingItems = (marks: Map<string, PendingItem>): PendingItems => ({
  find: async (route, itemKeys) => {
    const found = new Map<string, string>();
    for (const itemKey of itemKeys) {
      const mark = marks.get(keyOf(route, itemKey));
      if (mark !== undefined) found.set(itemKey, mark.version);
    }
    return found;
  },
  add: async (route, items) => {
    const before = new Map<string, PendingItem>();
    for (const item of items) {
      const key = keyOf(route, item.itemKey);
      const mark = marks.get(key);
      if (mark !== undefined) before.set(item.itemKey, mark);
      if (mark === undefined || mark.version <= item.version) marks.set(key, item);
    }
    return before;
  },
  restore: async (route, corrections) => {
    for (const { from, to } of corrections) {
      const key = keyOf(route, from.itemKey);
      const mark = marks.get(key);
      if (mark?.version !== from.version || mark.owner !== from.owner) continue;
      if (to === undefined) marks.delete(key);
      else marks.set(key, to);
    }
  },
  release: async (route, items) => {
    for (const { itemKey, version } of items) {
      const key = keyOf(route, itemKey);
      const mark = marks.get(key);
      if (mark !== undefined && mark.version <= version) marks.delete(key);
    }
  },
});

/** Creates an empty dedupe store in memory. Its leases expire, but its other entries do not. */
export const memoryDedupe = (options: MemoryDedupeOptions = {}): MemoryDedupe => {
  checkOptionNames("memoryDedupe", options, { now: true });
  const { now = Date.now } = options;
  const journal = new Map<string, JournalEntry[]>();
  const leases = new Map<string, "completed" | number>();
  const marks = new Map<string, PendingItem>();
  const counts = { finds: 0, notes: 0, leases: 0, completions: 0, releases: 0 };

  const lease = (key: string, holdMs: number): LeaseResult => {
    const held = leases.get(key);
    if (held === "completed") return held;
    if (held !== undefined && held >= now()) return { heldForMs: held - now() };
    leases.set(key, now() + holdMs);
    return "acquired";
  };

  return {
    counts: () => ({ ...counts }),
    pending: () => marks.size,
    pendingItems: memoryPendingItems(marks),
    journal: {
      find: async (route, { from, to }) => {
        counts.finds += 1;
        const notes = (journal.get(keyOf(route, "")) ?? []).filter(({ version }) => version >= from && version <= to);
        return new Set(notes.map(({ idempotencyKey }) => idempotencyKey));
      },
      note: async (route, notes) => {
        counts.notes += notes.length;
        const key = keyOf(route, "");
        journal.set(key, [...(journal.get(key) ?? []), ...notes]);
      },
    },
    leases: {
      acquire: async (route, idempotencyKey, holdMs) => {
        counts.leases += 1;
        return lease(keyOf(route, idempotencyKey), holdMs);
      },
      complete: async (route, idempotencyKey) => {
        counts.completions += 1;
        leases.set(keyOf(route, idempotencyKey), "completed");
      },
      release: async (route, idempotencyKey) => {
        counts.releases += 1;
        const key = keyOf(route, idempotencyKey);
        if (leases.get(key) !== "completed") leases.delete(key);
      },
    },
  };
};
