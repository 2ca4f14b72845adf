// Deletes tombstones that are so old that no older change of the same item can still arrive.

import { purgeInChunks } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { PostgresSettings } from "../options.ts";
import { type PurgedChildren, purgedChildren } from "./purge-children.ts";
import { type Relations, removedColumn } from "./relations.ts";

/** Selects up to $2 tombstones that are older than $1 days, and deletes those that no writer changes meanwhile. */
const purgeStatement = ({ versions }: Relations, { returning, deletions }: PurgedChildren): string => {
  const isOld = `${removedColumn} < now() - make_interval(days => $1::int)`;
  return `WITH old AS MATERIALIZED (
  SELECT ctid AS place FROM ${versions} WHERE ${isOld} LIMIT $2::int
), purged AS (
  DELETE FROM ${versions} WHERE ctid = ANY (ARRAY(SELECT place FROM old)) AND ${isOld} RETURNING ${returning}
)${deletions}
SELECT (SELECT count(*) FROM old)::int AS selected, (SELECT count(*) FROM purged)::int AS deleted`;
};

interface PurgeAnswer {
  readonly selected: number;
  readonly deleted: number;
}

/**
 * Runs a statement that selects up to $2 rows that are older than $1 days, and purges those that no writer changes
 * meanwhile. Repeats this until all old rows are purged. Returns the number of purged rows.
 */
export const purgeSelected = async (session: Session, statement: string, days: number): Promise<number> => {
  let total = 0;
  // A writer may have changed a selected row, so the last chunk is the one that selects too few, not the one that
  // purges too few. A chunk that purges nothing is also the last one: a trigger may keep every row.
  await purgeInChunks(async (most) => {
    const { selected, deleted } = (await session.query(statement, [days, most])).rows[0] as PurgeAnswer;
    total += Number(deleted);
    return Number(deleted) === 0 ? 0 : Number(selected);
  });
  return total;
};

/** Deletes old tombstones, and child rows that other programs left there. Returns the number of tombstones. */
export const purgeTombstones = async (session: Session, settings: PostgresSettings, days: number): Promise<number> =>
  purgeSelected(session, purgeStatement(settings.relations, await purgedChildren(session, settings)), days);

/** Returns when the oldest tombstone was written. The partial index of tombstones has the answer. */
export const oldestTombstone = async (session: Session, { versions }: Relations): Promise<Date | undefined> => {
  const milliseconds = `extract(epoch FROM min(${removedColumn})) * 1000`;
  const text = `SELECT (${milliseconds})::float8 AS oldest FROM ${versions} WHERE ${removedColumn} IS NOT NULL`;
  const { oldest } = (await session.query(text, [])).rows[0] as { readonly oldest: number | null };
  return oldest === null ? undefined : new Date(Number(oldest));
};
