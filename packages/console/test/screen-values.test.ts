import { describe, expect, test } from "@jest/globals";
import { imageNodes, memberPairs } from "../src/page/parts/value-tree.ts";

describe("imageNodes", () => {
  test("shows each type of DynamoDB's JSON", () => {
    const nodes = imageNodes({
      text: { S: "a\nb" },
      number: { N: "12345678901234567890.50" },
      yes: { BOOL: true },
      none: { NULL: true },
      bytes: { B: "AAE=" },
      set: { NS: ["1", "2"] },
      list: { L: [{ S: "x" }] },
      map: { M: { inner: { N: "1" } } },
    } as never);
    expect(nodes).toEqual([
      { name: "text", type: "text", text: '"a\\nb"' },
      { name: "number", type: "number", text: "12345678901234567890.50" },
      { name: "yes", type: "boolean", text: "true" },
      { name: "none", type: "null", text: "null" },
      { name: "bytes", type: "binary, as base64", text: "AAE=" },
      {
        name: "set",
        type: "set of numbers",
        children: [
          { name: undefined, type: "number", text: "1" },
          { name: undefined, type: "number", text: "2" },
        ],
      },
      { name: "list", type: "list", children: [{ name: undefined, type: "text", text: '"x"' }] },
      { name: "map", type: "map", children: [{ name: "inner", type: "number", text: "1" }] },
    ]);
  });

  test("shows what it does not know as it is", () => {
    expect(imageNodes({ odd: { X: 1 } } as never)).toEqual([{ name: "odd", type: "unknown type", text: '{"X":1}' }]);
  });
});

describe("memberPairs", () => {
  const differing = (held: unknown, expected: unknown): readonly string[] =>
    memberPairs(held, expected)
      .filter(({ differs }) => differs)
      .map(({ name }) => name);

  test("marks members that differ, and puts them first", () => {
    const pairs = memberPairs({ a: 1, b: 2, extra: 0 }, { a: 1, b: 3, missing: 0 });
    expect(pairs.map(({ name, differs }) => [name, differs])).toEqual([
      ["b", true],
      ["missing", true],
      ["extra", true],
      ["a", false],
    ]);
  });

  test("compares objects without regard to the order of their members", () => {
    expect(differing({ a: { x: 1, y: [2] } }, { a: { y: [2], x: 1 } })).toEqual([]);
    expect(differing({ a: [1, 2] }, { a: [2, 1] })).toEqual(["a"]);
  });

  test("tells null from a missing member", () => {
    expect(differing({ a: null }, {})).toEqual(["a"]);
  });

  test("marks each member of a copy that is missing", () => {
    expect(differing(undefined, { a: 1, b: 2 })).toEqual(["a", "b"]);
    expect(memberPairs(undefined, undefined)).toEqual([]);
  });

  test("shows each row of a nested list as a line, and a text that only looks like rows as a text", () => {
    const rows = [
      { line_no: "0", sku: 'a "b"' },
      { line_no: "1", note: "[1]" },
    ];
    const [pair] = memberPairs({ lines: JSON.stringify(rows) }, {});
    const [first, second] = rows.map((row) => JSON.stringify(row));
    expect(pair?.held).toEqual({
      name: undefined,
      type: "rows",
      children: [
        { name: undefined, type: "row", text: first },
        { name: undefined, type: "row", text: second },
      ],
    });
    for (const text of ["[]", '[{"a": "1"}]', '[{"a":1}]', '[{"a":"1"},2]', '[{"a"', "[{}", '{"a":"1"}']) {
      expect(memberPairs({ text }, {})[0]?.held).toEqual({ name: undefined, type: "text", text: JSON.stringify(text) });
    }
  });
});
