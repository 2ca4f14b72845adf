// Decides what a row shows if several items have the row. Decision 0038 has the rule. No code here connects to Postgres.
//
// The version table stores the shown entry in its own columns, and the entries of the other owners as JSON.

import type { Cell } from "./codec.ts";

/** The texts of a row's columns, by column name. */
export interface RowContent {
  readonly [column: string]: Cell;
}

/** What one owner last wrote to a row. It is live if it has a content. */
export interface OwnerEntry {
  readonly version: string;
  readonly content?: RowContent | undefined;
  /** Epoch seconds at which the owner left the row. */
  readonly removedAt?: number | undefined;
}

/** The entries of a row by owner. */
export type RowState = ReadonlyMap<string, OwnerEntry>;

/** A delivery to one row. */
export interface OwnedWrite {
  readonly owner: string;
  readonly version: string;
  /** Undefined if the owner leaves the row. A column that the content lacks keeps the owner's earlier value. */
  readonly content: RowContent | undefined;
  /** If the owner has no entry, nothing is written. */
  readonly isOnlyIfPresent: boolean;
}

/** What the version table stores for a row. */
export interface StoredState {
  readonly version: string;
  readonly removedAt: number | null;
  readonly owner: string | null;
  readonly claims: StoredClaims | null;
}

/** The entries of the owners that are not shown: `v` is the version, `c` the content, `x` the time of the removal. */
export interface StoredClaims {
  readonly [owner: string]: { readonly v: string; readonly c?: RowContent; readonly x?: number };
}

/** Owner of entries that were written while the key mapping was proved injective. */
const unknownOwner = "";

/** The version of a row of the version table that was created only to be locked. */
export const noVersion = "";

/** Reads a state. `shown` is the content of the table's row, if there is one. */
export const readState = (stored: StoredState, shown: RowContent | undefined, now: number): RowState => {
  const entries = new Map<string, OwnerEntry>();
  for (const [owner, { v, c, x }] of Object.entries(stored.claims ?? {})) {
    entries.set(owner, { version: v, content: c, removedAt: x });
  }
  if (stored.version === noVersion) return entries;
  // If another program deleted the row, its owner has left.
  const isLive = stored.removedAt === null && shown !== undefined;
  entries.set(stored.owner ?? unknownOwner, {
    version: stored.version,
    content: isLive ? shown : undefined,
    removedAt: isLive ? undefined : (stored.removedAt ?? now),
  });
  return entries;
};

const isLive = ({ content }: OwnerEntry): boolean => content !== undefined;

/** Whether a write replaces its owner's entry. Of two writes with the same version, the one with a content wins. */
const isNewer = (write: OwnedWrite, held: OwnerEntry): boolean =>
  held.version < write.version || (held.version === write.version && !isLive(held) && write.content !== undefined);

/** Returns the state after the write; undefined if the write is superseded. */
export const apply = (state: RowState, write: OwnedWrite, now: number): RowState | undefined => {
  const holder = state.has(write.owner) ? write.owner : unknownOwner;
  const held = state.get(holder);
  if (write.isOnlyIfPresent && holder !== write.owner) return undefined;
  if (held !== undefined && !isNewer(write, held)) return undefined;
  const next = new Map(state);
  next.delete(holder);
  const removedAt = write.content === undefined ? now : undefined;
  const content = write.content === undefined ? undefined : { ...held?.content, ...write.content };
  return next.set(write.owner, { version: write.version, content, removedAt });
};

type Owned = readonly [owner: string, entry: OwnerEntry];

const isBefore = ([owner, one]: Owned, [other, two]: Owned): boolean =>
  isLive(one) === isLive(two)
    ? one.version < two.version || (one.version === two.version && owner < other)
    : isLive(two);

/** Returns the entry that the row shows: the newest live one. If no entry is live, the newest one. */
export const shownEntry = (state: RowState): Owned | undefined => {
  let shown: Owned | undefined;
  for (const entry of state) if (shown === undefined || isBefore(shown, entry)) shown = entry;
  return shown;
};

const claimOf = ({ version, content, removedAt }: OwnerEntry): StoredClaims[string] => ({
  v: version,
  ...(content !== undefined && { c: content }),
  ...(removedAt !== undefined && { x: removedAt }),
});

/** Returns what the version table must store. If no entry is live, the last removal decides when the row is purged. */
export const storedState = (state: RowState): StoredState | undefined => {
  const shown = shownEntry(state);
  if (shown === undefined) return undefined;
  const [owner, { version, content }] = shown;
  const claims = [...state].filter(([other]) => other !== owner).map(([other, entry]) => [other, claimOf(entry)]);
  const removals = [...state.values()].map(({ removedAt }) => removedAt ?? 0);
  return {
    version,
    removedAt: content === undefined ? Math.max(...removals) : null,
    owner,
    claims: claims.length === 0 ? null : Object.fromEntries(claims),
  };
};
