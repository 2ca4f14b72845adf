import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compilePath } from "../src/write/attribute-path.ts";
import {
  arrayLiteral,
  attributeCell,
  ColumnValueError,
  codecOf,
  numericLiteral,
  valueCell,
} from "../src/write/codec.ts";

/** Parses an array literal of one dimension (https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO). */
const readLiteral = (literal: string): (string | null)[] => {
  const entries: (string | null)[] = [];
  const pattern = /[{,](?:"((?:[^"\\]|\\.)*)"|null|NULL|([^,"{}]+))/gsy;
  for (let match = pattern.exec(literal); match !== null; match = pattern.exec(literal)) {
    entries.push(match[2] ?? match[1]?.replace(/\\(.)/gs, "$1") ?? null);
  }
  return entries;
};

describe("the array literal", () => {
  test("keeps every text, with quotes, backslashes, control characters and line ends", () => {
    const text = fc.string({ unit: "binary" }).map((raw) => raw.replaceAll("\0", "").replaceAll(/\p{Surrogate}/gu, ""));
    fc.assert(
      fc.property(fc.array(fc.option(text), { minLength: 1 }), (entries) => {
        expect(readLiteral(arrayLiteral(entries))).toEqual(entries);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [["1", "-2.50", null, "1234567890123456789012345678901234.5678"]],
    [["NULL", "1"]],
    [["1,2", "3"]],
    [["", "1"]],
    [["1E+10", "2026-01-02 03:04:05+00"]],
    [["12:30", "{1}", '"']],
    [[null]],
  ])("has no quotes around numbers, and quotes other cells in a column of numbers (%#)", (entries) => {
    expect(readLiteral(numericLiteral(entries))).toEqual(entries);
  });

  test("keeps a backslash and its letter as two characters", () => {
    expect(readLiteral(arrayLiteral(["\\u0000", "\\n", "\\\\n", "\n"]))).toEqual(["\\u0000", "\\n", "\\\\n", "\n"]);
  });

  test.each(["\0", "\ud800", "\udfff", "a\ud83d", "\n\0"])("refuses %j", (text) => {
    expect(() => arrayLiteral(["fine", text])).toThrow(ColumnValueError);
  });
});

describe("a codec", () => {
  test.each([
    ["text", "text"],
    ["character varying", "text"],
    ["varchar(20)", "text"],
    ["bpchar", "text"],
    ["jsonb", "json"],
    ["json", "json"],
    ["bytea", "bytes"],
    ["numeric(10,2)", "other"],
    ["timestamp with time zone", "time"],
  ])("of %s is %s", (type, codec) => {
    expect(codecOf(type)).toBe(codec);
  });

  test("of an array is the codec of its elements, whatever its dimensions", () => {
    expect(codecOf("numeric(10,2)[]")).toEqual({ elements: "other" });
    expect(codecOf("text[][]")).toEqual({ elements: "text" });
  });
});

describe("an attribute value", () => {
  const number = "12345678901234567890123456789012345678";
  test.each([
    [{ N: number }, "other", number],
    [{ N: number }, "text", number],
    [{ N: number }, "json", number],
    [{ S: "x" }, "json", '"x"'],
    [{ S: "x" }, "other", "x"],
    [{ BOOL: true }, "other", "true"],
    [{ NULL: true }, "json", null],
    [{ B: "AP8=" }, "bytes", "\\x00ff"],
    [{ B: new Uint8Array([0, 255]) }, "text", "AP8="],
    [{ M: { a: { N: "1" } } }, "text", '{"a":1}'],
    [{ NS: ["2", "10"] }, "json", "[10,2]"],
    [{ SS: ["b", "a"] }, { elements: "text" }, '{"a","b"}'],
    [{ L: [] }, { elements: "text" }, "{}"],
  ] as const)("%j in a column of %j is %j", (value, codec, cell) => {
    expect(attributeCell(value, codec)).toBe(cell);
  });

  test.each([
    [{ S: "x" }, "bytes"],
    [{ N: "1" }, "bytes"],
    [{ B: "AA==" }, "other"],
    [{ M: {} }, "other"],
    [{ M: {} }, { elements: "text" }],
    [{ L: [] }, "bytes"],
    [{ S: "\0" }, "json"],
  ] as const)("%j does not fit a column of %j", (value, codec) => {
    expect(() => attributeCell(value, codec)).toThrow(ColumnValueError);
  });
});

describe("a value of a row", () => {
  test.each([
    [new NumberValueImpl("1.50"), "other", "1.50"],
    [10n ** 30n, "other", String(10n ** 30n)],
    [undefined, "json", null],
    [null, "text", null],
    ["[1]", "json", '"[1]"'],
    [new Set([2, 1]), { elements: "other" }, '{"2","1"}'],
    [[[1], [2]], { elements: "other" }, '{{"1"},{"2"}}'],
    [[[1], "a"], { elements: "json" }, '{"[1]","\\"a\\""}'],
  ] as const)("%p in a column of %j is %j", (value, codec, cell) => {
    expect(valueCell(value, codec)).toBe(cell);
  });
});

describe("a path", () => {
  const image = { a: { M: { "b.c": { L: [{ N: "1" }, { S: "x" }] } } }, "a.b": { S: "dotted" } };
  test.each([
    [["a", "b.c", "1"], "x"],
    [["a", "b.c", "2"], null],
    [["a", "b.c", "-1"], null],
    [["a", "b.c", "01"], null],
    [["a.b"], "dotted"],
    [["a.b", "x"], null],
    [["constructor"], null],
    [["a", "toString"], null],
    [["none", "at", "all"], null],
  ] as const)("%j finds %j", (path, cell) => {
    expect(compilePath(path, "text")(image)).toBe(cell);
  });

  test("of no segments is the whole item", () => {
    expect(compilePath([], "json")({ n: { N: "1.10" } })).toBe('{"n":1.10}');
  });
});
