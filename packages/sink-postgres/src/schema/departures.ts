// Deletes the entries of items that left a shared row so long ago that no older change of theirs can still arrive.

import { purgeInChunks } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import { readKeyFacts } from "./key-columns.ts";
import { claimsColumn, type Relations } from "./relations.ts";

/** Deletes the entries that are older than $1 days from up to $2 rows. The entries of live items stay. */
const departuresStatement = ({ versions }: Relations): string => {
  const horizon = "extract(epoch from now() - make_interval(days => $1::int))";
  const isOld = `jsonb_path_exists(${claimsColumn}, '$.*.x ? (@ < $horizon)', jsonb_build_object('horizon', ${horizon}))`;
  const isClaimed = `${claimsColumn} IS NOT NULL AND ${isOld}`;
  return `UPDATE ${versions} SET ${claimsColumn} = (
  SELECT jsonb_object_agg(entry.key, entry.value) FROM jsonb_each(${claimsColumn}) AS entry
  WHERE NOT COALESCE((entry.value ->> 'x')::float8 < ${horizon}, false)
)
WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${versions} WHERE ${isClaimed} LIMIT $2::int)) AND ${isClaimed}`;
};

/** Deletes old departures, and returns the number of rows from which they were deleted. */
export const purgeDepartures = async (session: Session, relations: Relations, days: number): Promise<number> => {
  if (!(await readKeyFacts(session, relations)).hasOwners) return 0;
  const statement = departuresStatement(relations);
  return purgeInChunks(async (most) => (await session.query(statement, [days, most])).rowCount ?? 0);
};
