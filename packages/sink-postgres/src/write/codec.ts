// Turns values into text that Postgres can parse. The codec depends on the column's type. If a value does not fit its
// column, this code throws an error that contains the reason but not the value.

import { type AttributeValue, attributeToJson, toJson } from "@sluice/core/sink-kit";

/**
 * How to encode values for a column. `time` is for dates and times, `times` for ranges of them, `mark` for types in which
 * a number would mean something else, `other` for all other types, such as numbers.
 */
export type Codec = "text" | "json" | "bytes" | "time" | "times" | "mark" | "other" | { readonly elements: Codec };

/** A value, encoded as the text of a query parameter. `null` becomes SQL's NULL. */
export type Cell = string | null;

/** The error for a value that does not fit its column. The message contains the reason, but not the value. */
export class ColumnValueError extends Error {
  override name = "ColumnValueError";
}

const textTypes = /^(text|citext|name|bpchar|"char"|character|character varying|char|varchar)$/;

const timeTypes = /^(date|interval|time|timetz|timestamp|timestamptz|(time|timestamp) with(out)? time zone)$/;

const timeRangeTypes = /^(date|ts|tstz)(multi)?range$/;

/** Postgres would read 1 as true, 101 as bits, 10 as the network 10.0.0.0/8, and digits as an address or UUID. */
const markTypes = /^(boolean|bool|"?bit"?|bit varying|varbit|cidr|inet|macaddr8?|uuid)$/;

/** Returns the codec for a type, such as `integer[]`, `numeric(10,2)` or `jsonb`. */
export const codecOf = (type: string): Codec => {
  const plain = type
    .toLowerCase()
    .replace(/\([^)]*\)/, "")
    .trim();
  if (plain.endsWith("[]")) return { elements: codecOf(plain.replace(/(\[\])+$/, "")) };
  if (plain === "json" || plain === "jsonb") return "json";
  if (plain === "bytea") return "bytes";
  if (timeTypes.test(plain)) return "time";
  if (timeRangeTypes.test(plain)) return "times";
  if (markTypes.test(plain)) return "mark";
  return textTypes.test(plain) ? "text" : "other";
};

const bufferOf = (bytes: string | Uint8Array): Buffer =>
  typeof bytes === "string"
    ? Buffer.from(bytes, "base64")
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const bytesCell = (bytes: string | Uint8Array, codec: Codec): string => {
  if (codec === "bytes") return `\\x${bufferOf(bytes).toString("hex")}`;
  if (codec === "text") return typeof bytes === "string" ? bytes : bufferOf(bytes).toString("base64");
  throw new ColumnValueError("binary fits bytea, text and jsonb columns only");
};

/**
 * Words that Postgres replaces by its own clock, so that a repeat of the delivery would write another value. Postgres
 * reads them next to everything but letters: `today12:00`.
 */
const clockWords = /(?<![a-z])(now|today|tomorrow|yesterday)(?![a-z])/i;

/** Whether Postgres reads dates or times in a text for the column: also in a range and in an array literal. */
const holdsTimes = (codec: Codec): boolean =>
  typeof codec === "object" ? holdsTimes(codec.elements) : codec === "time" || codec === "times";

const numberProblems: Partial<Record<Codec & string, string>> = {
  // Postgres would read 20260102 as a date, and 5 as five seconds.
  time:
    "a number does not say whether it means seconds or milliseconds; expected a Date, a text in ISO 8601, " +
    'epochSeconds(number) or epochMilliseconds(number), or { epoch: "seconds" } for the column in option "columns"',
  times: "a number is no range; expected a text",
  mark: "a number is no value of this type; expected a boolean or a text",
  bytes: "a number does not fit bytea",
};

const numberCell = (digits: string, codec: Codec): string => {
  const problem = typeof codec === "object" ? undefined : numberProblems[codec];
  if (problem !== undefined) throw new ColumnValueError(problem);
  return digits;
};

