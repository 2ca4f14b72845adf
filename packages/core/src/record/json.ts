// Lossless JSON: exact numbers, sets in a stable order, binary as base64.

import type { NumberValue } from "@aws-sdk/util-dynamodb";
import { RecordError } from "../errors.ts";
import type { AttributeValue, Image } from "./change.ts";

/**
 * How to write a number that a double cannot hold: as a `literal` for targets with exact JSON numbers (Postgres
 * `jsonb`), or as a `string` for consumers that would round a literal (most consumers).
 */
export type ExactNumbers = "literal" | "string";

/**
 * Whether a value is a number that a double would round. Checks for a method, because the class may be loaded twice. A
 * member of a decoded map is never a function.
 */
export const isNumberValue = (value: unknown): value is NumberValue =>
  typeof value === "object" &&
  value !== null &&
  "toAttributeValue" in value &&
  typeof value.toAttributeValue === "function";

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/** Sorts by code units. This order is the same on every machine, while the order of a locale may differ. */
const ordered = (texts: readonly string[]): string[] => [...texts].sort();

/** No two parts of the pattern match the same digits, because a forged number may have thousands. */
const decimal = /^(?:\+|(-))?(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;

const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Writes decimal text as a JSON number with every digit. Corrects invalid JSON: `"+1"`, `".5"`, `"5."` and `"007"`.
 * @throws {RecordError} RECORD_MALFORMED when the text is not a decimal number.
 */
const numberLiteral = (text: string): string => {
  if (jsonNumber.test(text)) return text;
  const [, sign = "", whole = "", fraction = "", exponent = ""] = decimal.exec(text) ?? [];
  if (whole + fraction === "") throw new RecordError("RECORD_MALFORMED", "a number is not decimal; expected digits");
  return `${sign}${whole.replace(/^0+(?=\d)/, "") || "0"}${fraction === "" ? "" : `.${fraction}`}${exponent}`;
};

type Exact = (text: string) => string;

/** A cache of quoted names. Its size is limited, because a map may use data as names. */
const quotedNames = new Map<string, string>();
const maxQuotedNames = 1_000;

const quoted = (name: string): string => {
  const known = quotedNames.get(name);
  if (known !== undefined) return known;
  const text = JSON.stringify(name);
  if (quotedNames.size < maxQuotedNames) quotedNames.set(name, text);
  return text;
};

/**
 * Levels that a value may have. DynamoDB allows 32. Parsers of other languages end at about 1,000 levels, and a document
 * of 2,000 levels makes OpenSearch 2.19 hang. The limit also ends a cycle.
 */
const maxLevels = 200;

const membersToJson = (value: object, exact: Exact, levels: number): string => {
  let text = "";
  for (const name of Object.keys(value)) {
    const member = write((value as Readonly<Record<string, unknown>>)[name], exact, levels);
    if (member !== undefined) text += `${text === "" ? "" : ","}${quoted(name)}:${member}`;
  }
  return `{${text}}`;
};

/** Sorts strings before they are quoted, because quotes and escapes change their order. */
const setToJson = (value: ReadonlySet<unknown>, exact: Exact, levels: number): string => {
  const others = [...value].filter((entry) => typeof entry !== "string");
  const texts = others.map((entry) => write(entry, exact, levels) ?? "null");
  const strings = [...value].filter((entry) => typeof entry === "string");
  return `[${[...ordered(texts), ...ordered(strings).map((entry) => JSON.stringify(entry))].join(",")}]`;
};

const objectToJson = (value: object, exact: Exact, levels: number): string | undefined => {
  if (value instanceof Set) return setToJson(value, exact, levels);
  if (value instanceof Uint8Array) return JSON.stringify(base64(value));
  if (isNumberValue(value)) return exact(value.toString());
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(), exact, levels);
  return membersToJson(value, exact, levels);
};

/** Writes a value as JSON; undefined for a value that `JSON.stringify` omits. */
const write = (value: unknown, exact: Exact, levels: number): string | undefined => {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  if (typeof value === "bigint") return exact(String(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (levels === 0) throw new RangeError(`a value has more than ${maxLevels} levels`);
  if (Array.isArray(value)) return `[${value.map((entry) => write(entry, exact, levels - 1) ?? "null").join(",")}]`;
  return objectToJson(value, exact, levels - 1);
};

/**
 * Whether `JSON.stringify` writes the value without loss, and the value has at most so many levels. This check takes a
 * quarter of the time of `write`.
 */
const isPlain = (value: unknown, levels: number): boolean => {
  if (typeof value !== "object" || value === null) return typeof value !== "bigint";
  if (levels === 0) return false;
  if (Array.isArray(value)) return value.every((entry) => isPlain(entry, levels - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return false;
  for (const name in value) if (!isPlain((value as Record<string, unknown>)[name], levels - 1)) return false;
  return true;
};

const writeLossless = (value: unknown, exactNumbers: ExactNumbers): string | undefined =>
  write(value, exactNumbers === "literal" ? numberLiteral : (text) => JSON.stringify(text), maxLevels);

/**
 * Writes a decoded value as JSON. A `Set` becomes an array in code-unit order, bytes become base64, and `exactNumbers`
 * applies to BigInts and exact numbers. Undefined members are omitted, as by `JSON.stringify`.
 * @throws {RangeError} when the value has more than 200 levels, or a cycle. @throws what a `toJSON` or a getter throws.
 */
export const toJson = (value: unknown, exactNumbers: ExactNumbers = "string"): string =>
  (isPlain(value, maxLevels) ? JSON.stringify(value) : writeLossless(value, exactNumbers)) ?? "null";

const binaryText = (value: string | Uint8Array): string => (typeof value === "string" ? value : base64(value));

const textsToJson = (texts: readonly string[]): string =>
  `[${ordered(texts)
    .map((text) => JSON.stringify(text))
    .join(",")}]`;

/** Writes an attribute value of a record as JSON. Numbers are literals with every digit. */
export const attributeToJson = (value: AttributeValue): string => {
  if ("S" in value) return JSON.stringify(value.S);
  if ("N" in value) return numberLiteral(value.N);
  if ("BOOL" in value) return value.BOOL ? "true" : "false";
  if ("NULL" in value) return "null";
  if ("M" in value) return imageToJson(value.M);
  if ("L" in value) return `[${value.L.map(attributeToJson).join(",")}]`;
  if ("B" in value) return JSON.stringify(binaryText(value.B));
  if ("SS" in value) return textsToJson(value.SS);
  if ("NS" in value) return `[${ordered(value.NS).map(numberLiteral).join(",")}]`;
  return textsToJson(value.BS.map(binaryText));
};

/** Writes an image of a record as JSON. */
export const imageToJson = (image: Image): string =>
  `{${Object.entries(image)
    .map(([name, value]) => `${JSON.stringify(name)}:${attributeToJson(value)}`)
    .join(",")}}`;
