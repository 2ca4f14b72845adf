import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { encodeEnvelope, messageContent } from "../src/envelope.ts";

const envelope = encodeEnvelope({
  v: 1,
  id: "a-1",
  pipeline: "orders",
  sink: "copy",
  code: "SINK_REJECTED",
  message: "",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: streamRecord({ after: { pk: "a", sk: 1 }, position: 1 }),
});

const members: object = JSON.parse(envelope);

/** A forged record: 600 KB that decompress to more than a JavaScript string can hold. */
const bomb = Buffer.concat(Array(60).fill(gzipSync(Buffer.alloc(10_000_000, "x")))).toString("base64");

const invocation = { DDBStreamBatchInfo: { streamArn: "arn", shardId: "shard", startSequenceNumber: "12" } };

describe("the content of a message", () => {
  test.each([
    ["an envelope", envelope, "dead-letter"],
    ["an invocation record", JSON.stringify(invocation), "on-failure"],
    [
      "an invocation record in an SNS notification",
      JSON.stringify({ Type: "Notification", Message: JSON.stringify(invocation) }),
      "on-failure",
    ],
    ["an envelope in an SNS notification", JSON.stringify({ Type: "Notification", Message: envelope }), "dead-letter"],
    ["an invocation record with the whole event", JSON.stringify({ payload: { Records: [] } }), "on-failure"],
    ["S3's test message", JSON.stringify({ Event: "s3:TestEvent" }), "on-failure"],
    ["an event without records", JSON.stringify({ Records: [] }), "unsupported"],
    ["S3's notification", JSON.stringify({ Records: [{ s3: {} }] }), "on-failure"],
    ["a later version's envelope", JSON.stringify({ v: 2 }), "newer-envelope"],
    ["JSON", "{}", "unsupported"],
    ["an envelope whose recordUrl is not a text", JSON.stringify({ ...members, recordUrl: 5 }), "unsupported"],
    [
      "an envelope whose record decompresses to 600 MB",
      JSON.stringify({ ...members, recordGzip: bomb }),
      "unsupported",
    ],
    ["no JSON", "x", "unsupported"],
  ])("is known: %s", (_name, body, kind) => expect(messageContent(body).kind).toBe(kind));

  test("is known for any text", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => expect(messageContent(body).kind).toBeDefined()));
  });
});

describe("a record of many tiny values", () => {
  const bodyOf = (json: string): string => {
    const { record: _, ...rest } = envelopeOfMarks;
    return JSON.stringify({ ...rest, recordGzip: gzipSync(json).toString("base64") });
  };
  const envelopeOfMarks = {
    v: 1,
    id: "1",
    pipeline: "p",
    sink: "s",
    code: "SINK_REJECTED",
    message: "m",
    attempts: 1,
    firstFailedAt: "2026-01-01T00:00:00Z",
    record: {},
  };

  test.each(["{},", "[],", '"",', "0,"])("%s is refused before it is parsed", (value) => {
    const body = bodyOf(`{"a":[${value.repeat(1_800_000)}0]}`);
    expect(messageContent(body).kind).toBe("unsupported");
  });

  test("the largest images of tiny values are read", () => {
    const list = { L: Array.from({ length: 409_000 }, () => ({ S: "" })) };
    const body = bodyOf(JSON.stringify({ dynamodb: { NewImage: { list }, OldImage: { list } } }));
    expect(messageContent(body).kind).toBe("dead-letter");
  });
});
