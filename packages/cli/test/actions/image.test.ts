// The check of an edited item: what DynamoDB could hold passes, all else is refused, and no value is in the message.

import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { attributes } from "../../../backfill/test/support/random-item.ts";
import { checkSameKey, imageIn } from "../../src/actions/image.ts";

const bad = (code = "IMAGE_INVALID") => expect.objectContaining({ name: "ActionError", code });

const thrownBy = (call: () => unknown): unknown => {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
};

test.each([
  ["no object", null],
  ["a list", []],
  ["a text", "secret"],
  ["a plain value", { a: "secret" }],
  ["an unknown type", { a: { X: "secret" } }],
  ["a name of Object.prototype", { a: { toString: "secret" } }],
  ["two types", { a: { S: "secret", N: "1" } }],
  ["no type", { a: {} }],
  ["a number that is no text", { a: { N: 1 } }],
  ["a number of 39 digits", { a: { N: "1".repeat(39) } }],
  ["a number that is too large", { a: { N: "1e126" } }],
  ["a number that is too small", { a: { N: "1e-131" } }],
  ["a hexadecimal number", { a: { N: "0x10" } }],
  ["no number", { a: { N: "secret" } }],
  ["no base64", { a: { B: "se-cret" } }],
  ["false as NULL", { a: { NULL: false } }],
  ["a text as BOOL", { a: { BOOL: "true" } }],
  ["an empty set", { a: { SS: [] } }],
  ["a set with equal numbers", { a: { NS: ["1", "1.0"] } }],
  ["a set with another type", { a: { SS: ["a", 1] } }],
  ["a list of plain values", { a: { L: ["secret"] } }],
  ["a map of plain values", { a: { M: { b: "secret" } } }],
  ["a map that is a list", { a: { M: [] } }],
  ["33 levels", { a: [...Array(33).keys()].reduce<unknown>((inner) => ({ L: [inner] }), { S: "x" }) }],
])("%s is refused, without the value", (_, image) => {
  const error = thrownBy(() => imageIn(image));
  expect(error).toEqual(bad());
  expect(String(error)).not.toContain("secret");
});

test.each([
  { a: { N: "-1.5E-10" } },
  { a: { N: "0" } },
  { a: { NULL: true } },
  { a: { B: "" } },
  { a: { NS: ["1", "2"] } },
  { a: { M: { b: { L: [{ BOOL: false }] } } } },
  { a: [...Array(31).keys()].reduce<unknown>((inner) => ({ L: [inner] }), { S: "x" }) },
])("%j passes", (image) => expect(imageIn(image)).toBe(image));

test("the key is compared by its value, and must be whole", () => {
  const keys = { id: { S: "a" }, n: { N: "1" } };
  expect(() => checkSameKey({ ...keys, n: { N: "1.0" }, more: { S: "x" } }, keys)).not.toThrow();
  expect(thrownBy(() => checkSameKey({ ...keys, id: { S: "secret" } }, keys))).toEqual(bad());
  expect(thrownBy(() => checkSameKey({ ...keys, n: { S: "1" } }, keys))).toEqual(bad());
  expect(String(thrownBy(() => checkSameKey({ id: { S: "a" } }, keys)))).toContain("the attribute n is missing");
});

test("any attributes that DynamoDB takes pass", () => {
  fc.assert(
    fc.property(attributes, (image) => {
      const wire = JSON.parse(JSON.stringify(image));
      expect(imageIn(wire)).toBe(wire);
    }),
  );
});
