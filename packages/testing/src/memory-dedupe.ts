// A dedupe store in memory: the reference implementation of core's DedupeStore. For tests and local runs.

import type { Claim, DedupeStore, Note, Parking, RouteId } from "@sluice/core";

/** A dedupe store in memory, and what was asked of it. */
export interface MemoryDedupe extends DedupeStore {
  readonly parking: Parking;
  /** Items that are marked as parked, over all routes. */
  readonly parked: () => number;
  /** Requests so far: each find, and each note, claim, completion or release of one delivery. */
  readonly counts: () => MemoryDedupeCounts;
}

export interface MemoryDedupeCounts {
  readonly finds: number;
  readonly notes: number;
  readonly claims: number;
  readonly completions: number;
  readonly releases: number;
}

export interface MemoryDedupeOptions {
  /** Milliseconds since the epoch, for claims whose holder has crashed. Default `Date.now`. */
  readonly now?: () => number;
}

const keyOf = ({ pipeline, route }: RouteId, idempotencyKey: string): string =>
  JSON.stringify([pipeline, route, idempotencyKey]);

/** Marks of parked items, by route and item. */
const memoryParking = (marks: Map<string, string>): Parking => ({
  find: async (route, itemKeys) =>
    new Map(
      itemKeys.flatMap((itemKey) => {
        const last = marks.get(keyOf(route, itemKey));
        return last === undefined ? [] : [[itemKey, last] as const];
      }),
    ),
  moveBack: async (route, items) => {
    for (const { itemKey, version, to } of items) {
      const key = keyOf(route, itemKey);
      if (marks.get(key) === version) marks.set(key, to);
    }
  },
  park: async (route, items) => {
    for (const { itemKey, version } of items) {
      const key = keyOf(route, itemKey);
      if (version > (marks.get(key) ?? "")) marks.set(key, version);
    }
  },
  release: async (route, items) => {
    for (const { itemKey, version } of items) {
      const key = keyOf(route, itemKey);
      if ((marks.get(key) ?? "") <= version) marks.delete(key);
    }
  },
});

/** A dedupe store in memory. Nothing in it expires but claims that are held. */
export const memoryDedupe = ({ now = Date.now }: MemoryDedupeOptions = {}): MemoryDedupe => {
  const journal = new Map<string, Note[]>();
  const claims = new Map<string, "completed" | number>();
  const marks = new Map<string, string>();
  const counts = { finds: 0, notes: 0, claims: 0, completions: 0, releases: 0 };

  const claim = (key: string, holdMs: number): Claim => {
    const held = claims.get(key);
    if (held === "completed") return held;
    if (held !== undefined && held >= now()) return { heldForMs: held - now() };
    claims.set(key, now() + holdMs);
    return "claimed";
  };

  return {
    counts: () => ({ ...counts }),
    parked: () => marks.size,
    parking: memoryParking(marks),
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
    claims: {
      claim: async (route, idempotencyKey, holdMs) => {
        counts.claims += 1;
        return claim(keyOf(route, idempotencyKey), holdMs);
      },
      complete: async (route, idempotencyKey) => {
        counts.completions += 1;
        claims.set(keyOf(route, idempotencyKey), "completed");
      },
      release: async (route, idempotencyKey) => {
        counts.releases += 1;
        const key = keyOf(route, idempotencyKey);
        if (claims.get(key) !== "completed") claims.delete(key);
      },
    },
  };
};
