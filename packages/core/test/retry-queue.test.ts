import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { lambdaContext, memoryDedupe, streamEvent, streamRecord } from "@sluice/testing";
import type { EnvelopeMessage } from "../src/envelope/envelope-message.ts";
import { decodeEnvelope, type Envelope } from "../src/envelope.ts";
import {
  type BatchResponse,
  type InvocationReport,
  type PipelineOptions,
  pipeline,
  type RouteOptions,
  sqsRetryQueue,
  type UnknownItem,
} from "../src/index.ts";
import { SinkError, type SinkErrorCode, type StreamRecord, systemClock } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { type MemoryRetryQueue, memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });

const named = ({ batchItemFailures }: BatchResponse): string[] =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

interface World {
  /** Answers of the upsert sink by partition key. Default: delivered. */
  readonly upsertAnswers?: Record<string, Answer>;
  readonly appendAnswers?: Record<string, Answer>;
  readonly options?: Partial<PipelineOptions<UnknownItem>>;
  readonly route?: RouteOptions;
  readonly accepts?: (envelope: Envelope) => boolean;
}

/** A pipeline with an upsert route, an append route, a retry queue in memory and a clock that the test sets. */
const setUp = ({ upsertAnswers = {}, appendAnswers = {}, options, route, accepts }: World = {}) => {
  const time = { ms: 1_767_323_045_000 };
  const deadLetters = memoryDeadLetterQueue();
  const { lines, ...logger } = recordingLogger();
  const queue = memoryRetryQueue({ now: () => time.ms, maxAgeMs: 3_600_000, ...(accepts && { accepts }) });
  const store = memoryDedupe({ now: () => time.ms });
  const answering = (answers: Record<string, Answer>) => (delivery: { change: { keys: { pk?: unknown } } }) =>
    answers[String(delivery.change.keys.pk)] ?? "delivered";
  const upserts = scriptedSink({ writes: "upsert", name: "held", answer: answering(upsertAnswers) });
  const appends = scriptedSink({ writes: "append", name: "sent", answer: answering(appendAnswers) });
  const clock = { now: () => time.ms, sleep: systemClock.sleep, random: () => 0 };
  const handler = pipeline("p", {
    deadLetterQueue: deadLetters,
    retryQueue: queue,
    dedupeStore: store,
    logger,
    clock,
    ...options,
  })
    .to(upserts, ({ after }) => after.position)
    .to(appends, ({ keys }) => keys.pk, { dedupe: "none", ...route })
    .handler();
  const stream = (...records: StreamRecord[]) => handler(streamEvent(records), lambdaContext());
  /** Receives one batch from the queue and handles it, as Lambda does. */
  const consume = async () => {
    const event = queue.receive(10);
    if (event === undefined) return undefined;
    const answer = await handler(event, lambdaContext());
    queue.acknowledge(event, new Set(named(answer)));
    return answer;
  };
  const reports = (): InvocationReport[] =>
    lines.filter(({ message }) => message.startsWith("batch")).map(({ fields }) => fields as never);
  return {
    handle: (event: object) => handler(event, lambdaContext()),
    time,
    deadLetters,
    lines,
    reports,
    queue,
    store,
    upserts,
    appends,
    upsertAnswers,
    appendAnswers,
    stream,
    consume,
  };
};

const positions = (deliveries: readonly { change: { after: unknown } }[]): unknown[] =>
  deliveries.map(({ change }) => (change.after as { position?: unknown }).position);