const textCell = (text: string, codec: Codec): string => {
  if (codec === "bytes") throw new ColumnValueError("a string does not fit bytea");
  if (holdsTimes(codec) && clockWords.test(text)) {
    throw new ColumnValueError("a word that means the server's time; expected a time");
  }
  return text;
};

/** Matches escapes that Postgres refuses. `\\u` is not an escape, so the number of backslashes must be odd. */
const refusedEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i;

const jsonCell = (json: string): string => {
  if (!json.includes("\\u") || !refusedEscape.test(json)) return json;
  throw new ColumnValueError("a string holds NUL or half of a surrogate pair");
};

/** Characters by JSON escape. They replace the escapes, because in an array literal `\n` means the letter n. */
const controlCharacters: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

const plainCharacter = (sequence: string): string => {
  const kind = sequence.charAt(1);
  if (kind === '"' || kind === "\\") return sequence;
  if (kind !== "u") return controlCharacters[kind] ?? sequence;
  const unit = Number.parseInt(sequence.slice(2), 16);
  if (unit === 0) throw new ColumnValueError("a string holds NUL (U+0000), which Postgres cannot store");
  // JSON.stringify escapes a surrogate only if its other half is missing. pg would send U+FFFD in its place.
  if (unit >= 0xd800) throw new ColumnValueError("a string holds half of a surrogate pair, which is not UTF-8");
  return String.fromCharCode(unit);
};

/**
 * Returns the array literal of the cells. `JSON.stringify` is a fast way to quote them. Only those escapes that array
 * literals do not support must be replaced. 8,000 cells take 0.7 ms. pg's own code takes 1.7 ms.
 * @throws {ColumnValueError} when a cell holds NUL or half of a surrogate pair.
 */
export const arrayLiteral = (entries: readonly Cell[]): string => {
  const json = JSON.stringify(entries);
  const literal =
    json.includes("\\") && /\\[bfnrtu]/.test(json) ? json.replace(/\\(?:u[0-9a-f]{4}|.)/g, plainCharacter) : json;
  return `{${literal.slice(1, -1)}}`;
};

/** Matches array literals that need no quotes: they contain only numbers, versions, dates and NULL. */
const bareOnly = /^[\d.+\-,NUL]*$/;

/** False for cells that always need quotes: an empty cell, a cell with a comma, and the text "NULL". */
const startsLikeNumber = (cell: string): boolean => cell.charCodeAt(0) <= 57 && !cell.includes(",");

/** Returns the array literal for cells that are probably numbers. Numbers need no quotes, so this is twice as fast. */
export const numericLiteral = (entries: readonly Cell[]): string => {
  let bare = "";
  for (const cell of entries) {
    if (cell === null) bare += "NULL,";
    else if (startsLikeNumber(cell)) bare += `${cell},`;
    else return arrayLiteral(entries);
  }
  return bareOnly.test(bare) ? `{${bare.slice(0, -1)}}` : arrayLiteral(entries);
};

/** Returns an array literal. If `isInner` is true for an element, the element is an array and gets no quotes. */
const arrayCell = <Value>(
  values: readonly Value[],
  encode: (value: Value) => Cell,
  isInner: (value: Value) => boolean,
) => {
  if (!values.some(isInner)) return arrayLiteral(values.map(encode));
  return `{${values.map((value) => (isInner(value) ? encode(value) : arrayLiteral([encode(value)]).slice(1, -1))).join(",")}}`;
};

type Attribute<Type extends string> = Extract<AttributeValue, Readonly<Record<Type, unknown>>>;
type CollectionValue = Attribute<"L"> | Attribute<"M"> | Attribute<"SS"> | Attribute<"NS"> | Attribute<"BS">;

