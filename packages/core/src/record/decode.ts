// Decodes attribute values without loss, to native types that are safe for JSON.stringify. A number that a double cannot
// hold exactly becomes the SDK's NumberValue; binary becomes Uint8Array; sets become Set.

import { type NumberValue, NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { RecordError } from "../errors.ts";
import type { AttributeValue, Image, UnknownItem } from "./change.ts";
import { type DecodeImage, imageDecoders } from "./compiled-decoder.ts";
import { toJson } from "./json.ts";

/** No two parts of the pattern match the same digits, because a forged number may have thousands. */
const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** DynamoDB's numbers have 38 digits and exponents from -130 to 125, so that no number takes more characters. */
const maxNumberLength = 400;

/** The JSON of a decoded value. Without `toJSON`, `JSON.stringify` would write `{}`, `{"value":…}` or `{"0":…}`. */
const asJson = (value: unknown): unknown => JSON.parse(toJson(value));

// The decoded types have `toJSON` on the prototype, because a `toJSON` on each value costs four times as much as the
// value (bench: `decode`). `constructor` is the base class, which the SDK's `marshall` and Jest's `toEqual` compare.

class JsonNumberValue extends NumberValueImpl {
  toJSON(): unknown {
    return asJson(this);
  }
}

class JsonSet extends Set<unknown> {
  toJSON(): unknown {
    return asJson(this);
  }
}

class JsonBytes extends Uint8Array {
  toJSON(): unknown {
    return asJson(this);
  }
}

Object.defineProperty(JsonNumberValue.prototype, "constructor", { value: NumberValueImpl });
Object.defineProperty(JsonSet.prototype, "constructor", { value: Set });
Object.defineProperty(JsonBytes.prototype, "constructor", { value: Uint8Array });

const setOf = <Member>(members: readonly Member[], decode?: (member: Member) => unknown): Set<unknown> => {
  const set = new JsonSet();
  for (const member of members) set.add(decode === undefined ? member : decode(member));
  return set;
};

/** Copies the bytes, because small Buffers share their memory. */
const bytesOf = (source: Uint8Array): Uint8Array => {
  const bytes = new JsonBytes(source.length);
  bytes.set(source);
  return bytes;
};

/** Returns digits and exponent, which are the same for equal values: `"1.50"` and `"15E-1"` are both `"15e-1"`. */
export const canonicalDecimal = (text: string): string => {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end -= 1;
  const significant = digits.slice(0, end);
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
};

const plainInteger = /^-?[1-9]\d*$/;

const powersOfTen: readonly number[] = Array.from({ length: 16 }, (_, power) => Number(`1e${power}`));

/**
 * Parses at most 15 digits with an optional point; returns undefined for any other text. Fits most numbers, and costs a
 * third of the general path. Both operands of the division are exact, so the result is the nearest double.
 */
const plainDecimal = (text: string): number | undefined => {
  const { length } = text;
  if (length === 0 || length > 15) return undefined;
  let number = 0;
  let point = length;
  for (let index = 0; index < length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit >= 0 && digit <= 9) number = number * 10 + digit;
    else if (digit === -2 && point === length && length > 1) point = index;
    else return undefined;
  }
  return point === length ? number : number / (powersOfTen[length - point - 1] as number);
};

const decodeNumber = (text: string): number | NumberValue => {
  if (typeof text !== "string" || text.length > maxNumberLength) throw malformedNumber();
  const plain = plainDecimal(text);
  if (plain !== undefined) return plain;
  const number = Number(text);
  const written = String(number);
  if (written === text && Number.isFinite(number)) return number;
  // For integers without an exponent, different digits mean a different value. So the double is not exact here.
  if (plainInteger.test(text) && Math.abs(number) < 1e21) return new JsonNumberValue(text);
  if (!decimal.test(text)) throw malformedNumber();
  // Compares values, not texts, because JavaScript writes "1.50", "1E3" and "-0" differently.
  if (Number.isFinite(number) && canonicalDecimal(text) === canonicalDecimal(written)) return number;
  return new JsonNumberValue(text);
};

