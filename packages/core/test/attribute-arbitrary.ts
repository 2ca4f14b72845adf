// Random attribute values in the format of Lambda's events, and the results of the SDK's decoder for these values.

import { NumberValueImpl, unmarshall } from "@aws-sdk/util-dynamodb";
import fc from "fast-check";
import type { AttributeValue, Image } from "../src/sink-kit.ts";
import { decimalValue } from "./decimal.ts";

const digits = (min: number, max: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((list) => list.join(""));

/** Numbers of up to 38 significant digits, from 1E-130 to 9.9…E+125, with an exponent (as in exports) or without. */
const numberText = fc
  .record({
    sign: fc.constantFrom("", "-"),
    whole: digits(1, 20),
    fraction: digits(0, 18),
    exponent: fc.option(fc.integer({ min: -110, max: 105 })),
  })
  .map(({ sign, whole, fraction, exponent }) => {
    const point = fraction === "" ? "" : `.${fraction}`;
    return `${sign}${whole.replace(/^0+(?=\d)/, "")}${point}${exponent === null ? "" : `E${exponent}`}`;
  });

const commonNumber = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e120, max: 1e120 }).map(String),
  fc.integer({ min: 0, max: 1_000_000 }).map((cents) => (cents / 100).toFixed(2)),
);

const base64 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("base64"));
const text = fc.string({ unit: "binary", maxLength: 20 });

export const awkwardNames: readonly string[] = [
  "__proto__",
  "constructor",
  "toJSON",
  "toString",
  "toAttributeValue",
  "hasOwnProperty",
  "then",
  "0",
  "10",
  "-1",
  "a.b",
  'say "hi"',
  "it's",
  "back\\slash",
  "line\nbreak",
  "\u2028\u2029",
  "`template`",
  "]: 1, [",
  "\ud800",
  "",
  " ",
];

export const attributeName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...awkwardNames),
  fc.string({ unit: "binary", maxLength: 8 }),
);

const scalar: fc.Arbitrary<AttributeValue> = fc.oneof(
  text.map((S) => ({ S })),
  fc.oneof(numberText, commonNumber).map((N) => ({ N })),
  base64.map((B) => ({ B })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constant({ NULL: true as const }),
  fc.uniqueArray(text, { minLength: 1, maxLength: 5 }).map((SS) => ({ SS })),
  fc
    .uniqueArray(fc.oneof(numberText, commonNumber), { minLength: 1, maxLength: 5, selector: decimalValue })
    .map((NS) => ({ NS })),
  fc.uniqueArray(base64, { minLength: 1, maxLength: 5 }).map((BS) => ({ BS })),
);

/** Random images. `Object.fromEntries` makes `__proto__` an ordinary member, so an attribute can have this name. */
const imageOf = (value: fc.Arbitrary<AttributeValue>): fc.Arbitrary<Image> =>
  fc
    .uniqueArray(fc.tuple(attributeName, value), { maxLength: 8, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries));

const wrapped = (value: AttributeValue, levels: readonly ("L" | "M")[]): AttributeValue =>
  levels.reduce<AttributeValue>(
    (inner, level) => (level === "L" ? { L: [inner] } : { M: Object.fromEntries([["__proto__", inner]]) }),
    value,
  );

/** Random attribute values with up to 32 levels of lists and maps. */
const attributeValue: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }).map((L) => ({ L })),
    imageOf(tie("value")).map((M) => ({ M })),
    fc
      .tuple(scalar, fc.array(fc.constantFrom("L" as const, "M" as const), { minLength: 20, maxLength: 31 }))
      .map(([inner, levels]) => wrapped(inner, levels)),
  ),
})).value;

export const image: fc.Arbitrary<Image> = imageOf(attributeValue);

/** Replaces base64 text by bytes, because the SDK's decoder expects bytes. */
const withBytes = (value: AttributeValue): AttributeValue => {
  if ("B" in value) return { B: Buffer.from(value.B as string, "base64") };
  if ("BS" in value) return { BS: value.BS.map((entry) => Buffer.from(entry as string, "base64")) };
  if ("L" in value) return { L: value.L.map(withBytes) };
  if ("M" in value) return { M: eachWithBytes(value.M) };
  return value;
};

const eachWithBytes = (held: Image): Image =>
  Object.fromEntries(Object.entries(held).map(([name, value]) => [name, withBytes(value)]));

/** Decodes a map with the SDK, one attribute at a time, because the SDK loses an attribute named `__proto__`. */
const oracleImage = (held: Image): unknown => [
  "M",
  Object.entries(held)
    .map(([name, value]) => [name, oracleValue(value)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
];

const oracleValue = (value: AttributeValue): unknown => {
  if ("M" in value) return oracleImage(value.M);
  if ("L" in value) return ["L", value.L.map(oracleValue)];
  return canonical(unmarshall({ value: withBytes(value) as never }, { wrapNumbers: true }).value);
};

/** Decodes an image with the SDK, and returns the result in the form that `canonical` returns. */
export const oracle = (held: Image): unknown => oracleImage(held);

const sorted = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();

/** Converts a decoded value to arrays. Equal values give equal arrays; a number may be equal to a NumberValue. */
export const canonical = (value: unknown): unknown => {
  if (typeof value === "number") return ["N", decimalValue(String(value))];
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof NumberValueImpl) return ["N", decimalValue(value.toString())];
  if (value instanceof Uint8Array) return ["B", Buffer.from(value).toString("base64")];
  if (value instanceof Set) return ["set", sorted([...value].map(canonical))];
  if (Array.isArray(value)) return ["L", value.map(canonical)];
  if (Object.getPrototypeOf(value) !== Object.prototype) return ["another prototype"];
  return [
    "M",
    Object.entries(value)
      .map(([name, member]) => [name, canonical(member)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ];
};
