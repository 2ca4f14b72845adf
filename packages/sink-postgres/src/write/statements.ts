// The SQL of a write: one statement per batch, with one array parameter per column. It has no named statement, SET,
// advisory lock or explicit transaction, because with any of these RDS Proxy could not share the connection.
//
// The parameters are, in this order: an array for each key column, an array for each other column, the versions as one
// text, the owners as one text if rows can be shared, and an array of removal flags. The flags are omitted if the batch
// has no removals.

import {
  claimsColumn,
  ownerColumn,
  quoteName,
  type Relations,
  removedColumn,
  versionColumn,
} from "../schema/relations.ts";
import { columnCheck, ifColumnsAreCurrent, type KeyComparison } from "./column-check.ts";

/** What a statement must know about a column. */
export interface StatementColumn {
  readonly name: string;
  /** The type without length and precision, because a cast to `varchar(3)` would shorten a text without an error. */
  readonly type: string;
  /**
   * The type's object identifier. If the column gets another type, the statement writes nothing. Undefined for text:
   * Postgres hardly converts text in an assignment. A key column always has it: `citext` compares in another way.
   */
  readonly checkedType: string | undefined;
  /** Whether the column is `GENERATED ALWAYS AS IDENTITY`, so that an update cannot set it. */
  readonly isIdentity: boolean;
  /**
   * Whether the column's parameter is `text[]`, from which each row's value is cast. True for array columns, because
   * `unnest` flattens nested arrays. True for JSON columns, because this is faster: 1,000 rows with a document of 12
   * members took 16 ms. With `jsonb[]` they took 21 ms (PostgreSQL 18.4).
   */
  readonly isCastByRow: boolean;
  /**
   * Only for a key column: the type with its length or precision, if an assignment changes a value without an error.
   * Example: `numeric(9,2)` rounds. Stored keys must be compared with the value as it was assigned.
   */
  readonly comparedAs?: string | undefined;
  /** Only for a key column: how it compares. If this changes, the statement writes nothing. */
  readonly comparison?: KeyComparison | undefined;
}

/** The relations and columns for which statements are created. */
export interface StatementShape {
  readonly relations: Relations;
  readonly keys: readonly StatementColumn[];
  /** The columns that are not part of the key. */
  readonly columns: readonly StatementColumn[];
  /** Columns that an upsert leaves alone. With guard `inline`, a removal sets them to NULL. */
  readonly unnamed: readonly StatementColumn[];
  /** Whether two items can have the same row. The statement then has owners, and takes no row of another owner. */
  readonly isShared?: boolean;
}

/** The row that `writeStatement` returns. */
export interface WriteAnswer {
  /** False if a column has another type than the statement expects. The statement then wrote nothing. */
  readonly current: boolean;
  /** Number of deliveries that were written, because the stored version was older or missing. */
  readonly won: number;
  /** Number of deleted rows. Always 0 with guard `inline`, which deletes no rows. */
  readonly gone: number;
  /** One-based positions of superseded deliveries, separated by commas; null if all deliveries were written. */
  readonly lost: string | null;
  /**
   * Only if rows can be shared: the positions of those lost deliveries that are not certainly superseded. If the owner
   * has written the same or a newer version before, this stays true, even if the row has changed since.
   */
  readonly contested?: string | null;
  /** Only with children: the positions of those lost deliveries that another writer overtook, so that they are sent again. */
  readonly overtaken?: string | null;
}

/** Returns the quoted names, each after the prefix, joined by commas. */
export const names = (columns: readonly StatementColumn[], prefix = ""): string =>
  columns.map(({ name }) => prefix + quoteName(name)).join(", ");

/** Returns the array parameter of a column. */
export const parameter = ({ type, isCastByRow }: StatementColumn, index: number): string =>
  `$${index + 1}::${isCastByRow ? "text" : type}[]`;

/** Returns the array parameters of the columns. The first parameter has the number `offset` + 1. */
export const argumentsFor = (columns: readonly StatementColumn[], offset = 0): string =>
  columns.map((column, index) => parameter(column, index + offset)).join(", ");

/** Returns `c0, c1, …`, the names of the columns' cells in the alias `u`. */
export const aliases = (columns: readonly StatementColumn[]): string =>
  columns.map((_, index) => `c${index}`).join(", ");

const cell = ({ type, isCastByRow }: StatementColumn, index: number): string =>
  isCastByRow ? `u.c${index}::${type}` : `u.c${index}`;

/** Returns the cells of the alias `u`, with their types. */
export const cells = (columns: readonly StatementColumn[]): string => columns.map(cell).join(", ");

