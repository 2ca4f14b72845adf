// Lossless JSON: exact numbers, sets in a stable order, binary as base64.

import { types } from "node:util";
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

/** The error for a value that JSON cannot hold. It has the path and the type of the value, and not the value. */
export class JsonValueError extends TypeError {
  override name = "JsonValueError";
  /** Names of the members that lead to the value. */
  readonly path: readonly string[];

  constructor(problem: string, path: readonly string[] = []) {
    super(problem);
    this.path = path;
  }
}

const refused = (found: string, expected: string): JsonValueError =>
  new JsonValueError(`found ${found}; expected ${expected}`);

/** Writes the member `name`. If JSON cannot hold its value, adds `name` to the error's path. */
const writeAt = (name: string, value: unknown, exact: Exact, levels: number): string | undefined => {
  try {
    return write(value, exact, levels);
  } catch (error) {
    throw error instanceof JsonValueError ? new JsonValueError(error.message, [name, ...error.path]) : error;
  }
};

const membersToJson = (members: Iterable<readonly [string, unknown]>, exact: Exact, levels: number): string => {
  let text = "";
  for (const [name, value] of members) {
    const member = writeAt(name, value, exact, levels);
    if (member !== undefined) text += `${text === "" ? "" : ","}${quoted(name)}:${member}`;
  }
  return `{${text}}`;
};

const listToJson = (values: readonly unknown[], exact: Exact, levels: number): string => {
  // `Array.from` reads the holes of a sparse array as undefined, while `map` would leave them out.
  const texts = Array.from(values, (entry, index) => writeAt(String(index), entry, exact, levels) ?? "null");
  return `[${texts.join(",")}]`;
};

/** Sorts strings before they are quoted, because quotes and escapes change their order. */
const setToJson = (value: ReadonlySet<unknown>, exact: Exact, levels: number): string => {
  const others = [...value].filter((entry) => typeof entry !== "string");
  const texts = others.map((entry) => write(entry, exact, levels) ?? "null");
  const strings = [...value].filter((entry) => typeof entry === "string");
  return `[${[...ordered(texts), ...ordered(strings).map((entry) => JSON.stringify(entry))].join(",")}]`;
};

const mapToJson = (value: ReadonlyMap<unknown, unknown>, exact: Exact, levels: number): string => {
  if ([...value.keys()].some((key) => typeof key !== "string")) {
    throw refused("a Map with a key that is not a string", "strings as keys");
  }
  return membersToJson(value as ReadonlyMap<string, unknown>, exact, levels);
};

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm (`node:vm`) have another `Object.prototype`, whose prototype is null too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** Name of the class of an object: `RegExp`, `Error`, `Float64Array`. */
const classOf = (value: object): string => /^\w{1,60}$/.exec(value.constructor?.name ?? "")?.[0] ?? "an unknown class";

/** Returns the members of an object. Refuses an instance of a class without members, which JSON would leave empty. */
const membersOf = (value: object): [string, unknown][] => {
  if (ArrayBuffer.isView(value)) throw refused(`an object of class ${classOf(value)}`, "a Uint8Array");
  const members = Object.entries(value);
  if (members.length > 0 || isPlainObject(value)) return members;
  throw refused(`an object of class ${classOf(value)} without members`, "a value that JSON can hold");
};

const objectToJson = (value: object, exact: Exact, levels: number): string | undefined => {
  if (value instanceof Set) return setToJson(value, exact, levels);
  if (value instanceof Map) return mapToJson(value, exact, levels);
  if (value instanceof Uint8Array) return JSON.stringify(base64(value));
  if (value instanceof ArrayBuffer) return JSON.stringify(base64(new Uint8Array(value)));
  if (isNumberValue(value)) return exact(value.toString());
  if (types.isBoxedPrimitive(value)) return write(value.valueOf(), exact, levels);
  if (types.isDate(value) && Number.isNaN(Number(value))) throw refused("an invalid Date", "a valid Date");
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(), exact, levels);
  return membersToJson(membersOf(value), exact, levels);
};

/** Writes a value as JSON; undefined for `undefined`, which `JSON.stringify` omits. */
const write = (value: unknown, exact: Exact, levels: number): string | undefined => {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return exact(String(value));
  if (isScalar(value)) return JSON.stringify(value);
  if (typeof value === "number") throw refused(String(value), "a finite number");
  if (typeof value !== "object" || value === null) throw refused(`a ${typeof value}`, "a value that JSON can hold");
  if (levels === 0) throw new RangeError(`a value has more than ${maxLevels} levels`);
  return Array.isArray(value) ? listToJson(value, exact, levels - 1) : objectToJson(value, exact, levels - 1);
};

/** Whether the value is not an object, and `JSON.stringify` writes it without loss or, if it is undefined, omits it. */
const isScalar = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value === "string" || typeof value === "boolean" || value === null || value === undefined;
};

/**
 * Whether `JSON.stringify` writes the value without loss, and the value has at most so many levels. This check takes a
 * quarter of the time of `write`.
 */
const isPlain = (value: unknown, levels: number): boolean => {
  if (typeof value !== "object" || value === null) return isScalar(value);
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
 * Writes a value as JSON, without loss: decision 0054 has the rule for each type. A `Set` becomes an array in code-unit
 * order, a `Map` an object, bytes become base64, and `exactNumbers` applies to BigInts and exact numbers. Undefined
 * members are omitted, as by `JSON.stringify`.
 * @throws {JsonValueError} when JSON cannot hold a value: NaN, a function, a RegExp, an object without members.
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
