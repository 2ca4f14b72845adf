import { expect, test } from "@jest/globals";
import { sdkItem } from "../src/sink-kit.ts";

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
