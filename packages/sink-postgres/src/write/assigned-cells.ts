// The SQL of cells as their columns store them. An assignment rounds a value, fills it up, or refuses it.

import { literal } from "../schema/relations.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** Base types that an explicit cast shortens. An assignment, as in a write, refuses a value that would lose more than spaces. */
const shortenedTypes = /^(character varying|bpchar|character|"bit"|bit varying)(\[\])*$/;

/** Whether a cast to the column's length hides that a value is too long. */
export const isShortened = ({ baseType, type, fullType }: WrittenColumn): boolean =>
  type !== fullType && shortenedTypes.test(baseType);

const uncast = ({ type, isCastByRow }: WrittenColumn, index: number): string =>
  isCastByRow ? `u.c${index}::${type}` : `u.c${index}`;

/** The cell with the length or precision of its column, as an assignment stores it. */
export const assigned = (column: WrittenColumn, index: number): string =>
  column.type === column.fullType ? uncast(column, index) : `(u.c${index}::${column.fullType})`;

/** The SQL condition that the column cannot hold the whole value. */
export const losesPart = (column: WrittenColumn, index: number): string => {
  const differs = (one: string, other: string): string => `rtrim(${one}::text) <> rtrim(${other}::text)`;
  const [before, after] = [uncast(column, index), assigned(column, index)];
  return column.baseType.endsWith("[]")
    ? `EXISTS (SELECT FROM unnest(${before}, ${after}) AS e(before, after) WHERE ${differs("e.before", "e.after")})`
    : differs(before, after);
};

/** The columns whose types are all compared, also those of texts. */
export const typeChecked = (columns: readonly WrittenColumn[]): WrittenColumn[] =>
  columns.map((column) => ({ ...column, checkedType: column.typeOid }));

/** Returns the SQL condition that the columns still have the same lengths and precisions. */
export const modifierCheck = (rows: string, columns: readonly WrittenColumn[]): string[] => {
  const modified = columns.filter(({ modifier }) => modifier !== "-1");
  if (modified.length === 0) return [];
  const expected = modified.map(({ name, modifier }) => `(${literal(name)}, ${modifier})`).join(", ");
  return [
    `NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${literal(rows)}::regclass AND attnum > 0
      AND attname::text IN (${modified.map(({ name }) => literal(name)).join(", ")})
      AND (attname::text, atttypmod) NOT IN (${expected}))`,
  ];
};
