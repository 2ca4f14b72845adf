// The last rows. A row's number says where it is, so that nothing is searched.

import type { ChangeFilter, ChangePage, ChangeRow } from "../api/changes.ts";
import { matches } from "./filter.ts";

/** A row that has no number yet. */
export type NewRow = Omit<ChangeRow, "seq">;

/** The last rows. */
export interface RowRing {
  /** Numbers the row, and forgets the oldest one if there are too many. */
  readonly add: (row: NewRow) => ChangeRow;
  readonly page: (filter: ChangeFilter, before: number | undefined, limit: number) => ChangePage;
  /** Rows that are wanted, oldest first. */
  readonly all: (isWanted: (row: ChangeRow) => boolean) => readonly ChangeRow[];
}

/** Copies only the members of a row: the caller's object may also hold a record, with all the values of an item. */
const numbered = (row: NewRow, seq: number): ChangeRow => ({
  seq,
  at: row.at,
  pipeline: row.pipeline,
  route: row.route,
  origin: row.origin,
  eventId: row.eventId,
  keys: row.keys,
  kind: row.kind,
  version: row.version,
  outcome: row.outcome,
  attempts: row.attempts,
  ...(row.code === undefined ? {} : { code: row.code }),
  ...(row.isQueued === true ? { isQueued: true } : {}),
  ...(row.ageMs === undefined ? {} : { ageMs: row.ageMs }),
});

/** Creates a ring of this many rows. */
export const rowRing = (capacity: number): RowRing => {
  const rows: ChangeRow[] = [];
  let last = 0;
  const oldest = (): number => Math.max(1, last - capacity + 1);
  const at = (seq: number): ChangeRow => rows[(seq - 1) % capacity] as ChangeRow;

  return {
    add: (row) => {
      last += 1;
      const added = numbered(row, last);
      rows[(last - 1) % capacity] = added;
      return added;
    },
    page: (filter, before, limit) => {
      const found: ChangeRow[] = [];
      for (let seq = Math.min(last, (before ?? last + 1) - 1); seq >= oldest(); seq -= 1) {
        const row = at(seq);
        if (!matches(row, filter)) continue;
        if (found.length === limit) return { rows: found, hasMore: true };
        found.push(row);
      }
      return { rows: found, hasMore: false };
    },
    all: (isWanted) => {
      const found: ChangeRow[] = [];
      for (let seq = oldest(); seq <= last; seq += 1) if (isWanted(at(seq))) found.push(at(seq));
      return found;
    },
  };
};