/** Returns the key's cell as the key column stores it. */
export const storedCell = (key: StatementColumn, index: number): string =>
  key.comparedAs === undefined ? cell(key, index) : `u.c${index}::${key.comparedAs}`;

/**
 * Returns the SQL that turns array parameters into rows. `SELECT unnest($1), unnest($2), …` took 5.4 ms to insert 1,000
 * rows of 17 columns. `FROM unnest($1, $2, …)` took 6.5 ms, because it copies the arrays (PostgreSQL 18.4).
 */
export const rowsOf = (columns: readonly StatementColumn[], ...others: readonly string[]): string => {
  const unnested = columns.map((column, index) => `unnest(${parameter(column, index)}) AS c${index}`);
  return `(SELECT ${[...unnested, ...others].join(", ")} ${ifColumnsAreCurrent}) AS u`;
};

/** Returns the SQL that sets the columns to the values of the row that was to be inserted. */
export const assignments = (columns: readonly StatementColumn[]): string =>
  columns.map(({ name }) => `${quoteName(name)} = EXCLUDED.${quoteName(name)}`).join(", ");

/** Returns the SQL condition that the alias `left` has the key of the alias `u`. */
export const sameKey = (keys: readonly StatementColumn[], left: string): string =>
  keys.map((key, index) => `${left}.${quoteName(key.name)} = ${storedCell(key, index)}`).join(" AND ");

/** Returns the SQL condition that two relations have the same key. */
export const matching = (keys: readonly StatementColumn[], left: string, right: string): string =>
  keys.map(({ name }) => `${left}.${quoteName(name)} = ${right}.${quoteName(name)}`).join(" AND ");

/** Rows with their versions. */
export interface RowSource {
  /** An SQL text for `FROM`, with the alias `u`: rows, versions, and if present owners and removal flags. */
  readonly from: string;
  readonly removedAt: string;
}

/**
 * Returns the SQL that splits the text of versions at its commas. Postgres parses an array literal more slowly: with a
 * literal, 1,000 inserts of 17 columns took 10.4 ms instead of 9.7, and updates 13.9 instead of 13.3 (PostgreSQL 18.4).
 */
export const versionsOf = ({ keys, columns }: StatementShape): string =>
  `string_to_array($${keys.length + columns.length + 1}::text, ',')`;

/** Keys that are equal only to Postgres may have different orders as texts. So Postgres sorts, to prevent deadlocks. */
const inKeyOrder = ({ keys }: StatementShape): string => ` ORDER BY ${cells(keys)}`;

const ownersOf = ({ keys, columns }: StatementShape): string =>
  `string_to_array($${keys.length + columns.length + 2}::text, ',')`;

/** The owners of the rows, if rows can be shared. */
const ownerSource = (shape: StatementShape): string[] =>
  shape.isShared === true ? [`unnest(${ownersOf(shape)}) AS owner`] : [];

/** Returns the source of the rows that a guard compares. */
export const sourceOf = (
  shape: StatementShape,
  columns: readonly StatementColumn[],
  hasRemovals: boolean,
): RowSource => {
  const others = [`unnest(${versionsOf(shape)}) AS version`, ...ownerSource(shape)];
  if (!hasRemovals) return { from: rowsOf(columns, ...others), removedAt: "NULL" };
  const flags = `unnest($${shape.keys.length + shape.columns.length + others.length + 1}::boolean[]) AS removed`;
  return { from: rowsOf(columns, ...others, flags), removedAt: "CASE WHEN u.removed THEN now() END" };
};

/** Returns the SQL condition that the alias `won` has the key, and if rows can be shared also the owner, of `u`. */
const isWinner = ({ keys, isShared }: StatementShape): string =>
  sameKey(keys, "won") + (isShared === true ? ` AND won.${ownerColumn} = u.owner` : "");

const contestedPositions = (shape: StatementShape, hasRemovals: boolean): string => {
  const flags = `$${shape.keys.length + shape.columns.length + 3}::boolean[]`;
  const others = [versionsOf(shape), ownersOf(shape), ...(hasRemovals ? [flags] : [])].join(", ");
  return `,
  CASE WHEN winners.number < cardinality(${argumentsFor(shape.keys.slice(0, 1))}) THEN (
    SELECT string_agg(u.position::text, ',')
    FROM unnest(${argumentsFor(shape.keys)}, ${others}) WITH ORDINALITY
      AS u(${aliases(shape.keys)}, version, owner, ${hasRemovals ? "removed, " : ""}position)
    WHERE NOT EXISTS (SELECT FROM won WHERE ${isWinner(shape)}) AND NOT EXISTS (
      SELECT FROM ${shape.relations.versions} AS held WHERE ${sameKey(shape.keys, "held")}
        AND held.${ownerColumn} = u.owner AND (held.${versionColumn} > u.version OR (held.${versionColumn} = u.version
          AND ${hasRemovals ? `(u.removed OR held.${removedColumn} IS NULL)` : `held.${removedColumn} IS NULL`})))
  ) END AS contested`;
};

