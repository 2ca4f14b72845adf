// Deletes tombstones that no redelivered change needs any more.

import type { Session } from "../client/session.ts";
import { type Relations, removedColumn } from "./relations.ts";

/** Most rows that one statement deletes. Transactions stay short, so that writers do not wait. */
const chunkRows = 10_000;

/** Deletes up to $2 tombstones that are older than $1 days. */
const purgeStatement = ({ versions }: Relations): string => {
  const isOld = `${removedColumn} < now() - make_interval(days => $1::int)`;
  return `DELETE FROM ${versions}
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${versions} WHERE ${isOld} LIMIT $2::int
)) AND ${isOld}`;
};

/** Deletes old tombstones, and returns how many there were. */
export const purgeTombstones = async (session: Session, relations: Relations, days: number): Promise<number> => {
  let total = 0;
  for (let deleted = chunkRows; deleted === chunkRows; ) {
    const { rowCount } = await session.query(purgeStatement(relations), [days, chunkRows]);
    deleted = rowCount ?? 0;
    total += deleted;
  }
  return total;
};