/** A set has no order. Sorts its values as texts, and bytes by their Base64 text. Values that are neither keep their order. */
export const sortedSet = <Value>(values: readonly Value[]): readonly Value[] => {
  const textOf = (value: Value): string =>
    value instanceof Uint8Array ? bufferOf(value).toString("base64") : String(value);
  const texts = values.map((value) => ({ value, text: textOf(value) }));
  return texts
    .sort((one, other) => (one.text < other.text ? -1 : one.text > other.text ? 1 : 0))
    .map(({ value }) => value);
};

const elementsOf = (value: CollectionValue): readonly AttributeValue[] | undefined => {
  if ("L" in value) return value.L;
  if ("SS" in value) return [...value.SS].sort().map((S) => ({ S }));
  if ("NS" in value) return [...value.NS].sort().map((N) => ({ N }));
  if ("BS" in value) return value.BS.map((B) => ({ B }));
  return undefined;
};

const collectionCell = (value: CollectionValue, codec: Codec): string => {
  if (codec === "text") return attributeToJson(value);
  const elements = typeof codec === "object" ? elementsOf(value) : undefined;
  if (elements === undefined || typeof codec !== "object") {
    throw new ColumnValueError("a map, list or set fits jsonb and text columns; a list or set also fits an array");
  }
  return arrayCell(
    elements,
    (element) => attributeCell(element, "L" in element && codec.elements !== "json" ? codec : codec.elements),
    (element) => "L" in element && codec.elements !== "json",
  );
};

/**
 * Converts an attribute value to the text for a column. Numbers keep all their digits.
 * @throws {ColumnValueError} when the attribute value does not fit the column.
 */
export const attributeCell = (value: AttributeValue, codec: Codec): Cell => {
  if ("S" in value) return codec === "json" ? jsonCell(attributeToJson(value)) : textCell(value.S, codec);
  if ("N" in value) return codec === "json" ? attributeToJson(value) : numberCell(value.N, codec);
  if ("NULL" in value) return null;
  if (codec === "json") return jsonCell(attributeToJson(value));
  if ("BOOL" in value) return String(value.BOOL);
  if ("B" in value) return bytesCell(value.B, codec);
  return collectionCell(value, codec);
};

/** Writes a value as JSON. @throws {ColumnValueError} when the value has a cycle, is too deep, or its `toJSON` throws. */
const jsonOf = (value: unknown): string => {
  try {
    return toJson(value, "literal");
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : "a value that is not an Error";
    throw new ColumnValueError(`a value cannot be written as JSON, which threw ${name}`, { cause });
  }
};

const objectCell = (value: object, codec: Codec): Cell => {
  if (value instanceof Uint8Array) return bytesCell(value, codec);
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new ColumnValueError("an invalid Date");
    return textCell(value.toISOString(), codec);
  }
  if ("toAttributeValue" in value) return numberCell(String(value), codec);
  if (codec === "text") return jsonOf(value);
  if (typeof codec === "object" && (Array.isArray(value) || value instanceof Set)) {
    const isInner = (entry: unknown): boolean => Array.isArray(entry) && codec.elements !== "json";
    return arrayCell(
      [...value],
      (entry: unknown) => valueCell(entry, isInner(entry) ? codec : codec.elements),
      isInner,
    );
  }
  throw new ColumnValueError("an object, array or Set fits jsonb and text columns; an array or Set also fits an array");
};

/**
 * Converts a JavaScript value to the text for a column. For a `jsonb` column the text is JSON, so a string gets quotes.
 * @throws {ColumnValueError} when the value does not fit the column.
 */
export const valueCell = (value: unknown, codec: Codec): Cell => {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" && !Number.isFinite(value)) throw new ColumnValueError("a number that is not finite");
  if (codec === "json") return jsonCell(jsonOf(value));
  if (typeof value === "string") return textCell(value, codec);
  if (typeof value === "number" || typeof value === "bigint") return numberCell(String(value), codec);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "object") return objectCell(value, codec);
  throw new ColumnValueError(`a ${typeof value}`);
};
