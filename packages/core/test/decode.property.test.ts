import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type AttributeValue, decodeImage, type Image } from "../src/sink-kit.ts";
import { attributeName, awkwardNames, canonical, image, oracle } from "./attribute-arbitrary.ts";
import { decimalValue } from "./decimal.ts";

/** Whether parsed JSON contains all the information of an attribute value. */
const hasAllOf = (json: unknown, value: AttributeValue): boolean => {
  if ("S" in value) return json === value.S;
  if ("N" in value) return decimalValue(String(json)) === decimalValue(value.N);
  if ("BOOL" in value) return json === value.BOOL;
  if ("NULL" in value) return json === null;
  if ("B" in value) return json === value.B;
  if ("L" in value) return value.L.every((entry, index) => hasAllOf((json as unknown[])[index], entry));
  if ("M" in value) return hasAllMembers(json as Record<string, unknown>, value.M);
  const found = (json as unknown[]).map(String);
  if ("NS" in value) return sameMembers(found.map(decimalValue), value.NS.map(decimalValue));
  return sameMembers(found, ("SS" in value ? value.SS : value.BS).map(String));
};

const sameMembers = (found: string[], expected: string[]): boolean =>
  JSON.stringify(found.sort()) === JSON.stringify(expected.sort());

const hasAllMembers = (json: Record<string, unknown>, content: Image): boolean => {
  const names = Object.keys(content);
  return (
    Object.keys(json).length === names.length && names.every((name) => hasAllOf(json[name], content[name] as never))
  );
};

describe("decoding", () => {
  test("agrees with the SDK's unmarshall, down to 32 levels and up to 38 digits", () => {
    fc.assert(
      fc.property(image, (content) => {
        expect(canonical(decodeImage(content))).toEqual(oracle(content));
      }),
      { numRuns: 300 },
    );
  });

  test("to JSON loses nothing", () => {
    fc.assert(
      fc.property(image, (content) => hasAllMembers(JSON.parse(JSON.stringify(decodeImage(content))), content)),
      { numRuns: 200 },
    );
  });

  test("agrees with the SDK before and after a shape is compiled", () => {
    fc.assert(
      fc.property(image, (content) => {
        const expected = JSON.stringify(oracle(content));
        const again = JSON.stringify(content);
        for (let round = 0; round < 40; round += 1) {
          expect(JSON.stringify(canonical(decodeImage(JSON.parse(again))))).toBe(expected);
        }
      }),
      { numRuns: 15 },
    );
  });

  test("by compiled code returns what the SDK returns, with nulls and other types in the place of the first type", () => {
    const typed = fc.array(image, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(typed, (samples) => {
        const values: AttributeValue[] = samples.flatMap((M) => [{ M }, ...Object.values(M)]).slice(0, 12);
        const members: AttributeValue[] = [...values, { NULL: true }, { L: values }];
        const shifted = (by: number): Image =>
          Object.fromEntries(members.map((_, index) => [`a${index}`, members[(index + by) % members.length] as never]));
        const nulls: Image = Object.fromEntries(members.map((_, index) => [`a${index}`, { NULL: true }]));
        for (let round = 0; round < 32; round += 1) decodeImage(shifted(0));
        for (const content of [shifted(0), nulls, ...members.map((_, by) => shifted(by))]) {
          expect(canonical(decodeImage(content))).toEqual(oracle(content));
        }
      }),
      { numRuns: 15 },
    );
  });

  test("by a compiled shape accepts attributes of any type", () => {
    const values = fc.array(image, { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.uniqueArray(attributeName, { minLength: 1, maxLength: 6 }), values, (names, images) => {
        const one = (member: AttributeValue): Image => Object.fromEntries(names.map((name) => [name, member]));
        for (let round = 0; round < 40; round += 1) decodeImage(one({ S: "text" }));
        for (const M of images) expect(canonical(decodeImage(one({ M })))).toEqual(oracle(one({ M })));
      }),
      { numRuns: 10 },
    );
  });

  test("keeps the order of names, including special ones", () => {
    for (let round = 0; round < 100; round += 1) {
      const content = Object.fromEntries(awkwardNames.map((name, index) => [name, { N: String(index + round) }]));
      const item = decodeImage(content);
      expect(Object.keys(item)).toEqual(Object.keys(content));
      expect(Object.getPrototypeOf(item)).toBe(Object.prototype);
      expect(canonical(item)).toEqual(oracle(content));
    }
  });

  test("is right for the same names in another order, before and after compilation", () => {
    for (let round = 0; round < 200; round += 1) {
      const content: Image = round % 2 === 0 ? { a: { S: "a" }, b: { S: "b" } } : { b: { S: "b" }, a: { S: "a" } };
      expect(decodeImage(content)).toEqual({ a: "a", b: "b" });
    }
  });

  test("is right for more shapes than can be compiled", () => {
    for (let shape = 0; shape < 400; shape += 1) {
      const content: Image = { id: { S: "1" }, [`attribute-${shape}`]: { N: "9007199254740993" } };
      for (let round = 0; round < 36; round += 1) decodeImage(content);
      expect(canonical(decodeImage(content))).toEqual(oracle(content));
    }
  });
});
