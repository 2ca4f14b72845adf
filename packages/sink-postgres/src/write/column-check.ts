// The part of a write statement that compares the table's columns with the columns for which the statement was created.
// A migration may change a type while an environment keeps its statements. Postgres would then convert values that were
// encoded for the old type: JSON in a column that became `text` would keep its quotes.

import { literal, quoteName } from "../schema/relations.ts";

/** A column whose type is compared, unless `checkedType` is undefined. */
interface CheckedColumn {
  readonly name: string;
  readonly checkedType: string | undefined;
  readonly comparison?: KeyComparison | undefined;
}

/** How a key column compares. A migration that changes this may make two items meet in one row. */
export interface KeyComparison {
  /** The column's collation, quoted; undefined if the type has none. */
  readonly collation: string | undefined;
  /** The column's modifier, which is its length or precision; undefined if the type has none. */
  readonly modifier: string | undefined;
}

const comparisonChecks = (rows: string, { name, comparison }: CheckedColumn): string[] => {
  const { collation, modifier } = comparison ?? {};
  const held = `attrelid = ${literal(rows)}::regclass AND attname = ${literal(name)}`;
  return [
    ...(collation === undefined ? [] : [`pg_collation_for(t.${quoteName(name)}) = ${literal(collation)}`]),
    ...(modifier === undefined ? [] : [`(SELECT atttypmod = ${modifier} FROM pg_attribute WHERE ${held})`]),
  ];
};

/** Returns the SQL conditions on a table `t` that the columns have the expected types, and compare as expected. */
const checksOf = (rows: string, columns: readonly CheckedColumn[], others: readonly string[]): readonly string[] => {
  const checked = columns.filter(({ checkedType }) => checkedType !== undefined);
  const found = checked.map(({ name }) => `pg_typeof(t.${quoteName(name)})`).join(", ");
  const expected = checked.map(({ checkedType }) => checkedType).join(",");
  const types = checked.length === 0 ? [] : [`ARRAY[${found}]::oid[] = '{${expected}}'::oid[]`];
  return [...types, ...columns.flatMap((column) => comparisonChecks(rows, column)), ...others];
};

const joinNothing = (rows: string): string => `FROM (SELECT) AS one LEFT JOIN ONLY ${rows} AS t ON false`;

/**
 * Returns the first CTE of a write statement. Its `same` is true if the columns have the expected types, the key
 * columns compare as expected, and the other conditions hold. The join reads no row, but it locks the table before
 * Postgres parses the rest of the statement, so no migration can come between.
 */
export const columnCheck = (rows: string, columns: readonly CheckedColumn[], ...others: readonly string[]): string => {
  const checks = checksOf(rows, columns, others);
  if (checks.length === 0) return "sluice_shape AS MATERIALIZED (SELECT true AS same)";
  return `sluice_shape AS MATERIALIZED (
  SELECT ${checks.join(" AND ")} AS same ${joinNothing(rows)}
)`;
};

/** Returns the SQL condition that the columns of another table are as expected, for `others` of `columnCheck`. */
export const alsoSame = (rows: string, columns: readonly CheckedColumn[], ...others: readonly string[]): string =>
  `(SELECT ${[...checksOf(rows, columns, others), "true"].join(" AND ")} ${joinNothing(rows)})`;

/**
 * Returns the SQL condition that the table still has `count` attributes, dropped ones included. A statement that
 * replaces whole rows needs this: a new column of the replaced row must not be lost.
 */
export const attributeCheck = (rows: string, count: string): string =>
  `(SELECT relnatts = ${count} FROM pg_class WHERE oid = ${literal(rows)}::regclass)`;

/** A condition for a source of rows. The source is empty if a column has another type than the statement expects. */
export const ifColumnsAreCurrent = "WHERE (SELECT same FROM sluice_shape)";