/**
 * Returns the SQL that selects the `WriteAnswer`. `lost` is computed only if a delivery is superseded. `more` is the SQL of
 * other members.
 */
export const answer = (shape: StatementShape, gone: string, hasRemovals: boolean, more = ""): string => `
SELECT (SELECT same FROM sluice_shape) AS current, winners.number::int AS won, ${gone} AS gone,
  CASE WHEN winners.number < cardinality(${argumentsFor(shape.keys.slice(0, 1))}) THEN (
    SELECT string_agg(u.position::text, ',')
    FROM unnest(${argumentsFor(shape.keys)}${shape.isShared === true ? `, ${ownersOf(shape)}` : ""}) WITH ORDINALITY
      AS u(${aliases(shape.keys)}${shape.isShared === true ? ", owner" : ""}, position)
    WHERE NOT EXISTS (SELECT FROM won WHERE ${isWinner(shape)})
  ) END AS lost${shape.isShared === true ? contestedPositions(shape, hasRemovals) : ""}${more}
FROM (SELECT count(*) AS number FROM won) AS winners`;

/** The SQL that replaces the version in the guard. */
export const guardAssignments: string = `${versionColumn} = EXCLUDED.${versionColumn}, ${removedColumn} = EXCLUDED.${removedColumn}`;
/** Of two deliveries with the same version, the one with a message wins: another route may have removed the row. */
export const isNewer: string = `(held.${versionColumn} < EXCLUDED.${versionColumn} OR (held.${versionColumn} = EXCLUDED.${versionColumn}
    AND held.${removedColumn} IS NOT NULL AND EXCLUDED.${removedColumn} IS NULL))`;

/**
 * Returns the SQL condition under which a delivery may write without knowing the other owners of the row. The row must
 * have the same owner. If other owners have entries too, a removal may have to show the content of another owner.
 */
const isUncontested = `(held.${ownerColumn} IS NULL OR held.${ownerColumn} = EXCLUDED.${ownerColumn})
    AND (EXCLUDED.${removedColumn} IS NULL OR held.${claimsColumn} IS NULL)`;

const versionTableWinners = (shape: StatementShape, source: RowSource): string => {
  const shared = (text: string): string => (shape.isShared === true ? text : "");
  return `
won AS (
  INSERT INTO ${shape.relations.versions} AS held
    (${names(shape.keys)}, ${versionColumn}, ${removedColumn}${shared(`, ${ownerColumn}`)})
  SELECT ${cells(shape.keys)}, u.version, ${source.removedAt}${shared(", u.owner")} FROM ${source.from}${shared(inKeyOrder(shape))}
  ON CONFLICT (${names(shape.keys)}) DO UPDATE SET ${guardAssignments}${shared(`, ${ownerColumn} = EXCLUDED.${ownerColumn}`)}
  WHERE ${isNewer}${shared(` AND ${isUncontested}`)}
  RETURNING ${names(shape.keys, "held.")}, held.${removedColumn}${shared(`, held.${ownerColumn}`)}
)`;
};

/** Returns the SQL that deletes the rows of removals. */
export const rowDeletes = (shape: StatementShape): string => `,
gone AS (
  DELETE FROM ${shape.relations.rows} AS held USING won
  WHERE won.${removedColumn} IS NOT NULL AND ${matching(shape.keys, "held", "won")}
  RETURNING 1
)`;

/** Counting deleted rows makes Postgres delete rows before it inserts rows. A new row can then reuse a unique value. */
export const afterDeletes = (gone: string): string => `(SELECT count(*) FROM ${gone}) >= 0`;

/** The rows that are not removed. */
export const liveOnly: string = `won.${removedColumn} IS NULL AND ${afterDeletes("gone")}`;

