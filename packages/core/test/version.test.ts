import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { itemKeyOf, streamEpoch, versionOf as versionInEpoch } from "../src/record/version.ts";
import { codeOf } from "./code-of.ts";

const arn = (label: string): string => `arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/${label}`;
const old = arn("2026-01-02T03:04:05.678");

const versionOf = (streamArn: string, sequenceNumber: string): string =>
  versionInEpoch(streamEpoch(streamArn), sequenceNumber);

describe("a version", () => {
  test("is the stream's epoch and the sequence number in 40 digits, which makes 58 characters", () => {
    const version = versionOf(old, "100000000000000000042");
    expect(version).toBe("20260102030405678-0000000000000000000100000000000000000042");
    expect(version).toHaveLength(58);
  });

  test("orders the changes of a stream by sequence numbers of any length", () => {
    const sequence = fc.bigInt({ min: 10n ** 20n, max: 10n ** 40n - 1n });
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const [left, right] = [versionOf(old, String(a)), versionOf(old, String(b))];
        expect(left < right).toBe(a < b);
        expect(left === right).toBe(a === b);
      }),
    );
  });

  test("with a fraction lies between its sequence number and the next one, in the order of the fractions", () => {
    const sequence = fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 3n }),
      fc.bigInt({ min: 10n ** 20n, max: 10n ** 40n - 2n }),
    );
    const micros = fc.bigInt({ min: 0n, max: 10n ** 16n - 1n });
    const fraction = (value: bigint): string => String(value).padStart(16, "0");
    fc.assert(
      fc.property(sequence, micros, micros, (a, x, y) => {
        const versions = [versionOf(old, `${a}.${fraction(x)}`), versionOf(old, `${a}.${fraction(y)}`)] as const;
        for (const version of versions) {
          expect(version).toHaveLength(75);
          expect(versionOf(old, String(a)) < version && version < versionOf(old, String(a + 1n))).toBe(true);
        }
        expect(versions[0] < versions[1]).toBe(x < y);
      }),
    );
  });

  test("of a re-created stream is greater than all versions of the former stream", () => {
    const last = versionOf(old, "9".repeat(40));
    expect(versionOf(arn("2026-01-02T03:04:05.679"), "1") > last).toBe(true);
    expect(versionOf(arn("2027-01-01T00:00:00.000"), "1") > last).toBe(true);
  });

  test("does not use the version of the previous call if only the epoch or only the sequence number is the same", () => {
    const [one, other] = ["20260102030405678", "20270102030405678"];
    const numbers = ["0.0000000000000001", "0.0000000000000002"];
    for (const epoch of [one, other, one]) {
      for (const number of numbers) {
        expect(versionInEpoch(epoch, number)).toBe(`${epoch}-${"0".repeat(40)}${number.slice(1)}`);
      }
    }
    expect(versionInEpoch(one, "7")).toBe(`${one}-${"7".padStart(40, "0")}`);
    expect(versionInEpoch(other, "7")).toBe(`${other}-${"7".padStart(40, "0")}`);
  });

  test("does not use the stream of the previous call", () => {
    const label = arn("2027-01-01T00:00:00.000");
    expect([streamEpoch(old), streamEpoch(label), streamEpoch(old)]).toEqual([
      "20260102030405678",
      "20270101000000000",
      "20260102030405678",
    ]);
  });

  test.each([
    ["2026-01-02T03:04:05", "20260102030405000"],
    ["2026-01-02T03:04:05.6", "20260102030405600"],
  ])("has the same length for a label with fewer digits, %s", (label, epoch) => {
    expect(streamEpoch(arn(label))).toBe(epoch);
  });

  test.each([
    "",
    "12a",
    "-1",
    "1e5",
    "1".repeat(41),
    " 1",
    "1.5",
    `1.${"0".repeat(17)}`,
    `.${"0".repeat(16)}`,
    "1.",
    `1.${"0".repeat(15)}a`,
  ])("is RECORD_MALFORMED for the sequence number %j", (sequence) => {
    expect(codeOf(() => versionOf(old, sequence))).toBe("RECORD_MALFORMED");
  });

  test("is RECORD_MALFORMED for an ARN without a label", () => {
    expect(codeOf(() => versionOf("arn:aws:dynamodb:us-east-1:1:table/T", "1"))).toBe("RECORD_MALFORMED");
  });
});

describe("an item key", () => {
  const key = fc.oneof(
    fc.string({ unit: "binary" }).map((S) => ({ S })),
    fc.integer().map((N) => ({ N: String(N) })),
    fc.uint8Array().map((bytes) => ({ B: Buffer.from(bytes).toString("base64") })),
  );
  const keys = fc
    .uniqueArray(fc.tuple(fc.string({ minLength: 1 }), key), { minLength: 1, maxLength: 2, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries));

  test("is the same for equal keys and different for other keys", () => {
    const text = (image: object): string => JSON.stringify(Object.entries(image).sort());
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        expect(itemKeyOf(a) === itemKeyOf(b)).toBe(text(a) === text(b));
      }),
      { numRuns: 500 },
    );
  });

  test("does not depend on the order of the attributes", () => {
    expect(itemKeyOf({ pk: { S: "a" }, sk: { S: "b" } })).toBe(itemKeyOf({ sk: { S: "b" }, pk: { S: "a" } }));
  });

  test("distinguishes keys whose attributes are equal when joined", () => {
    const made = [
      itemKeyOf({ pk: { S: "a#b" }, sk: { S: "c" } }),
      itemKeyOf({ pk: { S: "a" }, sk: { S: "b#c" } }),
      itemKeyOf({ pk: { S: "a1:bS" }, sk: { S: "" } }),
      itemKeyOf({ pk: { S: "a" }, sk: { S: "bsk:Sc" } }),
      itemKeyOf({ pk: { S: "ask:Sb" }, sk: { S: "c" } }),
      itemKeyOf({ pk: { S: "1" } }),
      itemKeyOf({ pk: { N: "1" } }),
      itemKeyOf({ pk: { B: "1" } }),
    ];
    expect(new Set(made).size).toBe(made.length);
  });

  test("is the same for bytes and their base64 text", () => {
    expect(itemKeyOf({ pk: { B: new Uint8Array([1, 2]) } })).toBe(itemKeyOf({ pk: { B: "AQI=" } }));
  });

  test.each([
    ["a boolean", { BOOL: true }],
    ["null", null],
    ["nothing", {}],
    ["a JS number", { N: 5 }],
  ])("is RECORD_MALFORMED for a key that is %s", (_, wrong) => {
    expect(codeOf(() => itemKeyOf({ pk: wrong as never }))).toBe("RECORD_MALFORMED");
  });
});