describe("a delivery that is to be retried", () => {
  test("goes to the queue, and the stream continues", async () => {
    const { stream, queue, reports } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    expect(named(await stream(put("a", 1), put("b", 2)))).toEqual([]);
    expect(queue.size()).toBe(1);
    expect(reports()).toMatchObject([
      { reported: 0, queued: 1, routes: { held: { retried: 1, delivered: 1 }, sent: { delivered: 2 } } },
    ]);
  });

  test("is delivered from the queue only to the sink that failed, and is then deleted", async () => {
    const { stream, consume, queue, upserts, appends, upsertAnswers, reports } = setUp({
      upsertAnswers: { a: "SINK_DENIED" },
    });
    await stream(put("a", 1));
    delete upsertAnswers.a;
    expect(named((await consume()) as BatchResponse)).toEqual([]);
    expect(queue.size()).toBe(0);
    expect(upserts.taken.map(({ change }) => change.origin)).toEqual(["retry"]);
    expect(appends.taken).toHaveLength(1);
    expect(reports().at(-1)).toMatchObject({ origin: "retry", records: 1 });
  });

  test("waits longer after each failure, and is superseded if a newer change has arrived", async () => {
    const { stream, consume, queue, time, upsertAnswers } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    await consume();
    expect(queue.waitMs()).toBe(1_000);
    time.ms += 1_000;
    await consume();
    expect(queue.waitMs()).toBe(2_000);
    delete upsertAnswers.a;
    await stream(put("a", 2));
    time.ms += 2_000;
    expect(named((await consume()) as BatchResponse)).toEqual([]);
    expect(queue.size()).toBe(0);
  });

  test("becomes a dead letter when it is too old, with the first failure's time and the number of attempts", async () => {
    const { stream, consume, queue, deadLetters, time } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    const firstFailedAt = new Date(time.ms).toISOString();
    await consume();
    time.ms += 3_600_001;
    expect(named((await consume()) as BatchResponse)).toEqual([]);
    expect(queue.size()).toBe(0);
    expect(deadLetters.envelopes).toMatchObject([{ sink: "held", code: "SINK_DENIED", attempts: 3, firstFailedAt }]);
    expect(deadLetters.envelopes[0]?.record).toEqual(put("a", 1));
  });

  test("keeps unknown envelope fields, which a later version of Sluice wrote, in its dead letter", async () => {
    const { stream, consume, queue, deadLetters, time } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    const event = queue.receive(1) as { readonly Records: readonly { readonly body: string }[] };
    queue.acknowledge(event, new Set());
    const envelope = { ...JSON.parse(event.Records[0]?.body ?? "{}"), region: "eu-1" };
    await queue.write([{ envelope, group: "a" }]);
    time.ms += 3_600_001;
    await consume();
    expect(deadLetters.envelopes).toEqual([{ ...envelope, attempts: 2, receipt: expect.stringMatching(/^m\d+\/1$/) }]);
  });

  test.each<[string, Partial<Envelope>]>([
    ["of a route that no longer exists", { sink: "gone" }],
    ["of another pipeline", { pipeline: "q" }],
    ["of a record in a payload store that does not answer", { recordUrl: "s3://bucket/record" }],
  ])("%s stays in the queue, and becomes an unchanged dead letter when it is too old", async (_name, members) => {
    const deadLetters = memoryDeadLetterQueue();
    const payloadStore = {
      put: async () => "",
      get: () => Promise.reject(new SinkError("SINK_DENIED", "[s3] denied")),
      remove: () => Promise.reject(new Error("its dead letter refers to it")),
    };
    const { consume, queue, lines, time } = setUp({ options: { deadLetterQueue: { ...deadLetters, payloadStore } } });
    const envelope: Envelope = {
      v: 1,
      id: "e1:held",
      pipeline: "p",
      sink: "held",
      code: "SINK_UNAVAILABLE",
      message: "[held] down",
      attempts: 4,
      firstFailedAt: new Date(time.ms).toISOString(),
      record: members.recordUrl === undefined ? put("a", 1) : {},
      ...members,
    };
    await queue.write([{ envelope, group: "a" }]);
    expect(named((await consume()) as BatchResponse)).toHaveLength(1);
    time.ms += 3_600_001;
    expect(named((await consume()) as BatchResponse)).toEqual([]);
    expect(queue.size()).toBe(0);
    expect(deadLetters.envelopes).toEqual([envelope]);
    const warnings = lines.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warnings).toEqual(["messages not read, they stay where they are", "dead letter"]);
  });

  test("becomes a dead letter at once when the target rejects it on a retry", async () => {
    const { stream, consume, queue, deadLetters, upsertAnswers } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    upsertAnswers.a = "SINK_REJECTED";
    await consume();
    expect(queue.size()).toBe(0);
    expect(deadLetters.envelopes).toMatchObject([{ code: "SINK_REJECTED" }]);
  });

  test("stays in the queue if its dead letter cannot be stored", async () => {
    const { stream, consume, queue, time } = setUp({
      upsertAnswers: { a: "SINK_DENIED" },
      options: { deadLetterQueue: { write: () => Promise.reject(new Error("gone")) } },
    });
    await stream(put("a", 1));
    time.ms += 3_600_001;
    expect(named((await consume()) as BatchResponse)).toHaveLength(1);
    expect(queue.size()).toBe(1);
  });

  test("is retried in the stream if the queue refuses it, so that it is not lost", async () => {
    const { stream, queue, lines } = setUp({ upsertAnswers: { a: "SINK_DENIED" }, accepts: () => false });
    const record = put("a", 1);
    expect(named(await stream(record, put("b", 2)))).toEqual([record.dynamodb?.SequenceNumber]);
    expect(queue.size()).toBe(0);
    expect(lines.some(({ message }) => message.startsWith("deliveries not queued"))).toBe(true);
  });

  test("is queued once, however often another route causes a retry of its batch", async () => {
    const { stream, queue } = setUp({
      upsertAnswers: { a: "SINK_DENIED" },
      appendAnswers: { b: "SINK_DENIED" },
      route: { retryIn: "stream" },
    });
    for (let repeat = 0; repeat < 3; repeat += 1) {
      expect(named(await stream(put("a", 1), put("b", 2)))).toHaveLength(1);
    }
    expect(queue.size()).toBe(1);
  });

  test("is queued if its route takes longer than routeTimeoutMs", async () => {
    const hanging = scriptedSink({ writes: "upsert", name: "hanging", interrupt: () => new Promise(() => {}) });
    const queue = memoryRetryQueue({ now: Date.now });
    const logger = recordingLogger();
    const handler = pipeline("p", {
      deadLetterQueue: memoryDeadLetterQueue(),
      retryQueue: queue,
      logger,
      routeTimeoutMs: 20,
    })
      .to(hanging, () => 1)
      .handler();
    expect(named(await handler(streamEvent([put("a", 1)]), lambdaContext()))).toEqual([]);
    expect(queue.size()).toBe(1);
    expect(logger.lines.at(-1)).toMatchObject({ fields: { failures: { SINK_TIMEOUT: 1 } } });
  });
});

