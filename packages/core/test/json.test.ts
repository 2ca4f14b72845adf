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
      run: () => 1,
      when: new Date(0),
      at: { toJSON: () => ({ x: 1n }) },
      bad: [undefined],
    };
    expect(toJson(value)).toBe('{"when":"1970-01-01T00:00:00.000Z","at":{"x":"1"},"bad":[null]}');
    expect(toJson(undefined)).toBe("null");
    expect(toJson(new Date(Number.NaN))).toBe("null");
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
