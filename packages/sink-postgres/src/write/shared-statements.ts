// The SQL for rows that several items may share: it reads the whole state of a row, and replaces a state that was read.
// Each statement is a transaction by itself. See the beginning of `statements.ts`.

import { claimsColumn, ownerColumn, quoteName, removedColumn, versionColumn } from "../schema/relations.ts";
import { attributeCheck, columnCheck, ifColumnsAreCurrent } from "./column-check.ts";
import type { StoredClaims } from "./row-state.ts";
import {
  aliases,
  argumentsFor,
  assignments,
  cells,
  matching,
  names,
  parameter,
  rowsOf,
  type StatementColumn,
  type StatementShape,
  sameKey,
} from "./statements.ts";

/** A row that `readSharedStatement` returns. Every member is text, because the user's pool may have parsers of its own. */
export interface SharedRow {
  /** One-based position of the key in the parameters. Several positions may have the same row. */
  readonly position: string;
  readonly version: string;
  /** Epoch seconds. */
  readonly removed: string | null;
  readonly owner: string | null;
  readonly claims: string | null;
  readonly isThere: string;
  /** Postgres' time, in epoch seconds. */
  readonly now: string;
  /** The key as the version table has it: `k0`, `k1`, …; the columns of the row, the key first: `v0`, `v1`, …. */
  readonly [column: `k${number}` | `v${number}`]: string | null;
}

const asTexts = (columns: readonly StatementColumn[], relation: string, prefix: string): string =>
  columns.map(({ name }, index) => `${relation}.${quoteName(name)}::text AS ${prefix}${index}`).join(", ");

/** Returns the SQL that reads the states of rows. Parameters: the key columns. */
export const readSharedStatement = ({ keys, columns, relations }: StatementShape): string => `
SELECT u.position::text AS position, ${asTexts(keys, "held", "k")}, ${asTexts([...keys, ...columns], "live", "v")},
  held.${versionColumn} AS version, extract(epoch from held.${removedColumn})::text AS removed,
  held.${ownerColumn} AS owner, held.${claimsColumn}::text AS claims,
  (live.${quoteName(keys[0]?.name ?? "")} IS NOT NULL)::text AS "isThere", extract(epoch from now())::text AS now
FROM unnest(${argumentsFor(keys)}) WITH ORDINALITY AS u(${aliases(keys)}, position)
JOIN ${relations.versions} AS held ON ${sameKey(keys, "held")}
LEFT JOIN ${relations.rows} AS live ON ${matching(keys, "live", "held")}`;

/**
 * Returns the SQL that creates missing rows of the version table, which can then be locked. Parameters: the key columns.
 * `current` is false if a key column has changed. The statement then wrote nothing.
 */
export const createSharedStatement = ({ keys, relations }: StatementShape): string => `
WITH ${columnCheck(relations.rows, keys)},
created AS (
  INSERT INTO ${relations.versions} (${names(keys)}, ${versionColumn}, ${removedColumn})
  SELECT ${cells(keys)}, '', now() FROM ${rowsOf(keys)} ORDER BY ${cells(keys)} ON CONFLICT DO NOTHING
)
SELECT (SELECT same FROM sluice_shape) AS current`;

/** A state that was read, and the state that replaces it. `position` is the position of its key in the parameters. */
export interface StateSwap {
  readonly position: number;
  readonly seen_version: string;
  readonly seen_removed: boolean;
  readonly seen_owner: string | null;
  readonly seen_claims: StoredClaims | null;
  readonly version: string;
  readonly removed_at: number | null;
  readonly owner: string | null;
  readonly claims: StoredClaims | null;
  readonly deletes_row: boolean;
}

const swapColumns =
  "position bigint, seen_version text, seen_removed boolean, seen_owner text, seen_claims jsonb, version text," +
  " removed_at float8, owner text, claims jsonb, deletes_row boolean";

/**
 * Returns the SQL that replaces the states that are still the same as when they were read, and writes or deletes their
 * rows. It returns the positions of the replaced states as `swapped`. `current` is false if the columns have changed,
 * or if the table has a new column. The statement then wrote nothing.
 *
 * Parameters: an array for each column, the key first, with the rows to write; an array for each key column with the
 * keys of the states; the positions of the states whose rows are written, as one text; the `StateSwap`s as JSON. A
 * position of 0 means that the row is not shown now. It is only parsed, so that a bad value is refused at once.
 */
