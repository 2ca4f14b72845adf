import { expect, test } from "@jest/globals";
import { type AttributeValue, sdkItem } from "../src/sink-kit.ts";

const bytes = Uint8Array.from([1, 2, 255]);
const B = Buffer.from(bytes).toString("base64");

test("binary values of a record become bytes, at every depth", () => {
  expect(sdkItem({ a: { B }, b: { BS: [B] }, c: { L: [{ M: { d: { B } } }] }, e: { B: bytes } })).toEqual({
    a: { B: bytes },
    b: { BS: [bytes] },
    c: { L: [{ M: { d: { B: bytes } } }] },
    e: { B: bytes },
  });
});

test("all other values are unchanged, and undefined values are omitted", () => {
  const image = { n: { N: "1.50" }, s: { SS: ["a"] }, z: { NULL: true }, b: { BOOL: false } } as const;
  expect(sdkItem({ ...image, absent: undefined as never })).toEqual(image);
});

test("an attribute may have any name", () => {
  const image = JSON.parse('{"__proto__":{"S":"a"},"constructor":{"S":"b"}}');
  expect(Object.entries(sdkItem(image))).toEqual([
    ["__proto__", { S: "a" }],
    ["constructor", { S: "b" }],
  ]);
});

const nested = (levels: number): AttributeValue => {
  let value: AttributeValue = { S: "a" };
  for (let level = 1; level < levels; level += 1) value = level % 2 === 0 ? { M: { a: value } } : { L: [value] };
  return value;
};

test("a value of 100 levels is converted, and a deeper value is rejected", () => {
  expect(sdkItem({ a: nested(100) })).toEqual({ a: nested(100) });
  for (const levels of [101, 8_000]) {
    expect(() => sdkItem({ a: nested(levels) })).toThrow(expect.objectContaining({ code: "RECORD_MALFORMED" }));
  }
});

test.each([
  [{ S: 5 }],
  [{ N: 5 }],
  [{ BOOL: "true" }],
  [{ NULL: {} }],
  [{ B: 5 }],
  [{ BS: ["AA==", 5] }],
  [{ BS: "AA==" }],
  [{ SS: [["a"]] }],
  [{ NS: [5] }],
  [{ L: { a: 1 } }],
  [{ M: [] }],
  [{ M: null }],
  [{ X: "a" }],
  [{}],
  [null],
  ["a"],
])("the value %j is rejected, because the SDK would throw when the request is sent", (value) => {
  const malformed = expect.objectContaining({ code: "RECORD_MALFORMED" });
  expect(() => sdkItem({ a: value as never })).toThrow(malformed);
  expect(() => sdkItem({ a: { L: [value as never] } })).toThrow(malformed);
});