describe("a message that is postponed", () => {
  /** The messages that the pipeline postpones, with their age in seconds. */
  const postponedBy = (world: World) => {
    const time = { ms: 1_767_323_045_000 };
    const queue = memoryRetryQueue({ now: () => time.ms });
    const postponed: (readonly [seconds: number, isOutage: boolean])[] = [];
    const postpone: typeof queue.postpone = async (messages, random) => {
      postponed.push(...messages.map(({ ageMs, isOutage }) => [ageMs / 1_000, isOutage] as const));
      await queue.postpone(messages, random);
    };
    const clock = { now: () => time.ms, sleep: systemClock.sleep, random: () => 0 };
    const options = { retryQueue: { ...queue, postpone }, clock, ...world.options };
    return { ...setUp({ ...world, options }), queue, time, postponed, clock };
  };
  const consumeFrom = async ({
    queue,
    handle,
  }: {
    queue: MemoryRetryQueue;
    handle: (event: object) => Promise<BatchResponse>;
  }) => {
    const event = queue.receive(10);
    if (event === undefined) throw new Error("no message is visible");
    queue.acknowledge(event, new Set(named(await handle(event))));
  };

  test.each<[SinkErrorCode, boolean]>([
    ["SINK_UNAVAILABLE", true],
    ["SINK_TIMEOUT", true],
    ["SINK_DENIED", true],
    ["SINK_MISSING", true],
    ["SINK_THROTTLED", false],
    ["SINK_CONFLICT", false],
    ["SINK_UNREPORTED", false],
  ])("after %s has the age of its first failure, and waits for its target: %s", async (code, isOutage) => {
    const { stream, handle, queue, time, postponed } = postponedBy({
      upsertAnswers: { a: code },
      options: { retry: { maxAttempts: 1 } },
    });
    await stream(put("a", 1));
    time.ms += 40_000;
    await consumeFrom({ queue, handle });
    expect(postponed).toEqual([[40, isOutage]]);
  });

  test("waits for its target if it was not attempted, also if the change before it failed for its own reason", async () => {
    const { stream, handle, queue, postponed } = postponedBy({
      appendAnswers: { a: "SINK_CONFLICT" },
      options: { retry: { maxAttempts: 1 } },
    });
    await stream(put("a", 1), put("a", 2));
    await consumeFrom({ queue, handle });
    expect(postponed).toEqual([
      [0, false],
      [0, true],
    ]);
  });

  test("has the age of the message if its envelope cannot be read, and no age if the message has no time", async () => {
    const { handle, postponed, clock } = postponedBy({});
    const record = {
      messageId: "m",
      receiptHandle: "m",
      body: "no envelope",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:us-east-1:123456789012:retries.fifo",
    };
    const sentAt = (ms: number) => handle({ Records: [{ ...record, attributes: { SentTimestamp: String(ms) } }] });
    await sentAt(clock.now() - 9_000);
    await sentAt(clock.now() + 9_000);
    await handle({ Records: [record] });
    expect(postponed).toEqual([
      [9, false],
      [0, false],
      [Number.POSITIVE_INFINITY, false],
    ]);
  });
});