/** If rows can be shared, a row also gets its owner's spelling of the key. */
const rowUpserts = (shape: StatementShape, hasRemovals: boolean): string => {
  const all = [...shape.keys, ...shape.columns];
  const updated = (shape.isShared === true ? all : shape.columns).filter(({ isIdentity }) => !isIdentity);
  const update = updated.length === 0 ? "NOTHING" : `UPDATE SET ${assignments(updated)}`;
  return `,
put AS (
  INSERT INTO ${shape.relations.rows} (${names(all)}) OVERRIDING SYSTEM VALUE
  SELECT ${cells(all)} FROM ${rowsOf(all, ...ownerSource(shape))}
  JOIN won ON ${isWinner(shape)}${hasRemovals ? ` WHERE ${liveOnly}` : ""}
  ON CONFLICT (${names(shape.keys)}) DO ${update}
)`;
};

const versionTableWrite = (shape: StatementShape, hasRemovals: boolean): string => {
  const source = sourceOf(shape, shape.keys, hasRemovals);
  const winners = versionTableWinners(shape, source);
  const changes = (hasRemovals ? rowDeletes(shape) : "") + rowUpserts(shape, hasRemovals);
  return `WITH${winners}${changes}${answer(shape, hasRemovals ? "(SELECT count(*) FROM gone)::int" : "0", hasRemovals)}`;
};

const emptiedByRemoval = ({ name }: StatementColumn): string =>
  `${quoteName(name)} = CASE WHEN EXCLUDED.${removedColumn} IS NULL THEN held.${quoteName(name)} END`;

/** Returns the SQL that updates a row and its version, for guard `inline`. */
export const inlineSets = ({ columns, unnamed }: StatementShape, hasRemovals: boolean): string => {
  const emptied = hasRemovals ? unnamed.map(emptiedByRemoval) : [];
  const named = columns.length === 0 ? [] : [assignments(columns)];
  return [...named, ...emptied, guardAssignments].join(", ");
};

const inlineWrite = (shape: StatementShape, hasRemovals: boolean): string => {
  const all = [...shape.keys, ...shape.columns];
  const source = sourceOf(shape, all, hasRemovals);
  return `WITH
won AS (
  INSERT INTO ${shape.relations.rows} AS held (${names(all)}, ${versionColumn}, ${removedColumn}) OVERRIDING SYSTEM VALUE
  SELECT ${cells(all)}, u.version, ${source.removedAt} FROM ${source.from}
  ON CONFLICT (${names(shape.keys)}) DO UPDATE SET ${inlineSets(shape, hasRemovals)} WHERE ${isNewer}
  RETURNING ${names(shape.keys, "held.")}
)${answer(shape, "0", hasRemovals)}`;
};

/** Returns the SQL that writes a batch. Its result is one `WriteAnswer`. `hasRemovals` adds the removal flags. */
export const writeStatement = (shape: StatementShape, hasRemovals: boolean): string => {
  const write = shape.relations.guard === "version-table" ? versionTableWrite : inlineWrite;
  const check = columnCheck(shape.relations.rows, [...shape.keys, ...shape.columns]);
  return write(shape, hasRemovals).replace(/^WITH/, () => `WITH ${check},`);
};

/**
 * Returns the SQL that deletes the rows of removals, if the version table still has the removals' versions. Parameters:
 * the key columns, then the versions.
 *
 * `writeStatement` can miss a row: if it waits while another writer inserts the row, its DELETE does not see the row,
 * because its snapshot is older. This second statement has a new snapshot, so it sees the row. During the deletion, it
 * locks the key in the version table, so that no other writer can write the row.
 */
export const deleteRemovedStatement = (shape: StatementShape): string => `WITH removed AS MATERIALIZED (
  SELECT ${names(shape.keys, "held.")} FROM ${shape.relations.versions} AS held
  JOIN unnest(${argumentsFor(shape.keys)}, ${versionsOf({ ...shape, columns: [] })}) WITH ORDINALITY
    AS u(${aliases(shape.keys)}, version, position) ON ${sameKey(shape.keys, "held")}
  WHERE held.${versionColumn} = u.version AND held.${removedColumn} IS NOT NULL
  ORDER BY u.position FOR UPDATE OF held
)
DELETE FROM ${shape.relations.rows} AS live USING removed
WHERE ${matching(shape.keys, "live", "removed")}`;

/** Returns the SQL that finds the keys for which a version is stored. Parameters: the key columns. */
export const presentStatement = (shape: StatementShape): string => `
SELECT string_agg(u.position::text, ',') AS present
FROM unnest(${argumentsFor(shape.keys)}) WITH ORDINALITY AS u(${aliases(shape.keys)}, position)
JOIN ${shape.relations.versions} AS held ON ${sameKey(shape.keys, "held")}`;