const malformedNumber = (): RecordError =>
  new RecordError("RECORD_MALFORMED", "an attribute of type N is not a decimal number");

const wrongContent = (type: string, expected: string): RecordError =>
  new RecordError("RECORD_MALFORMED", `an attribute of type ${type} has other content; expected ${expected}`);

const arrayOf = <Member>(type: string, content: unknown): readonly Member[] => {
  if (!Array.isArray(content)) throw wrongContent(type, "an array");
  return content;
};

const decodeMap = (content: unknown, nested: DecodeImage): UnknownItem => {
  if (typeof content !== "object" || content === null || Array.isArray(content)) throw wrongContent("M", "an object");
  return nested(content as Image);
};

const decodeBinary = (value: string | Uint8Array): Uint8Array => {
  if (value instanceof Uint8Array) return bytesOf(value);
  if (typeof value !== "string") throw wrongContent("B", "base64 text or bytes");
  return bytesOf(Buffer.from(value, "base64"));
};

/**
 * Most lists hold maps, so that a map is looked for first. It saves a loop over the names of each entry. The copy has the
 * list's length from the start, so that the list does not grow.
 */
const decodeList = (content: readonly AttributeValue[], nested: DecodeImage): unknown[] => {
  const list: unknown[] = arrayOf<AttributeValue>("L", content).slice();
  for (let index = 0; index < list.length; index += 1) {
    const entry = list[index] as AttributeValue;
    const map = (entry as { readonly M?: Image } | null)?.M;
    list[index] = map === undefined ? decodeWith(entry, nested) : decodeMap(map, nested);
  }
  return list;
};

const decodeTexts = (content: readonly string[]): Set<unknown> => setOf(arrayOf("SS", content));

const decodeNumbers = (content: readonly string[]): Set<unknown> => setOf(arrayOf<string>("NS", content), decodeNumber);

const typeNames = "S, N, B, BOOL, NULL, L, M, SS, NS, BS";

const decodeWith = (value: AttributeValue, nested: DecodeImage): unknown => {
  for (const type in value) {
    const content = (value as Record<string, unknown>)[type];
    if (content === undefined) continue;
    switch (type) {
      case "S":
      case "BOOL":
        return content;
      case "N":
        return decodeNumber(content as string);
      case "M":
        return decodeMap(content, nested);
      case "L":
        return decodeList(content as readonly AttributeValue[], nested);
      case "NULL":
        return null;
      case "B":
        return decodeBinary(content as string);
      case "SS":
        return decodeTexts(content as readonly string[]);
      case "NS":
        return decodeNumbers(content as readonly string[]);
      case "BS":
        return setOf(arrayOf<string>(type, content), decodeBinary);
      default:
        throw new RecordError("RECORD_MALFORMED", `an attribute value has the type ${type}; expected ${typeNames}`);
    }
  }
  throw new RecordError("RECORD_MALFORMED", `an attribute value has no type; expected ${typeNames}`);
};

const decodeEach = (image: Image, nested: DecodeImage): UnknownItem => {
  const item: Record<string, unknown> = {};
  for (const name in image) {
    const value = decodeWith(image[name] as AttributeValue, nested);
    // Assigning to __proto__ would lose the attribute and change the item's prototype.
    if (name === "__proto__") Object.defineProperty(item, name, { value, enumerable: true, writable: true });
    else item[name] = value;
  }
  return item;
};

const newImageDecoder = imageDecoders(
  decodeWith,
  { N: decodeNumber, M: decodeMap, L: decodeList, SS: decodeTexts, NS: decodeNumbers },
  decodeEach,
);

/** Decodes an image into a native item. @throws {RecordError} RECORD_MALFORMED when an attribute has no known type. */
export const decodeImage: (image: Image) => UnknownItem = newImageDecoder();

/** Decodes an attribute value into a native value. @throws {RecordError} RECORD_MALFORMED when its type is unknown. */
export const decodeValue = (value: AttributeValue): unknown => decodeWith(value, decodeImage);
