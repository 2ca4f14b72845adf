// Queues that two pipelines share, and messages that move from one queue to another.

import { describe, expect, test } from "@jest/globals";
import { memoryDedupe, sqsEvent, streamEvent, streamRecord } from "@sluice/testing";
import { deliveryId } from "../src/delivery/delivery-result.ts";
import { writeOnce } from "../src/envelope/store-result.ts";
import { type Envelope, encodeEnvelope, type SqsSender } from "../src/envelope.ts";
import { pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "../src/index.ts";
import { SinkError } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const record = streamRecord({ after: { pk: "a", sk: "1" } });
const logger = recordingLogger();

/** A FIFO queue that discards a message whose deduplication id it has seen. */
const fifoQueue = (name: string) => {
  const bodies = new Map<string, string>();
  const client: SqsSender = {
    sendMessageBatch: async ({ Entries }) => {
      for (const { MessageDeduplicationId = "", MessageBody } of Entries) {
        if (!bodies.has(MessageDeduplicationId)) bodies.set(MessageDeduplicationId, MessageBody);
      }
      return { Successful: Entries.map(({ Id }) => ({ Id })) };
    },
  };
  const queueUrl = `https://sqs.eu-west-1.amazonaws.com/123456789012/${name}.fifo`;
  return { options: { client, queueUrl }, bodies };
};

const rejecting = () => scriptedSink({ writes: "append", answer: () => "SINK_REJECTED" });

describe("the id of a delivery", () => {
  test("differs between pipelines and routes, whatever their names", () => {
    const names = ["a", "a:b", "b", "b:c", "c", "%3A", ":"];
    const ids = names.flatMap((pipelineName) =>
      names.map((route) => deliveryId({ pipeline: pipelineName, route }, "event")),
    );
    expect(new Set(ids).size).toBe(names.length ** 2);
    expect(deliveryId({ pipeline: "orders", route: "sns" }, "event")).toBe("event:orders:sns");
  });

  test("keeps the dead letters of two pipelines apart in one FIFO queue", async () => {
    const queue = fifoQueue("dead-letters");
    for (const name of ["first", "second"]) {
      const handler = pipeline(name, { deadLetterQueue: sqsDeadLetterQueue(queue.options), logger })
        .to(rejecting(), () => 1, { dedupe: "none" })
        .handler();
      expect((await handler(streamEvent([record]))).batchItemFailures).toEqual([]);
    }
    const letters = [...queue.bodies.values()].map((body) => JSON.parse(body) as Envelope);
    expect(letters.map(({ pipeline: name }) => name)).toEqual(["first", "second"]);
    expect(new Set(letters.map(({ id }) => id)).size).toBe(2);
  });

  test("gives two pipelines with one append target different idempotency keys", async () => {
    const keys: string[] = [];
    for (const name of ["first", "second"]) {
      const sink = scriptedSink({ writes: "append" });
      await pipeline(name, { onReject: "block", logger })
        .to(sink, () => 1, { dedupe: "none" })
        .handler()(streamEvent([record]));
      for (const delivery of sink.taken) if ("idempotencyKey" in delivery) keys.push(delivery.idempotencyKey);
    }
    expect(new Set(keys).size).toBe(2);
  });
});

describe("a dead letter that was moved to the retry queue", () => {
  const retryArn = "arn:aws:sqs:us-east-1:123456789012:retries.fifo";

  test("is stored again if it is rejected again, also in a FIFO queue, before it is deleted", async () => {
    const dead = fifoQueue("dead-letters");
    const retry = memoryRetryQueue({ now: () => Date.now() });
    const deadLetterQueue = sqsDeadLetterQueue(dead.options);
    const options = { deadLetterQueue, retryQueue: retry, dedupeStore: memoryDedupe(), logger };
    const handler = pipeline("p", options)
      .to(rejecting(), () => 1, { dedupe: "none" })
      .handler();
    await handler(streamEvent([record]));
    // The queue and the environment have seen the id of this letter. SQS moves the letter, and deletes the original.
    const [body = ""] = dead.bodies.values();
    for (const messageId of ["m1", "m2"]) {
      const message = { ...sqsEvent([body]).Records[0], messageId, eventSourceARN: retryArn };
      expect((await handler({ Records: [message] })).batchItemFailures).toEqual([]);
    }
    expect(dead.bodies.size).toBe(3);
    expect(new Set([...dead.bodies.values()].map((text) => (JSON.parse(text) as Envelope).id)).size).toBe(1);
  });

  test("stays where it is if its dead letter cannot be stored", async () => {
    const deadLetterQueue = memoryDeadLetterQueue(({ receipt }) => receipt === undefined);
    const retry = memoryRetryQueue({ now: () => Date.now() });
    const handler = pipeline("p", { deadLetterQueue, retryQueue: retry, dedupeStore: memoryDedupe(), logger })
      .to(rejecting(), () => 1, { dedupe: "none" })
      .handler();
    await handler(streamEvent([record]));
    const [letter] = deadLetterQueue.envelopes as [Envelope];
    const message = { ...sqsEvent([encodeEnvelope(letter)]).Records[0], eventSourceARN: retryArn };
    expect((await handler({ Records: [message] })).batchItemFailures).toHaveLength(1);
  });

  test("needs another queue than the retry queue", () => {
    const { queueUrl } = fifoQueue("both").options;
    const options = { deadLetterQueue: sqsDeadLetterQueue({ queueUrl }), retryQueue: sqsRetryQueue({ queueUrl }) };
    expect(() => pipeline("p", options)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(/same queue/) }),
    );
  });
});

