import { NumberValueImpl } from "@aws-sdk/util-dynamodb";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type AttributeValue,
  attributeToJson,
  decodeImage,
  imageToJson,
  RecordError,
  toJson,
} from "../src/sink-kit.ts";
import { image } from "./attribute-arbitrary.ts";
import { decimalValue } from "./decimal.ts";

const errorOf = (call: () => unknown): Error => {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("no error");
};

const exact = "12345678901234567890.123456789012345678";

describe("toJson", () => {
  test("writes plain values like JSON.stringify", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(toJson(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  test("writes plain values in the same way beside special values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(toJson([value, new Set()])).toBe(`[${JSON.stringify(value)},[]]`);
      }),
    );
  });

  test("omits the same members as JSON.stringify, and calls toJSON", () => {
    const value = {
      gone: undefined,
      when: new Date(0),
      at: { toJSON: () => ({ x: 1n }) },
      bad: [undefined],
    };
    expect(toJson(value)).toBe('{"when":"1970-01-01T00:00:00.000Z","at":{"x":"1"},"bad":[null]}');
    expect(toJson(undefined)).toBe("null");
  });

  class Money {
    readonly #cents = 5;
    cents(): number {
      return this.#cents;
    }
  }

  class Point {
    readonly x = 1;
    readonly #y = 2;
    y(): number {
      return this.#y;
    }
  }

  test.each<[string, unknown, string]>([
    [
      "a Map",
      new Map<string, unknown>([
        ["a", 1n],
        ["__proto__", new Map()],
      ]),
      '{"a":"1","__proto__":{}}',
    ],
    ["a Date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["a boxed string", Object("text"), '"text"'],
    ["a boxed number", Object(5), "5"],
    ["a boxed boolean", Object(false), "false"],
    ["a boxed bigint", Object(5n), '"5"'],
    ["an ArrayBuffer", new Uint8Array([0, 255]).buffer, '"AP8="'],
    ["an instance with members", new Point(), '{"x":1}'],
    ["negative zero", -0, "0"],
    // biome-ignore lint/suspicious/noSparseArray: the test is about holes
    ["an array with holes", [1n, , 2], '["1",null,2]'],
    ["an object of null's", Object.create(null), "{}"],
    ["a URL", new URL("https://example.com"), '"https://example.com/"'],
    ["half of a surrogate pair", "\ud800", '"\\ud800"'],
  ])("writes %s by a rule, alone and within an object", (_, value, json) => {
    expect(toJson(value)).toBe(json);
    expect(toJson({ in: [value] })).toBe(`{"in":[${json}]}`);
    expect(JSON.parse(toJson({ in: [value, 1n] }))).toEqual({ in: [JSON.parse(json), "1"] });
  });

  test.each<[string, unknown, string]>([
    ["NaN", Number.NaN, "NaN"],
    ["Infinity", Number.NEGATIVE_INFINITY, "-Infinity"],
    ["an invalid Date", new Date(Number.NaN), "an invalid Date"],
    ["a Map with other keys", new Map([[1, 2]]), "a Map with a key that is not a string"],
    ["a RegExp", /secret/, "an object of class RegExp"],
    ["an Error", new Error("secret"), "an object of class Error"],
    ["a promise", Promise.resolve("secret"), "an object of class Promise"],
    ["a WeakMap", new WeakMap(), "an object of class WeakMap"],
    ["an instance without members", new Money(), "an object of class Money"],
    ["a typed array", new Float64Array([1]), "an object of class Float64Array"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "an object of class DataView"],
    ["a function", () => "secret", "a function"],
    ["a symbol", Symbol("secret"), "a symbol"],
  ])("refuses %s, and the error has the path and the type, but no value", (_, value, found) => {
    for (const whole of [{ a: { b: [0, value] } }, { a: new Map([["b", [1n, value]]]) }]) {
      const error = errorOf(() => toJson(whole));
      expect(error).toMatchObject({ name: "JsonValueError", path: ["a", "b", "1"] });
      expect(error.message).toContain(`found ${found}`);
      expect(error.message).not.toContain("secret");
    }
  });

  test("never writes invalid JSON, and never an empty object for a value with content", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withMap: true,
          withSet: true,
          withBigInt: true,
          withDate: true,
          withBoxedValues: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
        }),
        (value) => {
          let json: string;
          try {
            json = toJson(value);
          } catch (error) {
            expect(error).toMatchObject({ name: "JsonValueError" });
            return;
          }
          const read: unknown = JSON.parse(json);
          if (JSON.stringify(read) !== "{}") return;
          const names = value instanceof Map ? [...value.entries()] : Object.entries(value as object);
          expect(names.filter(([, member]) => member !== undefined)).toEqual([]);
        },
      ),
    );
  });

  test("writes exact numbers as literals or strings", () => {
    const value = { n: NumberValueImpl.from(exact), big: 12345678901234567890n };
    expect(toJson(value, "literal")).toBe(`{"n":${exact},"big":12345678901234567890}`);
    expect(toJson(value)).toBe(`{"n":"${exact}","big":"12345678901234567890"}`);
  });

  test("writes bytes as base64, and sets in an order that does not depend on insertion", () => {
    expect(toJson(Buffer.from([0, 255]))).toBe('"AP8="');
    expect(toJson(new Set(["b", "a", "É", "B"]))).toBe(toJson(new Set(["É", "B", "a", "b"])));
    expect(toJson(new Set([new Uint8Array([2]), new Uint8Array([1])]))).toBe('["AQ==","Ag=="]');
  });

  test("keeps an attribute whose name is also a method of NumberValue", () => {
    const held = { toAttributeValue: { S: "mine" }, toJSON: { S: "also mine" }, toString: { N: "1" } };
    expect(toJson(decodeImage(held))).toBe('{"toAttributeValue":"mine","toJSON":"also mine","toString":1}');
  });

  test("keeps an attribute named __proto__", () => {
    expect(toJson(decodeImage(JSON.parse('{"__proto__":{"S":"x"}}')))).toBe('{"__proto__":"x"}');
  });
});

