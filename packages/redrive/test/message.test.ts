import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { Envelope } from "@sluice/core/envelope";
import { streamRecord } from "@sluice/testing";
import {
  envelopeOrder,
  inOrder,
  invocationOrder,
  type MessageOrder,
  removeWithRecords,
  withRecord,
} from "../src/index.ts";

const envelopeOf = (name: string, position: number, changes: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: `${name}-${position}`,
  pipeline: "orders",
  sink: "copy",
  code: "SINK_REJECTED",
  message: "",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: streamRecord({ after: { pk: name, sk: 1 }, position }),
  ...changes,
});

const invocation = { DDBStreamBatchInfo: { streamArn: "arn", shardId: "shard", startSequenceNumber: "12" } };

describe("the order of messages", () => {
  test("is the order of an item's changes, for each sink", () => {
    const [first, second] = [envelopeOrder(envelopeOf("a", 1)), envelopeOrder(envelopeOf("a", 2))];
    expect(second.group).toBe(first.group);
    expect(second.version > first.version).toBe(true);
    expect(envelopeOrder(envelopeOf("a", 1, { sink: "feed" })).group).not.toBe(first.group);
    expect(envelopeOrder(envelopeOf("b", 1)).group).not.toBe(first.group);
  });

  test("is the order in time of an item's streams, whatever their names are", () => {
    const arnOf = (label: string): string => `arn:aws:dynamodb:eu-west-1:123456789012:table/T/stream/${label}`;
    const letter = (label: string, position: number, seconds: number) => {
      const { record } = envelopeOf("a", position);
      const dynamodb = { ...record.dynamodb, ApproximateCreationDateTime: seconds };
      return envelopeOrder(
        envelopeOf("a", position, { record: { ...record, eventSourceARN: arnOf(label), dynamodb } }),
      );
    };
    // The table of the second stream took over from the table of the first, but had its stream before.
    const [first, second] = ["2026-05-01T00:00:00.000", "2026-01-01T00:00:00.000"];
    const expected = [letter(first, 1, 100), letter(first, 2, 100), letter(second, 1, 200), letter(second, 3, 200)];
    expect(inOrder([expected[3], expected[1], expected[2], expected[0]] as MessageOrder[])).toEqual(expected);
  });

  test("is the order of a shard's batches", () => {
    const later = { DDBStreamBatchInfo: { ...invocation.DDBStreamBatchInfo, startSequenceNumber: "100" } };
    const [first, second] = [invocationOrder("m1", invocation), invocationOrder("m2", later)];
    expect(second.group).toBe(first.group);
    expect(second.version > first.version).toBe(true);
  });

  test("is undefined for a record that cannot be decoded, and for a message without a shard", () => {
    const [one, other] = [envelopeOf("a", 1, { record: {} }), envelopeOf("a", 2, { record: {} })];
    expect(envelopeOrder(one).group).not.toBe(envelopeOrder(other).group);
    expect(invocationOrder("m1", {}).group).not.toBe(invocationOrder("m2", {}).group);
  });
});

describe("a record that is stored elsewhere", () => {
  const recordUrl = "s3://bucket/1.json.gz";
  const envelope = envelopeOf("a", 1);
  const reference = { ...envelope, record: {}, recordUrl };

  test("is fetched", async () => {
    const get = async () => gzipSync(JSON.stringify(envelope.record));
    expect(await withRecord(reference, { get })).toEqual(envelope);
    expect(await withRecord(envelope, undefined)).toBe(envelope);
  });

  test("is malformed without a store, and when the object contains no record", async () => {
    const malformed = { code: "RECORD_MALFORMED" };
    await expect(withRecord(reference, undefined)).rejects.toMatchObject(malformed);
    await expect(withRecord(reference, { get: async () => Buffer.from("half") })).rejects.toMatchObject(malformed);
  });

  test("is removed after all of its messages, and stays if one of its messages stays", async () => {
    const log: string[] = [];
    const removed = await removeWithRecords(
      [
        { messages: ["a", "copy"], recordUrls: ["url a"] },
        { messages: ["b", "stuck"], recordUrls: ["url b"] },
        { messages: ["c"], recordUrls: ["url denied"] },
      ],
      {
        removeMessages: async (ids) => {
          log.push(`messages ${ids}`);
          return new Set(ids.filter((id) => id !== "stuck"));
        },
        payloadStore: {
          remove: async (url) => {
            log.push(url);
            if (url === "url denied") throw new Error("denied");
          },
        },
        onError: (url, error) => log.push(`${url}: ${error}`),
      },
    );
    expect([...removed]).toEqual(["a", "copy", "b", "c"]);
    expect(log).toEqual(["messages a,copy,b,stuck,c", "url a", "url denied", "url denied: Error: denied"]);
  });
});
