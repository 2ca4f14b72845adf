// Turns cells into texts that are equal if and only if the cells are. The texts do not depend on settings of the session,
// such as DateStyle, TimeZone, IntervalStyle, extra_float_digits and bytea_output: two pools may have different ones.

import type { Cell } from "../write/codec.ts";
import type { WrittenColumn } from "../write/written-columns.ts";
import { jsonByValue, jsonbByValue } from "./json-text.ts";

/** Base types whose own text depends on no setting. */
const plainTypes =
  /^(text|character varying|bpchar|character|citext|name|"char"|smallint|integer|bigint|oid|boolean|uuid|inet|cidr|macaddr8?|"bit"|bit varying|json|jsonb|time without time zone|time with time zone|xml)$/;

const dayTypes = /^(date|timestamp without time zone)$/;

const arrayOfPlain = (baseType: string): boolean =>
  baseType.endsWith("[]") && plainTypes.test(baseType.replace(/(\[\])+$/, ""));

/** The binary form of a value as hexadecimal text. `ROW` and `IS DISTINCT FROM` tell a composite of NULLs from NULL. */
const binaryText = (cell: string): string =>
  `CASE WHEN ${cell} IS DISTINCT FROM NULL THEN encode(record_send(ROW(${cell})), 'hex') END`;

/** What the text of a cell depends on. */
type TextColumn = Pick<WrittenColumn, "baseType" | "output">;

/** Returns the SQL of the text of a cell, which is NULL for NULL. */
export const textOf = ({ baseType, output }: TextColumn, cell: string): string => {
  if (plainTypes.test(baseType) || arrayOfPlain(baseType)) return `${cell}::text`;
  // 1.50 and 1.5 are equal.
  if (baseType === "numeric") return `trim_scale(${cell})::text`;
  if (baseType === "double precision") return `encode(float8send(${cell}), 'hex')`;
  if (baseType === "real") return `encode(float4send(${cell}), 'hex')`;
  if (baseType === "bytea") return `encode(${cell}, 'hex')`;
  if (dayTypes.test(baseType)) return `(to_jsonb(${cell}) #>> '{}')`;
  if (baseType === "timestamp with time zone") return `(to_jsonb(${cell} AT TIME ZONE 'UTC') #>> '{}')`;
  return output === "text" ? `${cell}::text` : binaryText(cell);
};

/** Returns the SQL `… AS v0, … AS v1` of the texts of cells. */
export const textsOf = (columns: readonly TextColumn[], cellOf: (index: number) => string): string =>
  columns.map((column, index) => `${textOf(column, cellOf(index))} AS v${index}`).join(", ");

const [openBrace, openBracket] = [123, 91];

/** A row with the texts of cells. */
export interface TextRow {
  readonly [column: `v${number}`]: Cell;
}

/**
 * Returns the text by which a cell is compared.
 * @param isJson whether a text column has JSON, which is compared by value: the members of a map have no order.
 */
export const comparedText = (baseType: string, text: string, isJson: () => boolean): string => {
  if (baseType === "jsonb") return jsonbByValue(text);
  if (baseType === "json") return jsonByValue(text);
  const start = text.charCodeAt(0);
  return (start === openBrace || start === openBracket) && isJson() ? jsonByValue(text) : text;
};

const cellNames: `v${number}`[] = [];

/** Returns the name of a cell. Each name is created once, because contents have many cells. */
const cellName = (index: number): `v${number}` => {
  cellNames[index] ??= `v${index}`;
  return cellNames[index];
};

/** Adds a member, also one with the name `__proto__`. Assignment is several times faster than `Object.fromEntries`. */
export const addMember = (content: Record<string, string>, name: string, text: string): void => {
  if (name === "__proto__") Object.defineProperty(content, name, { value: text, enumerable: true });
  else content[name] = text;
};

/**
 * Returns the content of a row. A column that is NULL is not a member: this is how NULL differs from every text, and a
 * column that no row has named yet makes no difference.
 * @param isJson whether a text column has JSON, which is compared by value: the members of a map have no order.
 */
export const contentOf = (
  columns: readonly WrittenColumn[],
  row: TextRow,
  isJson: (index: number) => boolean,
): Record<string, string> => {
  const content: Record<string, string> = {};
  for (const [index, { baseType, name }] of columns.entries()) {
    const text = row[cellName(index)] ?? null;
    if (text !== null)
      addMember(
        content,
        name,
        comparedText(baseType, text, () => isJson(index)),
      );
  }
  return content;
};
