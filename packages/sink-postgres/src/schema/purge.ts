// Deletes tombstones that are so old that no older change of the same item can still arrive.

import { purgeInChunks } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import { type Relations, removedColumn } from "./relations.ts";

/** Deletes up to $2 tombstones that are older than $1 days. */
const purgeStatement = ({ versions }: Relations): string => {
  const isOld = `${removedColumn} < now() - make_interval(days => $1::int)`;
  return `DELETE FROM ${versions}
WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${versions} WHERE ${isOld} LIMIT $2::int
)) AND ${isOld}`;
};

/** Deletes old tombstones, and returns their number. */
export const purgeTombstones = (session: Session, relations: Relations, days: number): Promise<number> => {
  const statement = purgeStatement(relations);
  return purgeInChunks(async (most) => (await session.query(statement, [days, most])).rowCount ?? 0);
};