describe("an item with a change in the queue", () => {
  test("queues its later changes behind it at an append sink; other items are not affected", async () => {
    const { stream, consume, queue, store, appends, appendAnswers } = setUp({ appendAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1), put("b", 2));
    delete appendAnswers.a;
    await stream(put("a", 3), put("b", 4));
    expect(positions(appends.taken)).toEqual([2, 4]);
    expect([queue.size(), store.pending()]).toEqual([2, 1]);
    await consume();
    expect(positions(appends.taken)).toEqual([2, 4, 1, 3]);
    expect([queue.size(), store.pending()]).toEqual([0, 0]);
    await stream(put("a", 5));
    expect(positions(appends.taken)).toEqual([2, 4, 1, 3, 5]);
  });

  test("is delivered again after its queued change was rejected", async () => {
    const { stream, consume, store, deadLetters, appends, appendAnswers } = setUp({
      appendAnswers: { a: "SINK_DENIED" },
    });
    await stream(put("a", 1));
    appendAnswers.a = "SINK_REJECTED";
    await consume();
    expect(deadLetters.envelopes).toHaveLength(1);
    expect(store.pending()).toBe(0);
    delete appendAnswers.a;
    await stream(put("a", 2));
    expect(positions(appends.taken)).toEqual([2]);
  });

  test("is not pending at an upsert sink, where the guard discards old changes", async () => {
    const { stream, upserts, store, upsertAnswers } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    delete upsertAnswers.a;
    await stream(put("a", 2));
    expect(positions(upserts.taken)).toEqual([2]);
    expect(store.pending()).toBe(0);
  });

  test("is not pending if the queue refused its change", async () => {
    const { stream, store, appends, appendAnswers } = setUp({
      appendAnswers: { a: "SINK_DENIED" },
      accepts: () => false,
    });
    expect(named(await stream(put("a", 1)))).toHaveLength(1);
    expect(store.pending()).toBe(0);
    delete appendAnswers.a;
    expect(named(await stream(put("a", 1)))).toEqual([]);
    expect(positions(appends.taken)).toEqual([1]);
  });

  test("is not sent if the pending items cannot be read; the stream retries it if they cannot be written either", async () => {
    const store = memoryDedupe();
    const pendingItems = { ...store.pendingItems, find: () => Promise.reject(new Error("table gone")) };
    const { stream, appends, reports } = setUp({ options: { dedupeStore: { ...store, pendingItems } } });
    const unwritable = { ...pendingItems, add: () => Promise.reject(new Error("table gone")) };
    expect(named(await stream(put("a", 1)))).toEqual([]);
    const other = setUp({ options: { dedupeStore: { ...store, pendingItems: unwritable } } });
    expect(named(await other.stream(put("a", 1)))).toHaveLength(1);
    expect([appends.taken, other.appends.taken]).toEqual([[], []]);
    expect(reports()[0]).toMatchObject({ failures: { SINK_UNAVAILABLE: 1 } });
  });
});

