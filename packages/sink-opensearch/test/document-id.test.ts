import { describe, expect, test } from "@jest/globals";
import { decodeImage, type Image, type KeyValue } from "@sluice/core/sink-kit";
import fc from "fast-check";
import { documentId } from "../src/write/document-id.ts";

const idOf = (keys: { readonly [name: string]: KeyValue }): string => documentId(keys).id;
const idOfImage = (image: Image): string => idOf(decodeImage(image) as { readonly [name: string]: KeyValue });

describe("a document's id", () => {
  test.each([
    [{ pk: "order-1" }, "order-1"],
    [{ pk: "order#1" }, "order#1"],
    [{ pk: "customer-7", sk: "2026-01-02" }, "customer-7|2026-01-02"],
    [{ pk: "a|b", sk: "c" }, "a%7Cb|c"],
    [{ pk: "100%" }, "100%25"],
    [{ pk: 12 }, "#12"],
    [{ pk: "#12" }, "%2312"],
    [{ pk: -0.5, sk: "x" }, "#-0.5|x"],
    [{ pk: new Uint8Array([0, 255]) }, "~AP8"],
    [{ pk: "~AP8" }, "%7EAP8"],
    [{ pk: "" }, "%"],
    [{ pk: "Straße 日本" }, "Straße 日本"],
  ])("of %j is %s", (keys, id) => {
    expect(idOf(keys)).toBe(id);
  });

  test("does not depend on the order in which a record lists the keys", () => {
    expect(idOf({ sk: "b", pk: "a" })).toBe(idOf({ pk: "a", sk: "b" }));
  });

  test.each([
    ["100", "1E2"],
    ["1.50", "15E-1"],
    ["12345678901234567890123456789012345678", "1.2345678901234567890123456789012345678E37"],
    ["10000000000000000000000001", "1.0000000000000000000000001E25"],
    ["-0", "0.00"],
  ])("is the same for the number in the forms %s and %s", (one, other) => {
    expect(idOfImage({ pk: { N: one } })).toBe(idOfImage({ pk: { N: other } }));
  });

  test("is a hash if the key is longer than 512 bytes, and the key is returned too", () => {
    const [short, long] = ["é".repeat(256), `${"é".repeat(256)}x`];
    expect(documentId({ pk: short })).toEqual({ id: short });
    expect(documentId({ pk: long })).toEqual({ id: expect.stringMatching(/^%sha256-[\w-]{43}$/), key: long });
    expect(idOf({ pk: long })).not.toBe(idOf({ pk: `${long}y` }));
  });

  test("differs for different keys", () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "%", "|", "#", "~", "7", "C", "2", "5") }),
      fc.string(),
    );
    const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
    const value = fc.oneof(text, number, fc.uint8Array({ maxLength: 6 }));
    const keys = fc.record({ pk: value, sk: fc.option(value, { nil: undefined }) });
    const plain = ({ pk, sk }: { pk: KeyValue; sk?: KeyValue | undefined }) => (sk === undefined ? { pk } : { pk, sk });
    const textOf = (part: KeyValue | undefined): string =>
      part instanceof Uint8Array ? `bytes ${part.join()}` : `${typeof part} ${part}`;
    fc.assert(
      fc.property(keys, keys, (one, other) => {
        const isSame = textOf(one.pk) === textOf(other.pk) && textOf(one.sk) === textOf(other.sk);
        expect(idOf(plain(one)) === idOf(plain(other))).toBe(isSame);
      }),
      { numRuns: 2_000, seed: 20260102 },
    );
  });
});
