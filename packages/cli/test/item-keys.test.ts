// The option `--key`: which texts are a whole key of the table.

import { describe, expect, test } from "@jest/globals";
import { itemKeyIn } from "../src/source-table/item-keys.ts";

const types = { pk: "S", sk: "N" } as const;

describe("a key", () => {
  test.each([
    ['{"pk":"a","sk":1}', { pk: { S: "a" }, sk: { N: "1" } }],
    ['{"sk":"12345678901234567890","pk":"a"}', { pk: { S: "a" }, sk: { N: "12345678901234567890" } }],
    ['{"pk":{"S":"a"},"sk":{"N":"1"}}', { pk: { S: "a" }, sk: { N: "1" } }],
  ])("may be %s", (text, key) => expect(itemKeyIn(text, types)).toEqual(key));

  test.each([
    ["a", "is not JSON"],
    ["[1]", "is no JSON object"],
    ['{"pk":"a"}', "has no sk"],
    ['{"pk":"a","sk":1,"z":1}', "has z"],
    ['{"pk":"","sk":1}', "has at pk a value"],
    ['{"pk":{"S":""},"sk":1}', "has at pk a value"],
    ['{"pk":{"N":"1"},"sk":1}', "has at pk a value"],
    ['{"pk":{"S":"a","N":"1"},"sk":1}', "has at pk a value"],
    ['{"pk":"a","sk":"x"}', "has at sk a value"],
    ['{"pk":"a","sk":9007199254740993}', "has at sk a value"],
  ])("is not %s", (text, message) => {
    expect(() => itemKeyIn(text, types)).toThrow(`--key ${message}`);
    expect(() => itemKeyIn(text, types)).toThrow(`'{"pk":"…","sk":1}'`);
  });
});
