import { describe, expect, test } from "@jest/globals";
import { lambdaContext, sqsEvent, streamEvent, streamRecord } from "@sluice/testing";
import type { S3Client, StreamRecord, StreamsReader } from "../src/envelope.ts";
import {
  type BatchResponse,
  onFailureBucketReader,
  onFailureDestinationReader,
  type PipelineOptions,
  pipeline,
  type UnknownItem,
} from "../src/index.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });
const records = [put("a", 1), put("b", 2), put("c", 3)];
const numberOf = (record: StreamRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? "";
const streamArn = records[0]?.eventSourceARN ?? "";

/** Converts a record to the form that the SDK returns: its time is a `Date`, and the stream's ARN is missing. */
const asSdk = ({ eventSourceARN: _, dynamodb, ...record }: StreamRecord) => ({
  ...record,
  dynamodb: {
    ...dynamodb,
    ApproximateCreationDateTime: new Date((dynamodb?.ApproximateCreationDateTime ?? 0) * 1000),
  },
});

const named = (name: string): Error => Object.assign(new Error(name), { name });

interface Stream {
  /** Records that the stream still holds. */
  readonly kept?: readonly StreamRecord[];
  readonly fails?: Error;
}

/** A shard with the records in `kept`. Empty pages and pages with one record alternate; the first page is empty. */
const shard = ({ kept = records, fails }: Stream = {}): StreamsReader => ({
  getShardIterator: async ({ ShardIteratorType, SequenceNumber }) => {
    if (fails !== undefined) throw fails;
    if (ShardIteratorType === "TRIM_HORIZON") return { ShardIterator: "0" };
    const index = kept.findIndex((record) => numberOf(record) === SequenceNumber);
    if (index < 0) throw named("TrimmedDataAccessException");
    return { ShardIterator: String(index * 2) };
  },
  getRecords: async ({ ShardIterator }) => {
    const at = Number(ShardIterator);
    const record = at % 2 === 1 ? kept[(at - 1) / 2] : undefined;
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

const neverRead = {
  transformToByteArray: () => Promise.reject(new Error("the object is read")),
};

const setUp = (
  stream: Stream = {},
  objects: Record<string, string> = {},
  answer: () => Answer = () => "delivered",
  { source = "Orders", ...given }: Partial<PipelineOptions<UnknownItem>> = {},
) => {
  const deadLetters = memoryDeadLetterQueue();
  const upserts = scriptedSink({ writes: "upsert", name: "held", answer });
  const appends = scriptedSink({ writes: "append", name: "sent" });
  const onFailureDestination = {
    ...onFailureDestinationReader({ streams: shard(stream) }),
    ...onFailureBucketReader({ bucket: "lost", s3: bucket(objects) }),
  };
  const logger = recordingLogger();
  const options = { deadLetterQueue: deadLetters, logger, onFailureDestination, ...(source && { source }) };
  const handler = pipeline("p", { ...options, ...given })
    .to(upserts, ({ after }) => after.position)
    .to(appends, ({ keys }) => keys.pk, { dedupe: "none" })
    .handler();
  return { handler, deadLetters, upserts, appends, lines: logger.lines };
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
const notificationOf = (key: string) => ({
  Records: [{ eventSource: "aws:s3", s3: { bucket: { name: "lost" }, object: { key } } }],
});
const notification = notificationOf("aws/lambda/x+y%3D1");
const info = pointer().DDBStreamBatchInfo;
const objects = { "lost/aws/lambda/x y=1": JSON.stringify(payload) };
const sns = (message: unknown) => ({ Type: "Notification", MessageId: "m", Message: JSON.stringify(message) });

const takenBy = ({ taken }: { taken: readonly { change: { keys: { pk?: unknown } } }[] }): unknown[] =>
  taken.map(({ change }) => change.keys.pk);
const reported = ({ batchItemFailures }: BatchResponse): number => batchItemFailures.length;

describe("a batch in the on-failure destination", () => {
  test.each<[string, unknown, Record<string, string>]>([
    ["a pointer in SQS", sqsEvent([pointer()]), {}],
    ["a pointer in SNS in SQS", sqsEvent([sns(pointer())]), {}],
    ["a pointer by SNS", { Records: [{ EventSource: "aws:sns", Sns: sns(pointer()) }] }, {}],
    ["a pointer by itself", pointer(), {}],
    ["a whole event in SQS", sqsEvent([payload]), {}],
    ["a whole event by itself, as an object", { ...pointer(), payload: { Records: records } }, {}],
    ["an object in S3, by S3", notification, objects],
    ["an object in S3, by SQS", sqsEvent([notification]), objects],
    ["an object in S3, by SNS in SQS", sqsEvent([sns(notification)]), objects],
  ])("is delivered to every route: %s", async (_name, event, stored) => {
    const { handler, upserts, appends } = setUp({}, stored);
    expect(reported(await handler(event, lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(["a", "b", "c"]);
    expect(takenBy(appends)).toEqual(["a", "b", "c"]);
    expect(upserts.taken.map(({ change }) => change.record)).toEqual(records);
    expect(upserts.taken[0]?.change.origin).toBe("redrive");
  });

  test.each<[string, unknown]>([
    ["a bucket that the pipeline does not name", notification],
    ["a stream of a table that the pipeline does not know yet", pointer()],
  ])("is not read from %s, and stays", async (_name, message) => {
    const { handler, upserts, lines } = setUp({}, objects, () => "delivered", {
      source: "",
      onFailureDestination: {
        ...onFailureDestinationReader({ streams: shard({}) }),
        ...onFailureBucketReader({ bucket: [], s3: bucket(objects) }),
      },
    });
    expect(reported(await handler(sqsEvent([message]), lambdaContext()))).toBe(1);
    expect(upserts.taken).toEqual([]);
    expect(lines[0]?.fields).toMatchObject({ code: "RECORD_FOREIGN", reason: expect.stringMatching(/option|bucket/) });
  });

  test.each<[string, unknown, string]>([
    ["a pointer", pointer(), "onFailureDestinationReader()"],
    ["an address of an object", notification, "onFailureBucketReader({ bucket })"],
  ])("stays without the option onFailureDestination if the message is %s", async (_name, message, reader) => {
    const { handler, upserts, deadLetters, lines } = setUp({}, objects, () => "delivered", {
      onFailureDestination: {},
    });
    const event = sqsEvent([message, payload]);
    const { batchItemFailures } = await handler(event, lambdaContext());
    expect(batchItemFailures).toEqual([{ itemIdentifier: event.Records[0]?.messageId }]);
    expect([takenBy(upserts), deadLetters.writes]).toEqual([["a", "b", "c"], []]);
    expect(lines[0]?.fields).toMatchObject({
      code: "RECORD_UNREADABLE",
      reason: expect.stringContaining(`expected the option onFailureDestination: ${reader}`),
    });
  });

  test("that no source can redeliver fails the invocation without the option onFailureDestination", async () => {
    const { handler } = setUp({}, {}, () => "delivered", { onFailureDestination: {} });
    await expect(handler(pointer(), lambdaContext())).rejects.toMatchObject({ code: "RECORD_UNREADABLE" });
  });

  test("is read by a reader that is an instance of a class", async () => {
    class Reader {
      readonly #reader = onFailureDestinationReader({ streams: shard({}) });
      readStream(...args: Parameters<ReturnType<typeof onFailureDestinationReader>["readStream"]>) {
        return this.#reader.readStream(...args);
      }
    }
    const { handler, upserts } = setUp({}, {}, () => "delivered", { onFailureDestination: new Reader() });
    await handler(sqsEvent([pointer()]), lambdaContext());
    expect(takenBy(upserts)).toEqual(["a", "b", "c"]);
  });

  test.each([undefined, "", [""]])("has no bucket %p", (wrong) => {
    expect(() => onFailureBucketReader({ bucket: wrong as string })).toThrow(/bucket/);
  });

  test("is read from the stream of the first stream event, without the option source", async () => {
    const { handler, upserts } = setUp({}, {}, () => "delivered", { source: "" });
    await handler(streamEvent([put("d", 9)]), lambdaContext());
    expect(reported(await handler(sqsEvent([pointer()]), lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(["d", "a", "b", "c"]);
  });

  test("is not read from an object that is too large", async () => {
    const huge: S3Client = { ...bucket({}), getObject: async () => ({ ContentLength: 2 ** 30, Body: neverRead }) };
    const { handler, lines } = setUp({}, {}, () => "delivered", {
      onFailureDestination: onFailureBucketReader({ bucket: ["lost"], s3: huge }),
    });
    expect(reported(await handler(sqsEvent([notification]), lambdaContext()))).toBe(1);
    expect(lines[0]?.fields).toMatchObject({ code: "RECORD_MALFORMED", reason: expect.stringMatching(/1073741824/) });
  });

  test.each(["ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "ObjectTagging:Put", 7])(
    "is not what a notification of the kind %p is about: the message is finished, and nothing is lost",
    async (eventName) => {
      const { handler, deadLetters, upserts } = setUp();
      const removed = { Records: [{ ...notification.Records[0], eventName }] };
      expect(reported(await handler(sqsEvent([removed, sns(removed)]), lambdaContext()))).toBe(0);
      expect(reported(await handler(removed, lambdaContext()))).toBe(0);
      expect([...deadLetters.envelopes, ...upserts.taken]).toEqual([]);
    },
  );

  test.each(["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"])(
    "is read after %s",
    async (eventName) => {
      const { handler, upserts } = setUp({}, objects);
      const created = { Records: [{ ...notification.Records[0], eventName }] };
      expect(reported(await handler(sqsEvent([created]), lambdaContext()))).toBe(0);
      expect(takenBy(upserts)).toEqual(["a", "b", "c"]);
    },
  );

  test("is read only up to the last sequence number of the pointer", async () => {
    const { handler, upserts } = setUp();
    await handler(sqsEvent([pointer(records.slice(0, 2))]), lambdaContext());
    expect(takenBy(upserts)).toEqual(["a", "b"]);
  });

  test.each<[string, Stream, readonly string[], string]>([
    ["trimmed in part", { kept: records.slice(1) }, ["b", "c"], "1 of 3 records"],
    ["trimmed", { kept: [] }, [], "3 of 3 records"],
    ["in a shard that no longer exists", { fails: named("ResourceNotFoundException") }, [], "3 of 3 records"],
    ["trimmed during the read", { fails: named("TrimmedDataAccessException") }, [], "3 of 3 records"],
  ])("that is %s becomes a dead letter of each route, with the lost range", async (_name, stream, found, text) => {
    const { handler, upserts, deadLetters } = setUp(stream);
    expect(reported(await handler(sqsEvent([pointer()]), lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(found);
    expect(deadLetters.envelopes.map(({ sink, code }) => [sink, code])).toEqual([
      ["held", "RECORD_LOST"],
      ["sent", "RECORD_LOST"],
    ]);
    const [deadLetter] = deadLetters.envelopes;
    expect(deadLetter?.message).toContain(text);
    for (const part of [numberOf(records[0]), numberOf(records[2]), "shardId-1", "03:00:00Z", "touch the items"]) {
      expect(deadLetter?.message).toContain(part);
    }
    expect(deadLetter?.record).toMatchObject({ DDBStreamBatchInfo: { shardId: "shardId-1" } });
  });

  test("whose records are lost stays a dead letter after a redrive, with the same message", async () => {
    const { handler, deadLetters } = setUp({ kept: [] });
    await handler(sqsEvent([pointer()]), lambdaContext());
    const task = { ...sqsEvent(deadLetters.envelopes), sluice: { task: "redrive" } };
    const { batchItemFailures, outcomes } = await handler(task, lambdaContext());
    expect(batchItemFailures).toHaveLength(2);
    expect(deadLetters.envelopes).toHaveLength(2);
    const [deadLetter] = deadLetters.envelopes;
    const lost = { outcome: "rejected", code: "RECORD_LOST", message: deadLetter?.message };
    expect(outcomes).toMatchObject([lost, lost]);
  });

  test("in a deleted object becomes a dead letter of each route, with the name of the object", async () => {
    const { handler, deadLetters } = setUp();
    expect(reported(await handler(sqsEvent([notification]), lambdaContext()))).toBe(0);
    expect(deadLetters.envelopes.map(({ sink, code }) => [sink, code])).toEqual([
      ["held", "RECORD_LOST"],
      ["sent", "RECORD_LOST"],
    ]);
    expect(deadLetters.envelopes[0]?.message).toContain("the object s3://lost/aws/lambda/x y=1 is gone");
    expect(deadLetters.envelopes[0]?.record).toEqual({
      s3: { bucket: { name: "lost" }, object: { key: "aws/lambda/x y=1" } },
    });
  });

  test("with a truncated payload is read from the stream", async () => {
    const cut = { ...payload, payload: payload.payload.slice(0, 100) };
    const { handler, upserts, deadLetters } = setUp({ kept: records.slice(1) });
    expect(reported(await handler(sqsEvent([cut]), lambdaContext()))).toBe(0);
    expect(takenBy(upserts)).toEqual(["b", "c"]);
    expect(deadLetters.envelopes[0]?.message).toContain("1 of 3 records");
  });

  test.each<[string, Stream, object]>([
    ["the stream denies", { fails: named("AccessDeniedException") }, pointer()],
    ["the body is an unknown event", {}, { Records: [{ eventSource: "aws:kinesis" }] }],
    ["the object is truncated", {}, notificationOf("cut")],
    ["the object is a notification of an object", {}, notificationOf("itself")],
    ["the key is not URL-encoded", {}, notificationOf("%zz")],
    ["the sequence numbers are malformed", {}, { DDBStreamBatchInfo: { ...info, endSequenceNumber: "last" } }],
  ])("stays in its queue and does not hold up other messages if %s", async (_name, stream, body) => {
    const stored = {
      "lost/cut": JSON.stringify(payload).slice(0, 200),
      "lost/itself": JSON.stringify(notificationOf("itself")),
    };
    const { handler, upserts, deadLetters } = setUp(stream, stored);
    const event = sqsEvent([body, payload]);
    const { batchItemFailures } = await handler(event, lambdaContext());
    expect(batchItemFailures).toEqual([{ itemIdentifier: event.Records[0]?.messageId }]);
    expect([takenBy(upserts), deadLetters.writes]).toEqual([["a", "b", "c"], []]);
  });

  test("fails the invocation if the event source does not support partial failures", async () => {
    const { handler } = setUp({ fails: named("AccessDeniedException") });
    const event = { Records: [{ EventSource: "aws:sns", Sns: sns(pointer()) }] };
    await expect(handler(event, lambdaContext())).rejects.toMatchObject({ code: "SINK_DENIED" });
  });

  test("is retried as a whole if one record must be retried, but rejected records become dead letters", async () => {
    const { handler } = setUp({}, {}, () => "SINK_DENIED");
    expect(reported(await handler(sqsEvent([pointer(), pointer()]), lambdaContext()))).toBe(2);
    const rejecting = setUp({}, {}, () => "SINK_REJECTED");
    expect(reported(await rejecting.handler(sqsEvent([pointer()]), lambdaContext()))).toBe(0);
    expect(rejecting.deadLetters.envelopes.map(({ sink }) => sink)).toEqual(["held", "held", "held"]);
  });

  test("is not looked for in the test message of S3", async () => {
    const { handler, upserts } = setUp();
    const event = sqsEvent([{ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "lost" }]);
    expect(reported(await handler(event, lambdaContext()))).toBe(0);
    expect(upserts.calls).toEqual([]);
  });
});
