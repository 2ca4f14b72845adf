import { gzipSync } from "node:zlib";
import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { describe, expect, test } from "@jest/globals";
import { decodeEnvelope } from "../src/envelope.ts";
import { type AttributeValue, canonicalDecimal, decodeImage, decodeValue } from "../src/sink-kit.ts";
import { codeOf } from "./code-of.ts";
import { decimalValue } from "./decimal.ts";

const textOf = (value: unknown): string => (value instanceof NumberValueImpl ? value.toString() : String(value));

describe("a number that a double holds exactly is a JavaScript number", () => {
  test.each([
    ["0", 0],
    ["-0", -0],
    ["-1", -1],
    ["0.1", 0.1],
    ["1.50", 1.5],
    [".5", 0.5],
    ["5.", 5],
    ["+7", 7],
    ["007", 7],
    ["9007199254740992", 2 ** 53],
    ["9007199254740994", 2 ** 53 + 2],
    ["999999999999999", 999_999_999_999_999],
    ["0.30000000000000004", 0.300_000_000_000_000_04],
    ["3.3000000000000003", 1.1 * 3],
    ["1E-130", 1e-130],
    ["9.9E+125", 9.9e125],
    ["1E3", 1000],
    ["123456789012345000000", 123_456_789_012_345_000_000],
    ["0.000000000000000000", 0],
  ])("%s", (text, expected) => {
    expect(decodeValue({ N: text })).toBe(expected);
  });
});

describe("a number that a double would round is a NumberValue with every digit", () => {
  test.each([
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567890123456789012345678",
    "0.12345678901234567890123456789012345678",
    "9.9999999999999999999999999999999999999E+125",
    "0.1000000000000000055511151231257827",
    "1E400",
    "1E-400",
  ])("%s", (text) => {
    const value = decodeValue({ N: text });
    expect(value).toBeInstanceOf(NumberValueImpl);
    expect(textOf(value)).toBe(text);
    expect(decimalValue(JSON.parse(JSON.stringify(value)))).toBe(decimalValue(text));
  });
});

describe("an invalid attribute value is RECORD_MALFORMED", () => {
  test.each([
    ["an empty number", { N: "" }],
    ["a word", { N: "twelve" }],
    ["NaN", { N: "NaN" }],
    ["Infinity", { N: "-Infinity" }],
    ["a hexadecimal number", { N: "0x10" }],
    ["a number with a space", { N: " 1" }],
    ["a lone point", { N: "." }],
    ["a lone sign", { N: "-" }],
    ["two points", { N: "1.2.3" }],
    ["an exponent without digits", { N: "1e" }],
    ["a JS number", { N: 12 }],
    ["an unknown type", { X: "1" }],
    ["no type", {}],
    ["null", null],
    ["a plain string", "text"],
    ["a list that is not an array", { L: "abc" }],
    ["a map that is null", { M: null }],
    ["a map that is an array", { M: [] }],
    ["a string set that is null", { SS: null }],
    ["a number set with a word", { NS: ["1", "two"] }],
    ["a binary that is a number", { B: 5 }],
    ["a binary set that is a string", { BS: "AA==" }],
  ])("%s, by itself, in a map, in a list, and in a compiled shape", (_, wrong) => {
    const value = wrong as unknown as AttributeValue;
    expect(codeOf(() => decodeValue(value))).toBe("RECORD_MALFORMED");
    expect(codeOf(() => decodeValue({ L: [value] }))).toBe("RECORD_MALFORMED");
    for (let image = 0; image < 40; image += 1) decodeImage({ id: { S: "1" }, other: { N: "2" } });
    expect(codeOf(() => decodeImage({ id: { S: "1" }, other: value }))).toBe("RECORD_MALFORMED");
  });

  test("whose message contains no value", () => {
    const message = (() => {
      try {
        return decodeValue({ N: "secret-4711" });
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).not.toContain("4711");
  });
});

describe("binary", () => {
  test("is a copy, not a view of a shared buffer", () => {
    const bytes = decodeValue({ B: "AAEC/w==" }) as Uint8Array;
    expect([...bytes]).toEqual([0, 1, 2, 255]);
    expect(bytes.buffer.byteLength).toBe(4);
  });

  test("is copied if the record has bytes", () => {
    const given = new Uint8Array([1, 2]);
    const bytes = decodeValue({ B: given }) as Uint8Array;
    given[0] = 9;
    expect([...bytes]).toEqual([1, 2]);
  });

  test("is base64 in JSON, inside sets and lists too", () => {
    const item = decodeImage({ b: { B: "AAE=" }, l: { L: [{ B: "/w==" }] }, s: { BS: ["AQ==", "AA=="] } });
    expect(JSON.parse(JSON.stringify(item))).toEqual({ b: "AAE=", l: ["/w=="], s: ["AA==", "AQ=="] });
  });
});

test("empty strings, empty maps and lists, null and booleans are unchanged", () => {
  const image = { s: { S: "" }, m: { M: {} }, l: { L: [] }, n: { NULL: true as const }, b: { BOOL: false } };
  expect(decodeImage(image)).toEqual({ s: "", m: {}, l: [], n: null, b: false });
});

const zeros = "0".repeat(200_000);

test.each([
  ["many digits", "1".repeat(80_000)],
  ["many digits and a letter", `${"1".repeat(80_000)}x`],
  ["many zeros between digits", `1${zeros}1`],
  ["many digits after the point", `0.${"1".repeat(80_000)}x`],
  ["many digits in the exponent", `1E${"1".repeat(80_000)}x`],
])("a forged number with %s is malformed, and read in one pass", (_name, text) => {
  expect(() => decodeValue({ N: text })).toThrow(expect.objectContaining({ code: "RECORD_MALFORMED" }));
  expect(() => decodeImage({ n: { NS: [text] } })).toThrow(expect.objectContaining({ code: "RECORD_MALFORMED" }));
});

test("the largest and the smallest numbers of DynamoDB are decoded", () => {
  for (const text of [`9.${"9".repeat(37)}E+125`, `${"9".repeat(38)}${"0".repeat(88)}`, `-0.${"0".repeat(129)}1`]) {
    expect(String(decodeValue({ N: text }))).toBeTruthy();
  }
});

test("canonicalDecimal reads a text in one pass", () => {
  expect(canonicalDecimal(`1${zeros}1`)).toBe(`1${zeros}1e0`);
  expect(canonicalDecimal(`10${zeros}`)).toBe("1e200001");
  expect(canonicalDecimal("1.50")).toBe(canonicalDecimal("15E-1"));
});

test("a record that decompresses to more than a record can have is no envelope", () => {
  const bomb = gzipSync(Buffer.alloc(9 * 2 ** 20, "[")).toString("base64");
  const members = { v: 1, id: "i", pipeline: "p", sink: "s", code: "SINK_REJECTED", message: "", attempts: 1 };
  const body = JSON.stringify({ ...members, firstFailedAt: "2026-01-02T03:04:05.000Z", recordGzip: bomb });
  expect(decodeEnvelope(body)).toBeUndefined();
});
