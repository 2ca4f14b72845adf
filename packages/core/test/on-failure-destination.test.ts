import { describe, expect, test } from "@jest/globals";
import { lambdaContext, sqsEvent, streamRecord } from "@sluice/testing";
import type { S3Client, StreamRecord, StreamsReader } from "../src/envelope.ts";
import { type BatchResponse, onFailureDestinationReader, pipeline } from "../src/index.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });
const records = [put("a", 1), put("b", 2), put("c", 3)];
const numberOf = (record: StreamRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? "";
const streamArn = records[0]?.eventSourceARN ?? "";

/** The SDK's view of records: bytes and dates, and no ARN. */
const asSdk = ({ eventSourceARN: _, dynamodb, ...record }: StreamRecord) => ({
  ...record,
  dynamodb: {
    ...dynamodb,
    ApproximateCreationDateTime: new Date((dynamodb?.ApproximateCreationDateTime ?? 0) * 1000),
  },
});

const named = (name: string): Error => Object.assign(new Error(name), { name });

interface Stream {
  /** Records that are still there. */
  readonly held?: readonly StreamRecord[];
  readonly fails?: Error;
}

/** A shard with these records, a page for each after an empty one. */
const shard = ({ held = records, fails }: Stream = {}): StreamsReader => ({
  getShardIterator: async ({ ShardIteratorType, SequenceNumber }) => {
    if (fails !== undefined) throw fails;
    if (ShardIteratorType === "TRIM_HORIZON") return { ShardIterator: "0" };
    const index = held.findIndex((record) => numberOf(record) === SequenceNumber);
    if (index < 0) throw named("TrimmedDataAccessException");
    return { ShardIterator: String(index * 2) };
  },
  getRecords: async ({ ShardIterator }) => {
    const at = Number(ShardIterator);
    const record = at % 2 === 1 ? held[(at - 1) / 2] : undefined;
    const next = String(at + 1);
    return { Records: record === undefined ? [] : [asSdk(record)], NextShardIterator: next };
  },
});

const bucket = (objects: Record<string, string>): S3Client => ({
  putObject: async () => ({}),
  deleteObject: async () => ({}),
  getObject: async ({ Bucket, Key }) => {
    const text = objects[`${Bucket}/${Key}`];
    if (text === undefined) throw named("NoSuchKey");
    return { Body: { transformToByteArray: async () => Buffer.from(text) } };
  },
});

const made = (stream: Stream = {}, objects: Record<string, string> = {}, answer: () => Answer = () => "delivered") => {
  const letters = storedEnvelopes();
  const upserts = scriptedSink({ writes: "upsert", name: "held", answer });
  const appends = scriptedSink({ writes: "append", name: "sent" });
  const onFailureDestination = onFailureDestinationReader({ streams: shard(stream), s3: bucket(objects) });
  const handler = pipeline("p", { deadLetterQueue: letters, logger: keptLines(), onFailureDestination })
    .to(upserts, ({ after }) => after.position)
    .to(appends, ({ keys }) => keys.pk, { dedupe: "none" })
    .handler();
  return { handler, letters, upserts, appends };
};

const pointer = (batch: readonly StreamRecord[] = records) => ({
  requestContext: { requestId: "r", functionArn: "f", condition: "RetryAttemptsExhausted", approximateInvokeCount: 3 },
  responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
  version: "1.0",
  timestamp: "2026-01-02T03:04:05.678Z",
  DDBStreamBatchInfo: {
    shardId: "shardId-1",
    startSequenceNumber: numberOf(batch[0]),
    endSequenceNumber: numberOf(batch.at(-1)),
    approximateArrivalOfFirstRecord: "2026-01-02T03:00:00Z",
    approximateArrivalOfLastRecord: "2026-01-02T03:01:00Z",
    batchSize: batch.length,
    streamArn,
  },
});

const payload = { ...pointer(), payload: JSON.stringify({ Records: records }) };
const newsOf = (key: string) => ({
  Records: [{ eventSource: "aws:s3", s3: { bucket: { name: "lost" }, object: { key } } }],
});
const news = newsOf("aws/lambda/x+y%3D1");
const info = pointer().DDBStreamBatchInfo;
const objects = { "lost/aws/lambda/x y=1": JSON.stringify(payload) };
const sns = (message: unknown) => ({ Type: "Notification", MessageId: "m", Message: JSON.stringify(message) });

const takenBy = ({ taken }: { taken: readonly { change: { keys: { pk?: unknown } } }[] }): unknown[] =>
  taken.map(({ change }) => change.keys.pk);
const reported = ({ batchItemFailures }: BatchResponse): number => batchItemFailures.length;

describe("what Lambda gave up on", () => {
  test.each<[string, unknown, Record<string, string>]>([
    ["a pointer in SQS", sqsEvent([pointer()]), {}],
    ["a pointer in SNS in SQS", sqsEvent([sns(pointer())]), {}],
    ["a pointer by SNS", { Records: [{ EventSource: "aws:sns", Sns: sns(pointer()) }] }, {}],
    ["a pointer by itself", pointer(), {}],
    ["a whole event in SQS", sqsEvent([payload]), {}],
    ["a whole event by itself, as an object", { ...pointer(), payload: { Records: records } }, {}],
    ["an object in S3, by S3", news, objects],
    ["an object in S3, by SQS", sqsEvent([news]), objects],
    ["an object in S3, by SNS in SQS", sqsEvent([sns(news)]), objects],
  ])("comes back to every route: %s", async (_name, event, held) => {
    const { handler, upserts, appends } = made({}, held);
    expect(reported(await handler(event, lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(["a", "b", "c"]);
    expect(takenBy(appends)).toEqual(["a", "b", "c"]);
    expect(upserts.taken.map(({ change }) => change.record)).toEqual(records);
    expect(upserts.taken[0]?.change.origin).toBe("redrive");
  });

  test("is read up to the pointer's end and no further", async () => {
    const { handler, upserts } = made();
    await handler(sqsEvent([pointer(records.slice(0, 2))]), lambdaContext());
    expect(takenBy(upserts)).toEqual(["a", "b"]);
  });

  test.each<[string, Stream, readonly string[], string]>([
    ["trimmed in part", { held: records.slice(1) }, ["b", "c"], "1 of 3 records"],
    ["trimmed", { held: [] }, [], "3 of 3 records"],
    ["in a shard that is gone", { fails: named("ResourceNotFoundException") }, [], "3 of 3 records"],
    ["trimmed while they were read", { fails: named("TrimmedDataAccessException") }, [], "3 of 3 records"],
  ])("and is %s is a dead letter of each route that says what is lost", async (_name, stream, found, text) => {
    const { handler, upserts, letters } = made(stream);
    expect(reported(await handler(sqsEvent([pointer()]), lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(found);
    expect(letters.envelopes.map(({ sink, code }) => [sink, code])).toEqual([
      ["held", "RECORD_LOST"],
      ["sent", "RECORD_LOST"],
    ]);
    const [letter] = letters.envelopes;
    expect(letter?.message).toContain(text);
    for (const part of [numberOf(records[0]), numberOf(records[2]), "shardId-1", "03:00:00Z", "backfill"]) {
      expect(letter?.message).toContain(part);
    }
    expect(letter?.record).toMatchObject({ DDBStreamBatchInfo: { shardId: "shardId-1" } });
  });

  test("and is lost stays a dead letter when it is redriven, and says so again", async () => {
    const { handler, letters } = made({ held: [] });
    await handler(sqsEvent([pointer()]), lambdaContext());
    const task = { ...sqsEvent(letters.envelopes), sluice: { task: "redrive" } };
    const { batchItemFailures, outcomes } = await handler(task, lambdaContext());
    expect(batchItemFailures).toHaveLength(2);
    expect(letters.envelopes).toHaveLength(2);
    const [letter] = letters.envelopes;
    const lost = { outcome: "rejected", code: "RECORD_LOST", message: letter?.message };
    expect(outcomes).toMatchObject([lost, lost]);
  });

  test("in an object that is gone is a dead letter of each route that names it", async () => {
    const { handler, letters } = made();
    expect(reported(await handler(sqsEvent([news]), lambdaContext()))).toBe(0);
    expect(letters.envelopes.map(({ sink, code }) => [sink, code])).toEqual([
      ["held", "RECORD_LOST"],
      ["sent", "RECORD_LOST"],
    ]);
    expect(letters.envelopes[0]?.message).toContain("the object s3://lost/aws/lambda/x y=1 is gone");
    expect(letters.envelopes[0]?.record).toEqual({
      s3: { bucket: { name: "lost" }, object: { key: "aws/lambda/x y=1" } },
    });
  });

  test("with a payload that is cut off is read back from the stream", async () => {
    const cut = { ...payload, payload: payload.payload.slice(0, 100) };
    const { handler, upserts, letters } = made({ held: records.slice(1) });
    expect(reported(await handler(sqsEvent([cut]), lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(["b", "c"]);
    expect(letters.envelopes[0]?.message).toContain("1 of 3 records");
  });

  test.each<[string, Stream, object]>([
    ["the stream denies", { fails: named("AccessDeniedException") }, pointer()],
    ["the body is of something else", {}, { Records: [{ eventSource: "aws:kinesis" }] }],
    ["the object is cut off", {}, newsOf("cut")],
    ["the object is news of an object", {}, newsOf("itself")],
    ["the object's key is not encoded as S3 does", {}, newsOf("%zz")],
    ["its sequence numbers are none", {}, { DDBStreamBatchInfo: { ...info, endSequenceNumber: "last" } }],
  ])("stays where it is, and keeps no other from going, while %s", async (_name, stream, body) => {
    const held = { "lost/cut": JSON.stringify(payload).slice(0, 200), "lost/itself": JSON.stringify(newsOf("itself")) };
    const { handler, upserts, letters } = made(stream, held);
    const event = sqsEvent([body, payload]);
    const { batchItemFailures } = await handler(event, lambdaContext());
    expect(batchItemFailures).toEqual([{ itemIdentifier: event.Records[0]?.messageId }]);
    expect([takenBy(upserts), letters.writes]).toEqual([["a", "b", "c"], []]);
  });

  test("fails the invocation where nobody hears of single messages", async () => {
    const { handler } = made({ fails: named("AccessDeniedException") });
    const event = { Records: [{ EventSource: "aws:sns", Sns: sns(pointer()) }] };
    await expect(handler(event, lambdaContext())).rejects.toMatchObject({ code: "SINK_DENIED" });
  });

  test("comes again whole where one of its records is to be retried, and rejected ones are dead letters", async () => {
    const { handler } = made({}, {}, () => "SINK_DENIED");
    expect(reported(await handler(sqsEvent([pointer(), pointer()]), lambdaContext()))).toBe(2);
    const rejecting = made({}, {}, () => "SINK_REJECTED");
    expect(reported(await rejecting.handler(sqsEvent([pointer()]), lambdaContext()))).toBe(0);
    expect(rejecting.letters.envelopes.map(({ sink }) => sink)).toEqual(["held", "held", "held"]);
  });

  test("is nothing in S3's test message", async () => {
    const { handler, upserts } = made();
    const event = sqsEvent([{ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "lost" }]);
    expect(reported(await handler(event, lambdaContext()))).toBe(0);
    expect(upserts.calls).toEqual([]);
  });
});