describe("attributeToJson", () => {
  test.each([
    ["1.50", "1.50"],
    ["+1", "1"],
    [".5", "0.5"],
    ["-.5", "-0.5"],
    ["5.", "5"],
    ["007", "7"],
    ["-0", "-0"],
    ["00.10", "0.10"],
    ["1.7E+12", "1.7E+12"],
    ["+12345678901234567890123456789012345678", "12345678901234567890123456789012345678"],
    [".12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"],
  ])("writes the number %s as %s", (text, expected) => {
    expect(attributeToJson({ N: text })).toBe(expected);
    expect(() => JSON.parse(expected)).not.toThrow();
  });

  test("writes every decimal as a JSON number of the same value", () => {
    const digits = fc.stringMatching(/^\d{0,30}$/);
    fc.assert(
      fc.property(fc.constantFrom("", "+", "-"), digits, digits, (sign, whole, fraction) => {
        fc.pre(whole + fraction !== "");
        const json = attributeToJson({ N: `${sign}${whole}.${fraction}` });
        JSON.parse(json);
        expect(decimalValue(json)).toBe(decimalValue(`${sign}${whole}.${fraction}`));
      }),
    );
  });

  test.each(["", "NaN", "x", ".", "1,5"])("throws RECORD_MALFORMED for %j", (text) => {
    expect(() => attributeToJson({ N: text })).toThrow(RecordError);
  });

  test("sorts the strings of a set as toJson sorts the decoded set", () => {
    const strings = ["a b", "a", "\b", 'a"', "\u0000", "!"];
    const text = '["\\u0000","\\b","!","a","a b","a\\""]';
    expect([attributeToJson({ SS: strings }), toJson(new Set(strings))]).toEqual([text, text]);
  });

  test("keeps every entry of a set of several types", () => {
    expect(toJson(new Set(["5", 5, true, "true", null]))).toBe('[5,null,true,"5","true"]');
  });

  test("sorts sets by code unit", () => {
    expect(attributeToJson({ SS: ["b", "É", "B"] })).toBe('["B","b","É"]');
    expect(attributeToJson({ NS: ["10", "9"] })).toBe("[10,9]");
    expect(attributeToJson({ BS: [new Uint8Array([2]), "AQ=="] })).toBe('["AQ==","Ag=="]');
  });
});

test("the JSON of an image and of the decoded image are the same except for the notation of numbers", () => {
  const numbersAsText = (value: AttributeValue): AttributeValue => {
    if ("N" in value) return { S: decimalValue(value.N) };
    if ("NS" in value) return { SS: value.NS.map(decimalValue) };
    if ("L" in value) return { L: value.L.map(numbersAsText) };
    if ("M" in value) return { M: withoutNumbers(value.M) };
    return value;
  };
  const withoutNumbers = (held: Record<string, AttributeValue>) =>
    Object.fromEntries(Object.entries(held).map(([name, value]) => [name, numbersAsText(value)]));
  fc.assert(
    fc.property(image, (held) => {
      const plain = withoutNumbers(held as never);
      expect(imageToJson(plain)).toBe(toJson(decodeImage(plain), "literal"));
    }),
    { numRuns: 200 },
  );
});
