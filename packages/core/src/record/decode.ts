// Decodes attribute values without loss. Native types, each safe for JSON.stringify: a number only where it survives
// the round trip exactly, else the SDK's NumberValue; binary as Uint8Array; sets as Set.

import { type NumberValue, NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { RecordError } from "../errors.ts";
import type { AttributeValue, Image, UnknownItem } from "./change.ts";
import { type DecodeImage, imageDecoders } from "./compiled-decoder.ts";
import { toJson } from "./json.ts";

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** `JSON.stringify` would write `{}`, `{"value":…}` or `{"0":…}`. */
const asJson = (value: unknown): unknown => JSON.parse(toJson(value));

// What is decoded to, with a `toJSON` on the prototype: one for each value costs four times as much as the value (bench:
// `decode`). The constructor is the base's, because the SDK's `marshall` and Jest's `toEqual` go by it.

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

/** A copy: the buffer behind a small Buffer is shared with others. */
const bytesOf = (source: Uint8Array): Uint8Array => {
  const bytes = new JsonBytes(source.length);
  bytes.set(source);
  return bytes;
};

/** Digits and exponent of a decimal text, equal for equal values: `"1.50"` and `"15E-1"` are both `"15e-1"`. */
const canonical = (text: string): string => {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
};

const plainInteger = /^-?[1-9]\d*$/;

const powersOfTen: readonly number[] = Array.from({ length: 16 }, (_, power) => Number(`1e${power}`));

/**
 * The value of up to 15 plain digits, with or without a point, else undefined: most numbers, at a third of what the
 * general path costs. Both sides of the division are exact, so that its result is the nearest double.
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
  if (typeof text !== "string") throw malformedNumber();
  const plain = plainDecimal(text);
  if (plain !== undefined) return plain;
  const number = Number(text);
  const written = String(number);
  if (written === text && Number.isFinite(number)) return number;
  // Two integers written alike differ in value if they differ in digits.
  if (plainInteger.test(text) && Math.abs(number) < 1e21) return new JsonNumberValue(text);
  if (!decimal.test(text)) throw malformedNumber();
  // By value: "1.50", "1E3" and "-0" are not written as JavaScript writes them.
  if (Number.isFinite(number) && canonical(text) === canonical(written)) return number;
  return new JsonNumberValue(text);
};

const malformedNumber = (): RecordError =>
  new RecordError("RECORD_MALFORMED", "an attribute of type N holds no decimal number");

const misfit = (type: string, expected: string): RecordError =>
  new RecordError("RECORD_MALFORMED", `an attribute of type ${type} holds something else; expected ${expected}`);

const listed = <Member>(type: string, held: unknown): readonly Member[] => {
  if (!Array.isArray(held)) throw misfit(type, "an array");
  return held;
};

const decodeMap = (held: unknown, nested: DecodeImage): UnknownItem => {
  if (typeof held !== "object" || held === null || Array.isArray(held)) throw misfit("M", "an object");
  return nested(held as Image);
};

const decodeBinary = (value: string | Uint8Array): Uint8Array => {
  if (value instanceof Uint8Array) return bytesOf(value);
  if (typeof value !== "string") throw misfit("B", "base64 text or bytes");
  return bytesOf(Buffer.from(value, "base64"));
};

const decodeList = (held: readonly AttributeValue[], nested: DecodeImage): unknown[] =>
  listed<AttributeValue>("L", held).map((entry) => decodeWith(entry, nested));

const decodeTexts = (held: readonly string[]): Set<unknown> => setOf(listed("SS", held));

const decodeNumbers = (held: readonly string[]): Set<unknown> => setOf(listed<string>("NS", held), decodeNumber);

const typeNames = "S, N, B, BOOL, NULL, L, M, SS, NS, BS";

const decodeWith = (value: AttributeValue, nested: DecodeImage): unknown => {
  for (const type in value) {
    const held = (value as Record<string, unknown>)[type];
    if (held === undefined) continue;
    switch (type) {
      case "S":
      case "BOOL":
        return held;
      case "N":
        return decodeNumber(held as string);
      case "M":
        return decodeMap(held, nested);
      case "L":
        return decodeList(held as readonly AttributeValue[], nested);
      case "NULL":
        return null;
      case "B":
        return decodeBinary(held as string);
      case "SS":
        return decodeTexts(held as readonly string[]);
      case "NS":
        return decodeNumbers(held as readonly string[]);
      case "BS":
        return setOf(listed<string>(type, held), decodeBinary);
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

/** The native item of an image. @throws {RecordError} RECORD_MALFORMED when an attribute has no known type. */
export const decodeImage: (image: Image) => UnknownItem = newImageDecoder();

/** The native value of an attribute value. @throws {RecordError} RECORD_MALFORMED when it is none. */
export const decodeValue = (value: AttributeValue): unknown => decodeWith(value, decodeImage);
