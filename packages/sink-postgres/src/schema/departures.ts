// Deletes the entries of items that left a shared row so long ago that no older change of theirs can still arrive.

import type { Session } from "../client/session.ts";
import { readKeyFacts } from "./key-columns.ts";
import { purgeSelected } from "./purge.ts";
import { claimsColumn, type Relations } from "./relations.ts";

/** Deletes the entries that are older than $1 days from up to $2 rows. The entries of live items stay. */
const departuresStatement = ({ versions }: Relations): string => {
  const horizon = "extract(epoch from now() - make_interval(days => $1::int))";
  const isOld = `jsonb_path_exists(${claimsColumn}, '$.*.x ? (@ < $horizon)', jsonb_build_object('horizon', ${horizon}))`;
  const isClaimed = `${claimsColumn} IS NOT NULL AND ${isOld}`;
  return `WITH old AS MATERIALIZED (
  SELECT ctid AS place FROM ${versions} WHERE ${isClaimed} LIMIT $2::int
), purged AS (
  UPDATE ${versions} SET ${claimsColumn} = (
    SELECT jsonb_object_agg(entry.key, entry.value) FROM jsonb_each(${claimsColumn}) AS entry
    WHERE NOT COALESCE((entry.value ->> 'x')::float8 < ${horizon}, false)
  )
  WHERE ctid = ANY (ARRAY(SELECT place FROM old)) AND ${isClaimed} RETURNING 1
)
SELECT (SELECT count(*) FROM old)::int AS selected, (SELECT count(*) FROM purged)::int AS deleted`;
};

/** Deletes old departures, and returns the number of rows from which they were deleted. */
export const purgeDepartures = async (session: Session, relations: Relations, days: number): Promise<number> => {
  if (!(await readKeyFacts(session, relations)).hasOwners) return 0;
  return purgeSelected(session, departuresStatement(relations), days);
};
