// The SQL that reads copies, and that computes what a write would store. Each statement writes nothing, takes no lock that
// a writer waits for, and is a transaction by itself. See the beginning of `write/statements.ts`.

import {
  claimsColumn,
  literal,
  ownerColumn,
  quoteName,
  type Relations,
  removedColumn,
  versionColumn,
} from "../schema/relations.ts";
import { assigned, isShortened, losesPart, modifierCheck, typeChecked } from "../write/assigned-cells.ts";
import type { ChildPlan } from "../write/child-plan.ts";
import { alsoSame, columnCheck } from "../write/column-check.ts";
import { aliases, argumentsFor, rowsOf, type StatementColumn, sameKey } from "../write/statements.ts";
import type { WrittenColumn } from "../write/written-columns.ts";
import { textOf, textsOf } from "./cell-text.ts";

/** A row of a statement: `current` is false if the columns have changed, and the other members are then null. */
export interface CheckedRow {
  readonly current: boolean;
  /** One-based position of the delivery in the parameters. Null if the statement found nothing. */
  readonly position: string | null;
}

/** Returns the statement that selects the rows of `found`, or one row without a position if there are none. */
export const checked = (check: string, found: string): string =>
  `WITH ${check}\nSELECT sluice_shape.same AS current, found.* FROM sluice_shape LEFT JOIN (${found}) AS found ON true`;

/** What a statement for a batch needs to know. */
export interface ReadShape {
  readonly relations: Relations;
  readonly keys: readonly WrittenColumn[];
  /** The columns of the content. The key columns come first. */
  readonly columns: readonly WrittenColumn[];
  /** Whether rows can be shared, so that the entry of the item's owner is read. */
  readonly isShared: boolean;
  readonly children: readonly ChildPlan[];
}

/** What a target holds at the key of a delivery. Every member is text, because the user's pool may have parsers of its own. */
export interface FoundRow extends CheckedRow {
  /** Null or empty if the guard has no version. */
  readonly version: string | null;
  /** Whether the guard has a tombstone. */
  readonly isRemoved: string | null;
  /** Whether the table shows a row. */
  readonly isThere: string;
  readonly owner?: string | null;
  /** The version of the item's entry among the owners that are not shown. */
  readonly claim?: string | null;
  readonly isClaimRemoved?: string | null;
  /** The rows of each child, as a JSON array of arrays of texts. Null without rows. */
  readonly [child: `x${number}`]: string | null;
  readonly [column: `v${number}`]: string | null;
}

/** OFFSET 0 makes Postgres look up each key in the index, also without statistics of the table. */
export const lookUp = (relation: string, keys: readonly StatementColumn[], alias: string): string =>
  `LEFT JOIN LATERAL (SELECT * FROM ${relation} AS one WHERE ${sameKey(keys, "one")} OFFSET 0) AS ${alias} ON true`;

const guardMembers = (isShared: boolean): string => `held.${versionColumn} AS version,
  (held.${removedColumn} IS NOT NULL)::text AS "isRemoved"${
    isShared
      ? `, held.${ownerColumn} AS owner, held.${claimsColumn} -> u.owner ->> 'v' AS claim,
  (held.${claimsColumn} -> u.owner ? 'x')::text AS "isClaimRemoved"`
      : ""
  }`;

/** Returns the child's columns for the item's key, as the columns of the sink's table are described. */
const itemColumns = (keys: readonly WrittenColumn[], child: ChildPlan): readonly WrittenColumn[] =>
  keys.map((key, index) => ({ ...key, name: child.keys[index]?.name ?? key.name }));

/** `json_build_array` takes at most 100 texts. An array takes any number. */
const childRows = (keys: readonly WrittenColumn[], child: ChildPlan, index: number): string => {
  const columns = [...child.keys.slice(keys.length), ...child.columns];
  const texts = columns.map((column) => textOf(column, `one.${quoteName(column.name)}`)).join(", ");
  return `LEFT JOIN LATERAL (SELECT json_agg(ARRAY[${texts}]::text[])::text AS rows
    FROM ${child.settings.relation} AS one WHERE ${sameKey(itemColumns(keys, child), "one")}) AS x${index} ON true`;
};