describe("writeOnce", () => {
  const envelope = (id: string, receipt?: string): Envelope => ({
    v: 1,
    id,
    pipeline: "p",
    sink: "s",
    code: "SINK_REJECTED",
    message: "",
    attempts: 1,
    firstFailedAt: "2026-01-02T03:04:05.000Z",
    record,
    ...(receipt !== undefined && { receipt }),
  });

  test("remembers stored envelopes of the stream, and reports what was refused", async () => {
    const written: string[][] = [];
    const write = writeOnce<Envelope>(
      async (envelopes) => {
        written.push(envelopes.map(({ id }) => id));
        const refused = new Set(envelopes.filter(({ id }) => id === "refused"));
        return { stored: new Set(envelopes.filter(({ id }) => id === "a")), refused, errors: [] };
      },
      (one) => one,
    );
    const batch = [envelope("a"), envelope("a"), envelope("refused"), envelope("unanswered")];
    const first = await write(batch);
    expect([...first.stored]).toEqual([batch[0], batch[1]]);
    expect([...(first.refused ?? [])]).toEqual([batch[2]]);
    await write(batch);
    await write([envelope("a", "m1/1")]);
    expect(written).toEqual([["a", "refused", "unanswered"], ["refused", "unanswered"], ["a"]]);
  });
});

describe("a message that a FIFO queue delivers in order", () => {
  const fifoArn = "arn:aws:sqs:us-east-1:123456789012:retries.fifo";
  const envelopeOf = (position: number, members: object): Envelope => ({
    v: 1,
    id: `e${position}`,
    pipeline: "p",
    sink: "scripted",
    code: "SINK_UNAVAILABLE",
    message: "",
    attempts: 1,
    firstFailedAt: new Date().toISOString(),
    record: streamRecord({ after: { pk: "a", sk: "1" }, position }),
    ...members,
  });

  test.each([
    [fifoArn, 1],
    ["arn:aws:sqs:us-east-1:123456789012:letters", 3],
  ])("is not delivered after an unread message of its group (%s)", async (eventSourceARN, count) => {
    const payloadStore = {
      put: async () => "",
      get: () => Promise.reject(new SinkError("SINK_UNAVAILABLE", "[s3] the store does not answer")),
      remove: async () => undefined,
    };
    const sink = scriptedSink({ writes: "append", name: "scripted" });
    const retryQueue = memoryRetryQueue({ now: () => Date.now() });
    const deadLetterQueue = { ...memoryDeadLetterQueue(), payloadStore };
    const handler = pipeline("p", { deadLetterQueue, retryQueue, dedupeStore: memoryDedupe(), logger })
      .to(sink, ({ sequenceNumber }) => sequenceNumber, { dedupe: "none" })
      .handler();
    const messages = [
      [envelopeOf(1, { record: {}, recordUrl: "s3://bucket/1" }), "a"],
      [envelopeOf(2, {}), "a"],
      [envelopeOf(3, {}), "b"],
      [envelopeOf(4, {}), "a"],
    ] as const;
    const Records = messages.map(([envelope, MessageGroupId], index) => ({
      ...sqsEvent([JSON.stringify(envelope)]).Records[0],
      messageId: `m${index}`,
      eventSourceARN,
      attributes: { ApproximateReceiveCount: "1", MessageGroupId },
    }));
    const { batchItemFailures } = await handler({ Records });
    expect(sink.taken).toHaveLength(count);
    expect(batchItemFailures).toHaveLength(4 - count);
    expect(batchItemFailures[0]).toEqual({ itemIdentifier: "m0" });
  });
});