export const swapSharedStatement = ({ keys, columns, relations }: StatementShape, attributes: string): string => {
  const all = [...keys, ...columns];
  const stateKeys = keys.map((key, index) => parameter(key, all.length + index)).join(", ");
  const [positions, swaps] = [all.length + keys.length + 1, all.length + keys.length + 2];
  const rows = rowsOf(all, `unnest(string_to_array($${positions}::text, ','))::bigint AS position`);
  const check = columnCheck(relations.rows, all, attributeCheck(relations.rows, attributes));
  return `WITH ${check},
next AS MATERIALIZED (
  SELECT k.*, n.seen_version, n.seen_removed, n.seen_owner, n.seen_claims, n.version, n.removed_at, n.owner, n.claims,
    n.deletes_row
  FROM unnest(${stateKeys}) WITH ORDINALITY AS k(${aliases(keys)}, position)
  JOIN jsonb_to_recordset($${swaps}::jsonb) AS n(${swapColumns}) ON n.position = k.position
  ${ifColumnsAreCurrent}
),
locked AS MATERIALIZED (
  SELECT u.position FROM ${relations.versions} AS held JOIN next AS u ON ${sameKey(keys, "held")}
  WHERE held.${versionColumn} = u.seen_version AND (held.${removedColumn} IS NOT NULL) = u.seen_removed
    AND held.${ownerColumn} IS NOT DISTINCT FROM u.seen_owner
    AND held.${claimsColumn} IS NOT DISTINCT FROM u.seen_claims
  ORDER BY ${names(keys, "held.")} FOR UPDATE OF held
),
swapped AS (
  UPDATE ${relations.versions} AS held SET ${versionColumn} = u.version, ${removedColumn} = to_timestamp(u.removed_at),
    ${ownerColumn} = u.owner, ${claimsColumn} = u.claims
  FROM next AS u JOIN locked ON locked.position = u.position WHERE ${sameKey(keys, "held")}
  RETURNING u.position
),
gone AS (
  DELETE FROM ${relations.rows} AS held USING next AS u JOIN swapped ON swapped.position = u.position
  WHERE u.deletes_row AND ${sameKey(keys, "held")}
  RETURNING 1
),
put AS (
  INSERT INTO ${relations.rows} (${names(all)}) OVERRIDING SYSTEM VALUE
  SELECT ${cells(all)} FROM ${rows} JOIN swapped ON swapped.position = u.position
  WHERE (SELECT count(*) FROM gone) >= 0
  ON CONFLICT (${names(keys)}) DO UPDATE SET ${assignments(all.filter(({ isIdentity }) => !isIdentity))}
)
SELECT (SELECT same FROM sluice_shape) AS current, (SELECT string_agg(position::text, ',') FROM swapped) AS swapped,
  (SELECT count(ROW(${cells(all)})) FROM ${rows}) AS parsed`;
};

/**
 * Returns the SQL that finds the keys, among the given ones, of which the owner has an entry. Only these keys can have a
 * copy of the owner. Parameters: the key columns, then the owners.
 */
export const presentSharedStatement = ({ keys, relations }: StatementShape): string => `
SELECT string_agg(u.position::text, ',') AS present
FROM unnest(${argumentsFor(keys)}, string_to_array($${keys.length + 1}::text, ',')) WITH ORDINALITY
  AS u(${aliases(keys)}, owner, position)
JOIN ${relations.versions} AS held ON ${sameKey(keys, "held")}
WHERE held.${ownerColumn} = u.owner OR held.${claimsColumn} ? u.owner`;

/** A row that `strayStatement` returns: an entry of an owner at another key than the one that the owner has now. */
export interface StrayRow {
  readonly position: string;
  readonly version: string;
  readonly isRemoved: string;
  readonly [column: `k${number}`]: string | null;
}

/**
 * Returns the SQL that finds the entries of owners at other keys than the given ones. They are left from another key
 * function. Parameters: the key columns, then the owners.
 */
export const strayStatement = ({ keys, relations }: StatementShape): string => {
  const owners = `string_to_array($${keys.length + 1}::text, ',')`;
  const given = `unnest(${argumentsFor(keys)}, ${owners}) WITH ORDINALITY AS u(${aliases(keys)}, owner, position)`;
  const held = asTexts(keys, "held", "k");
  // `claimed` is one scan of an index for all owners. A join would scan the index once for each owner. OFFSET 0 makes
  // Postgres look up each owner in the index of owners. Without statistics of the table, it would read the whole table.
  return `WITH claimed AS MATERIALIZED (
  SELECT ${names(keys, "held.")}, held.${claimsColumn} FROM ${relations.versions} AS held
  WHERE held.${claimsColumn} IS NOT NULL AND held.${claimsColumn} ?| ${owners}
)
SELECT u.position::text AS position, ${held}, held.${versionColumn} AS version,
  (held.${removedColumn} IS NOT NULL)::text AS "isRemoved"
FROM ${given} CROSS JOIN LATERAL (
  SELECT * FROM ${relations.versions} AS owned WHERE owned.${ownerColumn} = u.owner OFFSET 0
) AS held
WHERE NOT (${sameKey(keys, "held")})
UNION ALL
SELECT u.position::text AS position, ${held}, held.${claimsColumn} -> u.owner ->> 'v' AS version,
  (held.${claimsColumn} -> u.owner ? 'x')::text AS "isRemoved"
FROM claimed AS held JOIN ${given} ON held.${claimsColumn} ? u.owner
WHERE NOT (${sameKey(keys, "held")})`;
};