const childChecks = (children: readonly ChildPlan[]): string[] =>
  children.map(({ settings, keys, columns }) => alsoSame(settings.relation, typeChecked([...keys, ...columns])));

/**
 * Returns the SQL that reads the versions and contents at the keys of deliveries. Parameters: the key columns, then the
 * owners as one text if rows can be shared.
 */
export const readStatement = ({ relations, keys, columns, isShared, children }: ReadShape): string => {
  const owners = isShared ? `, string_to_array($${keys.length + 1}::text, ',')` : "";
  const given = `unnest(${argumentsFor(keys)}${owners}) WITH ORDINALITY AS u(${aliases(keys)}${isShared ? ", owner" : ""}, position)`;
  const isInline = relations.guard === "inline";
  const held = lookUp(relations.versions, keys, "held");
  const live = isInline ? "" : lookUp(relations.rows, keys, "live");
  const row = isInline ? "held" : "live";
  const key = quoteName(keys[0]?.name ?? "");
  const isThere = `${row}.${key} IS NOT NULL${isInline ? ` AND held.${removedColumn} IS NULL` : ""}`;
  const texts = textsOf(columns, (index) => `${row}.${quoteName(columns[index]?.name ?? "")}`);
  const found = children.map((_, index) => `, x${index}.rows AS x${index}`).join("");
  const some = children.map((_, index) => ` OR x${index}.rows IS NOT NULL`).join("");
  const childJoins = children.map((child, index) => childRows(keys, child, index)).join(" ");
  return checked(
    columnCheck(relations.rows, typeChecked(columns), ...childChecks(children)),
    `
  SELECT u.position::text AS position, ${guardMembers(isShared)}, (${isThere})::text AS "isThere", ${texts}${found}
  FROM ${given} ${held} ${live} ${childJoins}
  WHERE (SELECT same FROM sluice_shape) AND (held.${key} IS NOT NULL OR ${row}.${key} IS NOT NULL${some})`,
  );
};

/** The row of a delivery as a write would store it. */
export interface CanonicalRow extends CheckedRow {
  /** The name of a column for which the value is too long; null if there is none. */
  readonly tooLong: string | null;
  readonly [column: `v${number}`]: string | null;
}

const tooLong = (column: WrittenColumn, index: number): string =>
  `CASE WHEN ${losesPart(column, index)} THEN ${literal(column.name)} END`;

/** What the statement that computes rows needs to know. */
export interface CanonicalShape {
  readonly relations: Relations;
  /** The columns of the content. The statement checks that they have not changed. */
  readonly columns: readonly WrittenColumn[];
  /** The columns whose texts are asked. */
  readonly asked: readonly WrittenColumn[];
}

/**
 * Returns the SQL that computes the cells that a write would store. Parameters: the asked columns. Without such columns, the
 * statement only checks the table.
 */
export const canonicalStatement = ({ relations, columns: all, asked: columns }: CanonicalShape): string => {
  const check = columnCheck(relations.rows, typeChecked(all), ...modifierCheck(relations.rows, all));
  const [first] = columns;
  if (first === undefined) return `WITH ${check}\nSELECT same AS current, NULL AS position FROM sluice_shape`;
  const positions = `generate_series(1, cardinality(${argumentsFor([first])})) AS position`;
  const shortened = columns.flatMap((column, index) => (isShortened(column) ? [tooLong(column, index)] : []));
  const lost = shortened.length === 0 ? "NULL" : `COALESCE(${shortened.join(", ")})`;
  const texts = textsOf(columns, (index) => assigned(columns[index] as WrittenColumn, index));
  return checked(
    check,
    `
  SELECT u.position::text AS position, ${lost} AS "tooLong", ${texts} FROM ${rowsOf(columns, positions)}`,
  );
};
