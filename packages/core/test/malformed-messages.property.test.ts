// A malformed message never affects the other messages of its batch.

import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { lambdaContext, sqsEvent, streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { encodeEnvelope, type StreamRecord } from "../src/envelope.ts";
import { onFailureBucketReader, onFailureDestinationReader, pipeline } from "../src/index.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const record = streamRecord({ after: { pk: "malformed", sk: "1" }, position: 1 });
const good = streamRecord({ after: { pk: "good", sk: "1" }, position: 2 });

const envelopeOf = (record: StreamRecord) => ({
  v: 1 as const,
  id: `${record.eventID}:held`,
  pipeline: "p",
  sink: "held",
  code: "SINK_REJECTED" as const,
  message: "refused",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record,
});

const pointer = {
  version: "1.0",
  DDBStreamBatchInfo: {
    shardId: "shardId-1",
    startSequenceNumber: "1",
    endSequenceNumber: "2",
    batchSize: 2,
    streamArn: record.eventSourceARN,
  },
};
const { record: _, ...bare } = envelopeOf(record);
const gzip = gzipSync(JSON.stringify(record)).toString("base64");

/** An example of each kind of message that the handler accepts. */
const specimens: readonly object[] = [
  envelopeOf(record),
  { ...bare, recordGzip: gzip },
  { ...bare, recordUrl: "s3://bucket/key" },
  pointer,
  { ...pointer, payload: JSON.stringify({ Records: [record] }) },
  { ...pointer, payload: { Records: [record] } },
  { Records: [{ eventSource: "aws:s3", s3: { bucket: { name: "b" }, object: { key: "k" } } }] },
  { Type: "Notification", Message: JSON.stringify(pointer) },
];

/** The paths of all values inside a value. */
const pathsIn = (value: unknown, path: readonly string[] = []): string[][] => {
  const inner = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [[...path], ...inner.flatMap(([name, member]) => pathsIn(member, [...path, name]))];
};

/** Returns a copy of `value` that has `other` at this path. */
const withAt = (value: unknown, [name, ...rest]: readonly string[], other: unknown): unknown => {
  if (name === undefined) return other;
  const inner = (value as Record<string, unknown>)[name];
  const changed = { [name]: withAt(inner, rest, other) };
  return Array.isArray(value) ? Object.assign([...value], changed) : { ...(value as object), ...changed };
};

const specimen = fc.constantFrom(...specimens);
const mutated = specimen.chain((value) =>
  fc
    .tuple(fc.constantFrom(...pathsIn(value)), fc.jsonValue())
    .map(([path, other]) => JSON.stringify(withAt(value, path, other))),
);
const truncated = specimen.chain((value) => {
  const text = JSON.stringify(value);
  return fc.nat(text.length).map((end) => text.slice(0, end));
});
const body = fc.oneof({ weight: 8, arbitrary: mutated }, { weight: 2, arbitrary: truncated }, fc.json(), fc.string());

const notFound = (): never => {
  throw Object.assign(new Error("not found"), { name: "NoSuchKey" });
};
const trimmed = (): never => {
  throw Object.assign(new Error("trimmed"), { name: "TrimmedDataAccessException" });
};
const onFailureDestination = {
  ...onFailureDestinationReader({
    streams: { getShardIterator: async () => trimmed(), getRecords: async () => trimmed() },
  }),
  ...onFailureBucketReader({
    bucket: [],
    s3: { getObject: async () => notFound(), putObject: async () => ({}), deleteObject: async () => ({}) },
  }),
};

test("a malformed message does not fail its batch, and the other messages reach their sinks", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      const sink = scriptedSink({ writes: "upsert", name: "held" });
      const handler = pipeline("p", {
        deadLetterQueue: memoryDeadLetterQueue(),
        logger: recordingLogger(),
        onFailureDestination,
      })
        .to(sink, ({ after }) => after.pk)
        .handler();
      const event = sqsEvent([encodeEnvelope(envelopeOf(good))]);
      const [first] = event.Records;
      const Records = [{ ...first, messageId: "malformed", body: text }, first];
      const { batchItemFailures } = await handler({ ...event, Records }, lambdaContext());
      expect(batchItemFailures.filter(({ itemIdentifier }) => itemIdentifier !== "malformed")).toEqual([]);
      expect(sink.taken.map(({ message }) => message)).toContain("good");
      const { outcomes } = await handler({ sluice: { task: "redrive", dryRun: true }, Records }, lambdaContext());
      expect(outcomes?.map(({ itemIdentifier }) => itemIdentifier)).toEqual(["malformed", first?.messageId]);
    }),
    { numRuns: 1_000 },
  );
});
