import { describe, expect, test } from "@jest/globals";
import { streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { decodeEnvelope, encodeEnvelope, type StreamRecord } from "../src/envelope.ts";
import { deepJson } from "../src/record/deep-json.ts";

/** Returns a value with this many levels around `innermost`. */
const nested = (levels: number, wrap: (inner: unknown) => unknown, innermost: unknown): unknown => {
  let value = innermost;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
};

describe("deepJson", () => {
  test("writes any value as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const [array, object] = [nested(12_000, (inner) => [inner], value), { value, absent: undefined }];
        expect(deepJson(array)).toBe("[".repeat(12_000) + JSON.stringify(value) + "]".repeat(12_000));
        const deep = deepJson({ ...object, array });
        expect(deep).toBe(`{"value":${JSON.stringify(value)},"array":${deepJson(array)}}`);
      }),
      { numRuns: 10 },
    );
  });

  test("throws the error of a cycle's own kind, not of a depth", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    expect(() => deepJson(cyclic)).toThrow(TypeError);
  });
});

test.each([
  ["8,000 levels of maps", 8_000, undefined],
  ["100,000 levels of maps, compressed", 100_000, 1_048_576],
])("an envelope keeps a record of %s", (_what, levels, maxBytes) => {
  const record = streamRecord({ after: { pk: "deep", sk: "1" }, position: 1 });
  const NewImage = { ...record.dynamodb?.NewImage, deep: nested(levels, (inner) => ({ M: { a: inner } }), { S: "x" }) };
  const envelope = {
    v: 1 as const,
    id: "id",
    pipeline: "p",
    sink: "s",
    code: "SINK_REJECTED" as const,
    message: "refused",
    attempts: 1,
    firstFailedAt: "2026-01-02T03:04:05.000Z",
    record: { ...record, dynamodb: { ...record.dynamodb, NewImage } } as StreamRecord,
  };
  const body = encodeEnvelope(envelope, maxBytes);
  expect(body.includes("recordGzip")).toBe(maxBytes !== undefined);
  const read = decodeEnvelope(body) as typeof envelope;
  expect(encodeEnvelope(read, maxBytes)).toBe(body);
  expect(read.record.dynamodb?.NewImage).toHaveProperty(["deep", "M", "a", "M", "a"]);
});
