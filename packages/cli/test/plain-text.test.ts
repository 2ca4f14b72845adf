import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { plainJson, plainLine } from "../src/terminal/plain-text.ts";

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom(..."a\n\r\t\0\u001b\u007f\u0085\u009b\u00ad\u061c\u200b\u202e\u2066\u2028\ufeff\ud800"))
    .map((parts) => parts.join("")),
);

test("a plain line has only printable characters", () => {
  fc.assert(fc.property(text, (value) => !unprintable.test(plainLine(value))));
  expect(plainLine("Größe 漢字 🙂\t–")).toBe("Größe 漢字 🙂  –");
});

test("plain JSON has only printable characters and line feeds, and the same value", () => {
  const value = fc.oneof(text, fc.dictionary(text, fc.array(text)));
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (given, indent) => {
      const json = plainJson(JSON.stringify(given, undefined, indent));
      expect(JSON.parse(json)).toEqual(given);
      expect(json.replaceAll("\n", "")).not.toMatch(unprintable);
    }),
  );
});