describe("the circuit breaker of a route", () => {
  const down = Object.fromEntries(["a", "b", "c", "d"].map((pk) => [pk, "SINK_DENIED" as const]));

  test("opens after three failed batches, probes with one write, and closes after a successful probe", async () => {
    const { stream, upserts, upsertAnswers, time, queue, reports } = setUp({ upsertAnswers: { ...down } });
    for (let batch = 0; batch < 3; batch += 1) await stream(put("a", 10 * batch + 1), put("b", 10 * batch + 2));
    expect(upserts.calls).toHaveLength(3);
    await stream(put("c", 31));
    await stream(put("d", 32));
    expect(upserts.calls).toHaveLength(3);
    expect(queue.size()).toBe(8);
    expect(reports().at(-1)).toMatchObject({ queued: 1, failures: { SINK_UNAVAILABLE: 1 } });
    time.ms += 1_000;
    await stream(put("c", 41), put("d", 42));
    expect(upserts.calls).toHaveLength(4);
    time.ms += 500;
    await stream(put("c", 51));
    expect(upserts.calls).toHaveLength(4);
    for (const pk of Object.keys(upsertAnswers)) delete upsertAnswers[pk];
    time.ms += 60_000;
    await stream(put("c", 61), put("d", 62));
    await stream(put("c", 71));
    expect(positions(upserts.taken)).toEqual([61, 62, 71]);
  });

  test("does not count attempts while it is open", async () => {
    const { stream, queue } = setUp({ upsertAnswers: { ...down } });
    for (let batch = 0; batch < 3; batch += 1) await stream(put("a", 10 * batch + 1), put("b", 10 * batch + 2));
    await stream(put("c", 31));
    const attempts = (queue.receive(10)?.Records ?? []).map(
      (record) => decodeEnvelope((record as { body: string }).body)?.attempts,
    );
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 0]);
  });

  test("closes when the dedupe store is back: a store that is down says nothing about the target", async () => {
    const store = memoryDedupe();
    let isStoreDown = true;
    const find: typeof store.pendingItems.find = (...args) =>
      isStoreDown ? Promise.reject(new Error("table gone")) : store.pendingItems.find(...args);
    const { stream, appends, lines } = setUp({
      options: { dedupeStore: { ...store, pendingItems: { ...store.pendingItems, find } } },
    });
    for (let batch = 0; batch < 6; batch += 1) await stream(put("a", 10 * batch + 1), put("b", 10 * batch + 2));
    isStoreDown = false;
    await stream(put("c", 99));
    expect(positions(appends.taken)).toEqual([99]);
    expect(lines.filter(({ message }) => message.startsWith("circuit breaker"))).toEqual([]);
  });

  test("limits the second batch to two seconds if the target hangs", async () => {
    const given: number[] = [];
    const sink = scriptedSink({
      writes: "upsert",
      name: "hanging",
      answer: () => "SINK_TIMEOUT",
      interrupt: (_, { remainingMs }) => {
        given.push(remainingMs());
        return undefined;
      },
    });
    const options = {
      deadLetterQueue: memoryDeadLetterQueue(),
      logger: recordingLogger(),
      retry: { maxAttempts: 1 },
      routeTimeoutMs: 5_000,
    };
    const handler = pipeline("p", { ...options, retryQueue: memoryRetryQueue({ now: Date.now }) })
      .to(sink, () => 1)
      .handler();
    for (const position of [1, 3]) await handler(streamEvent([put("a", position), put("b", position + 1)]));
    expect(given[0]).toBeGreaterThan(2_000);
    expect(given[1]).toBeLessThanOrEqual(2_000);
  });

  test("stays closed while only one item fails: other items are written", async () => {
    const { stream, upserts } = setUp({ upsertAnswers: { a: "SINK_DENIED" } });
    for (let batch = 0; batch < 5; batch += 1) await stream(put("a", 10 * batch + 1));
    await stream(put("b", 99));
    expect(positions(upserts.taken)).toEqual([99]);
  });
});

