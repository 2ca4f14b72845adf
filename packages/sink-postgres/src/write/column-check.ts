// The part of a write statement that compares the table's columns with the columns for which the statement was created.
// A migration may change a type while an environment keeps its statements. Postgres would then convert values that were
// encoded for the old type: JSON in a column that became `text` would keep its quotes.

import { quoteName } from "../schema/relations.ts";

/** A column whose type is compared, unless `checkedType` is undefined. */
interface CheckedColumn {
  readonly name: string;
  readonly checkedType: string | undefined;
}

/**
 * Returns the first CTE of a write statement. Its `same` is true if the columns have the expected types. The join reads
 * no row, but it locks the table before Postgres parses the rest of the statement, so no migration can come between.
 */
export const columnCheck = (rows: string, columns: readonly CheckedColumn[]): string => {
  const checked = columns.filter(({ checkedType }) => checkedType !== undefined);
  if (checked.length === 0) return "shape AS MATERIALIZED (SELECT true AS same)";
  const found = checked.map(({ name }) => `pg_typeof(t.${quoteName(name)})`).join(", ");
  const expected = checked.map(({ checkedType }) => checkedType).join(",");
  return `shape AS MATERIALIZED (
  SELECT ARRAY[${found}]::oid[] = '{${expected}}'::oid[] AS same FROM (SELECT) AS one LEFT JOIN ONLY ${rows} AS t ON false
)`;
};

/** A condition for a source of rows. The source is empty if a column has another type than the statement expects. */
export const ifColumnsAreCurrent = "WHERE (SELECT same FROM shape)";
