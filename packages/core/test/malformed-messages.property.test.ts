// Whatever stands in a message, it is that message's affair: the others of its batch are delivered.

import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { lambdaContext, sqsEvent, streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { encodeEnvelope, type StreamRecord } from "../src/envelope.ts";
import { onFailureDestinationReader, pipeline } from "../src/index.ts";
import { scriptedSink } from "./scripted-sink.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

const record = streamRecord({ after: { pk: "odd", sk: "1" }, position: 1 });
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

/** One message of each kind that the handler takes. */
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

/** The places in a value, as paths. */
const pathsIn = (value: unknown, path: readonly string[] = []): string[][] => {
  const inner = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [[...path], ...inner.flatMap(([name, held]) => pathsIn(held, [...path, name]))];
};

/** The value with another one at that place. */
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
const cutOff = specimen.chain((value) => {
  const text = JSON.stringify(value);
  return fc.nat(text.length).map((end) => text.slice(0, end));
});
const body = fc.oneof({ weight: 8, arbitrary: mutated }, { weight: 2, arbitrary: cutOff }, fc.json(), fc.string());

const gone = (): never => {
  throw Object.assign(new Error("gone"), { name: "NoSuchKey" });
};
const trimmed = (): never => {
  throw Object.assign(new Error("trimmed"), { name: "TrimmedDataAccessException" });
};
const onFailureDestination = onFailureDestinationReader({
  streams: { getShardIterator: async () => trimmed(), getRecords: async () => trimmed() },
  s3: { getObject: async () => gone(), putObject: async () => ({}), deleteObject: async () => ({}) },
});

test("an odd message fails no batch, and keeps no other from its sink", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      const sink = scriptedSink({ writes: "upsert", name: "held" });
      const handler = pipeline("p", { deadLetterQueue: storedEnvelopes(), logger: keptLines(), onFailureDestination })
        .to(sink, ({ after }) => after.pk)
        .handler();
      const event = sqsEvent([encodeEnvelope(envelopeOf(good))]);
      const [first] = event.Records;
      const Records = [{ ...first, messageId: "odd", body: text }, first];
      const { batchItemFailures } = await handler({ ...event, Records }, lambdaContext());
      expect(batchItemFailures.filter(({ itemIdentifier }) => itemIdentifier !== "odd")).toEqual([]);
      expect(sink.taken.map(({ message }) => message)).toContain("good");
      const { outcomes } = await handler({ sluice: { task: "redrive", dryRun: true }, Records }, lambdaContext());
      expect(outcomes?.map(({ itemIdentifier }) => itemIdentifier)).toEqual(["odd", first?.messageId]);
    }),
    { numRuns: 1_000 },
  );
});