describe("a pipeline with a retry queue is refused with an error that names the option, for", () => {
  const sink = scriptedSink({ writes: "append" });
  const queue = (keepsOrder: boolean) => memoryRetryQueue({ now: () => 0, keepsOrder });
  const base = { deadLetterQueue: memoryDeadLetterQueue(), logger: recordingLogger() };
  const to = (options: Partial<PipelineOptions<UnknownItem>>, route: RouteOptions = {}) =>
    pipeline("p", { ...base, ...options }).to(sink, () => 1, { dedupe: "none", ...route });

  test.each<[string, () => unknown, string]>([
    ["onReject: block", () => to({ onReject: "block", retryQueue: queue(true) }), "deadLetterQueue"],
    ["an object that is not a queue", () => to({ retryQueue: {} as never }), "retryQueue"],
    ["a standard queue and an append route", () => to({ retryQueue: queue(false) }), "FIFO"],
    ["an append route without pendingItems", () => to({ retryQueue: queue(true) }), "dedupeStore with pendingItems"],
    ["retryIn: queue without a queue", () => to({}, { retryIn: "queue" }), "retryQueue"],
    ["an unknown retryIn", () => to({}, { retryIn: "drop" as never }), "retryIn is drop"],
    ["a routeTimeoutMs of 0", () => to({ routeTimeoutMs: 0 }), "routeTimeoutMs is 0"],
  ])("%s", (_name, make, text) => {
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(text) }));
  });

  test("a standard queue is allowed if the append route retries in the stream", () => {
    expect(() => to({ retryQueue: queue(false) }, { retryIn: "stream" })).not.toThrow();
  });

  test.each<[string, object]>([
    ["queueUrl", { queueUrl: "retries" }],
    ["firstDelaySeconds", { firstDelaySeconds: 901 }],
    ["maxDelaySeconds", { maxDelaySeconds: 4 }],
    ["maxAgeSeconds", { maxAgeSeconds: 14 * 86_400 }],
  ])("sqsRetryQueue's %s", (option, options) => {
    const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/retries";
    expect(() => sqsRetryQueue({ queueUrl, ...options })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(option) }),
    );
  });
});

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("sqsRetryQueue on a real queue", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());
  const createQueue = async (name: string, Attributes: Record<string, string> = {}): Promise<string> =>
    (await client.createQueue({ QueueName: name, Attributes })).QueueUrl ?? "";
  const messageOf = (name: string, group: string): EnvelopeMessage => ({
    group,
    envelope: {
      v: 1,
      id: name,
      pipeline: "p",
      sink: "held",
      code: "SINK_UNAVAILABLE",
      message: "down",
      attempts: 3,
      firstFailedAt: "2026-01-02T03:04:05.000Z",
      record: put(name, 1),
    },
  });
  const receive = async (QueueUrl: string) =>
    (
      await client.receiveMessage({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      })
    ).Messages ?? [];

  test("recognises its own messages by the ARN of the queue", async () => {
    const queueUrl = await createQueue("retries");
    const { isSource } = sqsRetryQueue({ queueUrl, client });
    const { Attributes } = await client.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] });
    expect(isSource(Attributes?.QueueArn)).toBe(true);
    expect(isSource("arn:aws:sqs:us-east-1:000000000000:retries-2")).toBe(false);
    expect(isSource(undefined)).toBe(false);
  });

  test("a standard queue delays a delivery, and postpones it further after another failure", async () => {
    const queueUrl = await createQueue("delayed");
    const queue = sqsRetryQueue({ queueUrl, client, firstDelaySeconds: 4, maxDelaySeconds: 60 });
    expect(queue.keepsOrder).toBe(false);
    expect((await queue.write([messageOf("a", "a")])).stored.size).toBe(1);
    expect(await receive(queueUrl)).toEqual([]);
    let [message] = await receive(queueUrl);
    while (message === undefined) [message] = await receive(queueUrl);
    await queue.postpone([{ receiptHandle: message.ReceiptHandle ?? "", ageMs: 60_000, isOutage: false }], () => 1);
    expect(await receive(queueUrl)).toEqual([]);
    await queue.remove([message.ReceiptHandle ?? ""]);
    const { Attributes } = await client.getQueueAttributes({
      QueueUrl: queueUrl,
      AttributeNames: ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"],
    });
    expect(Attributes).toEqual({ ApproximateNumberOfMessagesNotVisible: "0", ApproximateNumberOfMessages: "0" });
  });

  test.each<[ageSeconds: number, isOutage: boolean, random: number, seconds: number]>([
    [0, true, 1, 5],
    [0, true, 0, 3],
    [60, true, 1, 15],
    [60, true, 0, 8],
    [600, true, 1, 150],
    [86_400, true, 1, 900],
    [0, false, 1, 5],
    [60, false, 1, 60],
    [60, false, 0, 30],
    [Number.POSITIVE_INFINITY, true, 1, 900],
  ])("hides a message of %s s (outage: %s, random number: %s) for %s s", async (age, isOutage, random, seconds) => {
    const asked: number[] = [];
    const changeMessageVisibilityBatch = async ({ Entries }: { readonly Entries: { VisibilityTimeout: number }[] }) => {
      asked.push(...Entries.map(({ VisibilityTimeout }) => VisibilityTimeout));
      return { Successful: [{ Id: "0" }] };
    };
    const scripted = {
      sendMessageBatch: async () => ({}),
      deleteMessageBatch: async () => ({}),
      changeMessageVisibilityBatch,
    };
    const queue = sqsRetryQueue({ queueUrl: "https://sqs.us-east-1.amazonaws.com/1/r", client: scripted });
    await queue.postpone([{ receiptHandle: "m", ageMs: age * 1_000, isOutage }], () => random);
    expect(asked).toEqual([seconds]);
  });

  test("a FIFO queue returns the messages of a group in order", async () => {
    const queueUrl = await createQueue("retries.fifo", { FifoQueue: "true" });
    const queue = sqsRetryQueue({ queueUrl, client });
    expect(queue.keepsOrder).toBe(true);
    const messages = ["a1", "b1", "a2", "a3", "b2"].map((name) => messageOf(name, name.slice(0, 1)));
    expect((await queue.write(messages)).stored.size).toBe(5);
    const seen: string[] = [];
    while (seen.length < 5) {
      for (const { Body, ReceiptHandle } of await receive(queueUrl)) {
        seen.push(decodeEnvelope(Body ?? "")?.id ?? "");
        await queue.remove([ReceiptHandle ?? ""]);
      }
    }
    expect(seen.filter((name) => name.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
    expect(seen.filter((name) => name.startsWith("b"))).toEqual(["b1", "b2"]);
  });

  test("a deleted queue stores nothing, returns the error and does not postpone", async () => {
    const queue = sqsRetryQueue({ queueUrl: `${engine.endpoint}/000000000000/gone`, client });
    const { stored, errors } = await queue.write([messageOf("a", "a"), messageOf("b", "a")]);
    expect([stored.size, errors.length]).toEqual([0, 1]);
    await expect(queue.postpone([{ receiptHandle: "x", ageMs: 0, isOutage: true }], () => 0)).rejects.toThrow();
  });

  test("does not store later messages of a group after a refused message", async () => {
    const sent: string[][] = [];
    const scripted = {
      ...client,
      sendMessageBatch: async ({ Entries }: { Entries: { Id: string; MessageBody: string }[] }) => {
        const ids = Entries.map(({ MessageBody }) => decodeEnvelope(MessageBody)?.id ?? "");
        sent.push(ids);
        const isTaken = (index: number): boolean => ids[index] !== "a2";
        return {
          Successful: Entries.filter((_, index) => isTaken(index)).map(({ Id }) => ({ Id })),
          Failed: Entries.filter((_, index) => !isTaken(index)).map(({ Id }) => ({ Id, Code: "InternalError" })),
        };
      },
    };
    const queue = sqsRetryQueue({ queueUrl: "https://sqs.us-east-1.amazonaws.com/1/r.fifo", client: scripted });
    const messages = ["a1", "a2", "a3", "b1"].map((name) => messageOf(name, name.slice(0, 1)));
    const { stored } = await queue.write(messages);
    expect([...stored].map(({ id }) => id).sort()).toEqual(["a1", "b1"]);
    expect(sent).toEqual([["a1", "b1"], ["a2"]]);
  });
});
