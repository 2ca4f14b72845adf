// The text that Postgres will have for a cell after a write, computed without asking Postgres. It is computed only where it is
// certain: for some of Postgres' own types, and for values in the usual spellings. The text is that of `textOf`, and so the
// tests compare both for random values.

import type { WrittenColumn } from "../write/written-columns.ts";
import { jsonbText } from "./json-text.ts";

/** Returns the text of the stored cell; undefined if only Postgres can tell. */
export type StoredText = (cell: string) => string | undefined;

/** What the text of a stored cell depends on. */
type StoredColumn = Pick<WrittenColumn, "typeOid" | "fullType" | "modifier">;

/** Postgres refuses NUL, and half of a surrogate pair is not UTF-8. */
const refused = /[\0\p{Surrogate}]/u;

const plainText: StoredText = (cell) => (refused.test(cell) ? undefined : cell);

/** The length counts characters, which are at most the code units. */
const shortText = (most: number): StoredText => {
  return (cell) => (cell.length <= most ? plainText(cell) : undefined);
};

const varcharText = ({ modifier, fullType }: StoredColumn): StoredText | undefined => {
  if (modifier === "-1") return plainText;
  const most = /^character varying\((\d+)\)$/.exec(fullType)?.[1];
  return most === undefined ? undefined : shortText(Number(most));
};

/** Integers with fewer digits than the limit of the type. */
const integerText = (digits: number): StoredText => {
  const plain = new RegExp(`^(?:0|-?[1-9]\\d{0,${digits - 1}})$`);
  return (cell) => (plain.test(cell) ? cell : undefined);
};

const decimal = /^-?(0|[1-9]\d{0,99})(?:\.(\d{1,99}))?$/;

const withoutZeros = (fraction: string): string => {
  let end = fraction.length;
  while (fraction.charCodeAt(end - 1) === 48) end -= 1;
  return fraction.slice(0, end);
};

/** Without zeros at the end, as `trim_scale` writes it. `-0` is 0. */
const numericWithin =
  (wholeDigits: number, scale: number): StoredText =>
  (cell) => {
    const match = decimal.exec(cell);
    if (match === null) return undefined;
    const [, whole = "", digits = ""] = match;
    const fraction = withoutZeros(digits);
    if (fraction.length > scale || (whole === "0" ? 0 : whole.length) > wholeDigits) return undefined;
    if (whole === "0" && fraction === "") return "0";
    const sign = cell.startsWith("-") ? "-" : "";
    return fraction === "" ? sign + whole : `${sign}${whole}.${fraction}`;
  };

const numericText = ({ modifier, fullType }: StoredColumn): StoredText | undefined => {
  if (modifier === "-1") return numericWithin(100, 99);
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(fullType) ?? [];
  if (precision === undefined || scale === undefined) return undefined;
  return numericWithin(Number(precision) - Number(scale), Number(scale));
};

const float = /^-?(\d{1,400})(?:\.(\d{1,400}))?(?:[eE][-+]?\d{1,4})?$/;

const leastNormal = 2 ** -1_022;

/** The binary form in hexadecimal digits, as `float8send` writes it. Postgres refuses numbers that are too large or too small. */
const floatText: StoredText = (cell) => {
  const match = float.exec(cell);
  if (match === null) return undefined;
  const number = Number(cell);
  const isZero = /^0*$/.test(`${match[1]}${match[2] ?? ""}`);
  if (!Number.isFinite(number) || (!isZero && Math.abs(number) < leastNormal)) return undefined;
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(number);
  return bytes.toString("hex");
};

const booleanText: StoredText = (cell) => (cell === "true" || cell === "false" ? cell : undefined);

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

const uuidText: StoredText = (cell) => (uuid.test(cell) ? cell.toLowerCase() : undefined);

const bytes = /^\\x(?:[\da-f]{2})*$/;

const bytesText: StoredText = (cell) => (bytes.test(cell) ? cell.slice(2) : undefined);

/** Whether the calendar has the day, and the clock the time. Date takes February 30 for March 2. */
const isTime = (iso: string): boolean => {
  const ms = Date.parse(iso);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(iso.slice(0, 19));
};

const day = /^(?!0000)\d{4}-\d\d-\d\d$/;

const dayText: StoredText = (cell) => (day.test(cell) && isTime(`${cell}T00:00:00Z`) ? cell : undefined);

const moment = /^((?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/;

/** In UTC. Without a zone, Postgres stores the text's date and time as they are. */
const momentText: StoredText = (cell) => {
  const [, whole, digits = ""] = moment.exec(cell) ?? [];
  if (whole === undefined || !isTime(`${whole}Z`)) return undefined;
  const fraction = withoutZeros(digits);
  return fraction === "" ? whole : `${whole}.${fraction}`;
};

const ifWhole =
  (stored: StoredText) =>
  ({ modifier }: StoredColumn): StoredText | undefined =>
    modifier === "-1" ? stored : undefined;

/** By the object identifier of the type: those of Postgres' own types never change, and a domain has another one. */
const makers: Readonly<Record<string, (column: StoredColumn) => StoredText | undefined>> = {
  16: () => booleanText,
  17: () => bytesText,
  20: () => integerText(18),
  21: () => integerText(4),
  23: () => integerText(9),
  25: () => plainText,
  701: () => floatText,
  1043: varcharText,
  1082: () => dayText,
  1114: ifWhole(momentText),
  1184: ifWhole(momentText),
  1700: numericText,
  2950: () => uuidText,
  3802: () => jsonbText,
};

/** Returns the function that computes the texts of a column's cells, for a database in UTF-8; undefined if only Postgres can. */
export const storedTextOf = (column: StoredColumn): StoredText | undefined => makers[column.typeOid]?.(column);
