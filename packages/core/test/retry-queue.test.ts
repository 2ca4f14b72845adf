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
import { SinkError, type StreamRecord, systemClock } from "../src/sink-kit.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });

const named = ({ batchItemFailures }: BatchResponse): string[] =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

interface World {
  /** Answers of the two sinks by partition key; delivered by default. */
  readonly upsertAnswers?: Record<string, Answer>;
  readonly appendAnswers?: Record<string, Answer>;
  readonly options?: Partial<PipelineOptions<UnknownItem>>;
  readonly route?: RouteOptions;
  readonly takes?: (envelope: Envelope) => boolean;
}

/** A pipeline with an upsert and an append route, a retry queue in memory, and a clock that stands. */
const made = ({ upsertAnswers = {}, appendAnswers = {}, options, route, takes }: World = {}) => {
  const time = { ms: 1_767_323_045_000 };
  const letters = storedEnvelopes();
  const { lines, ...logger } = keptLines();
  const queue = memoryRetryQueue({ now: () => time.ms, maxAgeMs: 3_600_000, ...(takes && { takes }) });
  const store = memoryDedupe({ now: () => time.ms });
  const answering = (answers: Record<string, Answer>) => (delivery: { change: { keys: { pk?: unknown } } }) =>
    answers[String(delivery.change.keys.pk)] ?? "delivered";
  const upserts = scriptedSink({ writes: "upsert", name: "held", answer: answering(upsertAnswers) });
  const appends = scriptedSink({ writes: "append", name: "sent", answer: answering(appendAnswers) });
  const clock = { now: () => time.ms, sleep: systemClock.sleep, random: () => 0 };
  const handler = pipeline("p", {
    deadLetterQueue: letters,
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
  /** One receive of the queue, as Lambda does it. */
  const consume = async () => {
    const event = queue.receive(10);
    if (event === undefined) return undefined;
    const answer = await handler(event, lambdaContext());
    queue.conclude(event, new Set(named(answer)));
    return answer;
  };
  const reports = (): InvocationReport[] =>
    lines.filter(({ message }) => message.startsWith("batch")).map(({ fields }) => fields as never);
  return {
    time,
    letters,
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
  test("goes to the queue, and the stream moves on", async () => {
    const { stream, queue, reports } = made({ upsertAnswers: { a: "SINK_DENIED" } });
    expect(named(await stream(put("a", 1), put("b", 2)))).toEqual([]);
    expect(queue.size()).toBe(1);
    expect(reports()).toMatchObject([
      { reported: 0, queued: 1, routes: { held: { retried: 1, delivered: 1 }, sent: { delivered: 2 } } },
    ]);
  });

  test("comes from the queue to the sink that failed and to no other, and leaves it", async () => {
    const { stream, consume, queue, upserts, appends, upsertAnswers, reports } = made({
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

  test("waits for longer each time it fails, and is superseded when something newer has arrived", async () => {
    const { stream, consume, queue, time, upsertAnswers } = made({ upsertAnswers: { a: "SINK_DENIED" } });
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

  test("that is too old becomes a dead letter with its first failure's time and all its attempts", async () => {
    const { stream, consume, queue, letters, time } = made({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    const firstFailedAt = new Date(time.ms).toISOString();
    await consume();
    time.ms += 3_600_001;
    expect(named((await consume()) as BatchResponse)).toEqual([]);
    expect(queue.size()).toBe(0);
    expect(letters.envelopes).toMatchObject([{ sink: "held", code: "SINK_DENIED", attempts: 3, firstFailedAt }]);
    expect(letters.envelopes[0]?.record).toEqual(put("a", 1));
  });

  test("keeps on its way to the dead letters what a later version of us has put in its envelope", async () => {
    const { stream, consume, queue, letters, time } = made({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    const event = queue.receive(1) as { readonly Records: readonly { readonly body: string }[] };
    queue.conclude(event, new Set());
    const envelope = { ...JSON.parse(event.Records[0]?.body ?? "{}"), region: "eu-1" };
    await queue.write([{ envelope, group: "a" }]);
    time.ms += 3_600_001;
    await consume();
    expect(letters.envelopes).toEqual([{ ...envelope, attempts: 2 }]);
  });

  test.each<[string, Partial<Envelope>]>([
    ["of a route that is gone", { sink: "gone" }],
    ["of another pipeline", { pipeline: "q" }],
    ["of a record that is kept where nothing answers", { recordUrl: "s3://bucket/claim" }],
  ])("%s stays in the queue, and becomes a dead letter as it is when it is too old", async (_name, members) => {
    const letters = storedEnvelopes();
    const payloadStore = {
      put: async () => "",
      get: () => Promise.reject(new SinkError("SINK_DENIED", "[s3] denied")),
      remove: () => Promise.reject(new Error("its dead letter claims it")),
    };
    const { consume, queue, lines, time } = made({ options: { deadLetterQueue: { ...letters, payloadStore } } });
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
    expect(letters.envelopes).toEqual([envelope]);
    const warnings = lines.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warnings).toEqual(["messages not read, they stay where they are", "dead letter"]);
  });

  test("that the target rejects at last becomes a dead letter at once", async () => {
    const { stream, consume, queue, letters, upsertAnswers } = made({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    upsertAnswers.a = "SINK_REJECTED";
    await consume();
    expect(queue.size()).toBe(0);
    expect(letters.envelopes).toMatchObject([{ code: "SINK_REJECTED" }]);
  });

  test("stays in the queue where its dead letter cannot be stored", async () => {
    const { stream, consume, queue, time } = made({
      upsertAnswers: { a: "SINK_DENIED" },
      options: { deadLetterQueue: { write: () => Promise.reject(new Error("gone")) } },
    });
    await stream(put("a", 1));
    time.ms += 3_600_001;
    expect(named((await consume()) as BatchResponse)).toHaveLength(1);
    expect(queue.size()).toBe(1);
  });

  test("comes again from the stream where the queue does not take it, and is not lost", async () => {
    const { stream, queue, lines } = made({ upsertAnswers: { a: "SINK_DENIED" }, takes: () => false });
    const record = put("a", 1);
    expect(named(await stream(record, put("b", 2)))).toEqual([record.dynamodb?.SequenceNumber]);
    expect(queue.size()).toBe(0);
    expect(lines.some(({ message }) => message.startsWith("deliveries not queued"))).toBe(true);
  });

  test("is spilled once, however often another route brings its batch", async () => {
    const { stream, queue } = made({
      upsertAnswers: { a: "SINK_DENIED" },
      appendAnswers: { b: "SINK_DENIED" },
      route: { retryIn: "stream" },
    });
    for (let repeat = 0; repeat < 3; repeat += 1) {
      expect(named(await stream(put("a", 1), put("b", 2)))).toHaveLength(1);
    }
    expect(queue.size()).toBe(1);
  });

  test("is the rest of a route that takes longer than routeTimeoutMs", async () => {
    const hanging = scriptedSink({ writes: "upsert", name: "hanging", interrupt: () => new Promise(() => {}) });
    const queue = memoryRetryQueue({ now: Date.now });
    const logger = keptLines();
    const handler = pipeline("p", { deadLetterQueue: storedEnvelopes(), retryQueue: queue, logger, routeTimeoutMs: 20 })
      .to(hanging, () => 1)
      .handler();
    expect(named(await handler(streamEvent([put("a", 1)]), lambdaContext()))).toEqual([]);
    expect(queue.size()).toBe(1);
    expect(logger.lines[0]).toMatchObject({ fields: { failures: { SINK_TIMEOUT: 1 } } });
  });
});

describe("an item with a change in the queue", () => {
  test("has its later changes pending behind it at an append sink, and no other item", async () => {
    const { stream, consume, queue, store, appends, appendAnswers } = made({ appendAnswers: { a: "SINK_DENIED" } });
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

  test("goes on after its change is rejected", async () => {
    const { stream, consume, store, letters, appends, appendAnswers } = made({ appendAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    appendAnswers.a = "SINK_REJECTED";
    await consume();
    expect(letters.envelopes).toHaveLength(1);
    expect(store.pending()).toBe(0);
    delete appendAnswers.a;
    await stream(put("a", 2));
    expect(positions(appends.taken)).toEqual([2]);
  });

  test("is not pending at an upsert sink: the guard sorts it out", async () => {
    const { stream, upserts, store, upsertAnswers } = made({ upsertAnswers: { a: "SINK_DENIED" } });
    await stream(put("a", 1));
    delete upsertAnswers.a;
    await stream(put("a", 2));
    expect(positions(upserts.taken)).toEqual([2]);
    expect(store.pending()).toBe(0);
  });

  test("is unmarked where the queue refused its change, so that it is no longer held up than its sink is", async () => {
    const { stream, store, appends, appendAnswers } = made({ appendAnswers: { a: "SINK_DENIED" }, takes: () => false });
    expect(named(await stream(put("a", 1)))).toHaveLength(1);
    expect(store.pending()).toBe(0);
    delete appendAnswers.a;
    expect(named(await stream(put("a", 1)))).toEqual([]);
    expect(positions(appends.taken)).toEqual([1]);
  });

  test("sends nothing where the marks cannot be read, and the stream brings it again", async () => {
    const store = memoryDedupe();
    const pendingItems = { ...store.pendingItems, find: () => Promise.reject(new Error("table gone")) };
    const { stream, appends, reports } = made({ options: { dedupeStore: { ...store, pendingItems } } });
    const unmarkable = { ...pendingItems, add: () => Promise.reject(new Error("table gone")) };
    expect(named(await stream(put("a", 1)))).toEqual([]);
    const other = made({ options: { dedupeStore: { ...store, pendingItems: unmarkable } } });
    expect(named(await other.stream(put("a", 1)))).toHaveLength(1);
    expect([appends.taken, other.appends.taken]).toEqual([[], []]);
    expect(reports()[0]).toMatchObject({ failures: { SINK_UNAVAILABLE: 1 } });
  });
});

describe("an outage of a target", () => {
  const down = Object.fromEntries(["a", "b", "c", "d"].map((pk) => [pk, "SINK_DENIED" as const]));

  test("is left alone after three batches, probed by one write, and healed by it", async () => {
    const { stream, upserts, upsertAnswers, time, queue, reports } = made({ upsertAnswers: { ...down } });
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

  test("says that nothing was attempted", async () => {
    const { stream, queue } = made({ upsertAnswers: { ...down } });
    for (let batch = 0; batch < 3; batch += 1) await stream(put("a", 10 * batch + 1), put("b", 10 * batch + 2));
    await stream(put("c", 31));
    const attempts = (queue.receive(10)?.Records ?? []).map(
      (record) => decodeEnvelope((record as { body: string }).body)?.attempts,
    );
    expect(attempts).toEqual([1, 1, 1, 1, 1, 1, 0]);
  });

  test("costs the second batch of a target that hangs two seconds and no more", async () => {
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
      deadLetterQueue: storedEnvelopes(),
      logger: keptLines(),
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

  test("is no outage where one item fails: the others are written", async () => {
    const { stream, upserts } = made({ upsertAnswers: { a: "SINK_DENIED" } });
    for (let batch = 0; batch < 5; batch += 1) await stream(put("a", 10 * batch + 1));
    await stream(put("b", 99));
    expect(positions(upserts.taken)).toEqual([99]);
  });
});

describe("a pipeline with a retry queue is refused by name", () => {
  const sink = scriptedSink({ writes: "append" });
  const queue = (keepsOrder: boolean) => memoryRetryQueue({ now: () => 0, keepsOrder });
  const base = { deadLetterQueue: storedEnvelopes(), logger: keptLines() };
  const to = (options: Partial<PipelineOptions<UnknownItem>>, route: RouteOptions = {}) =>
    pipeline("p", { ...base, ...options }).to(sink, () => 1, { dedupe: "none", ...route });

  test.each<[string, () => unknown, string]>([
    ["dead letters that block", () => to({ onReject: "block", retryQueue: queue(true) }), "deadLetterQueue"],
    ["something that is no queue", () => to({ retryQueue: {} as never }), "retryQueue"],
    ["a standard queue and an append route", () => to({ retryQueue: queue(false) }), "FIFO"],
    ["an append route and no marks", () => to({ retryQueue: queue(true) }), "dedupeStore with pendingItems"],
    ["a route that spills nowhere", () => to({}, { retryIn: "queue" }), "retryQueue"],
    ["an unknown retryIn", () => to({}, { retryIn: "drop" as never }), "retryIn is drop"],
    ["no time at all", () => to({ routeTimeoutMs: 0 }), "routeTimeoutMs is 0"],
  ])("%s", (_name, make, text) => {
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(text) }));
  });

  test("but not where the append route blocks", () => {
    expect(() => to({ retryQueue: queue(false) }, { retryIn: "stream" })).not.toThrow();
  });

  test.each<[string, object]>([
    ["queueUrl", { queueUrl: "retries" }],
    ["firstDelaySeconds", { firstDelaySeconds: 901 }],
    ["maxDelaySeconds", { maxDelaySeconds: 5 }],
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
  const made = async (name: string, Attributes: Record<string, string> = {}): Promise<string> =>
    (await client.createQueue({ QueueName: name, Attributes })).QueueUrl ?? "";
  const letter = (name: string, group: string): EnvelopeMessage => ({
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

  test("knows its own messages by their queue's ARN", async () => {
    const queueUrl = await made("retries");
    const { isSource } = sqsRetryQueue({ queueUrl, client });
    const { Attributes } = await client.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] });
    expect(isSource(Attributes?.QueueArn)).toBe(true);
    expect(isSource("arn:aws:sqs:us-east-1:000000000000:retries-2")).toBe(false);
    expect(isSource(undefined)).toBe(false);
  });

  test("a standard queue holds a delivery back, and hides it for longer when it fails again", async () => {
    const queueUrl = await made("delayed");
    const queue = sqsRetryQueue({ queueUrl, client, firstDelaySeconds: 1, maxDelaySeconds: 60 });
    expect(queue.keepsOrder).toBe(false);
    expect((await queue.write([letter("a", "a")])).stored.size).toBe(1);
    expect(await receive(queueUrl)).toEqual([]);
    let [message] = await receive(queueUrl);
    while (message === undefined) [message] = await receive(queueUrl);
    await queue.postpone([{ receiptHandle: message.ReceiptHandle ?? "", receiveCount: 9 }], () => 1);
    expect(await receive(queueUrl)).toEqual([]);
    await queue.remove([message.ReceiptHandle ?? ""]);
    const { Attributes } = await client.getQueueAttributes({
      QueueUrl: queueUrl,
      AttributeNames: ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"],
    });
    expect(Attributes).toEqual({ ApproximateNumberOfMessagesNotVisible: "0", ApproximateNumberOfMessages: "0" });
  });

  test("a FIFO queue brings the letters of a group in order", async () => {
    const queueUrl = await made("retries.fifo", { FifoQueue: "true" });
    const queue = sqsRetryQueue({ queueUrl, client });
    expect(queue.keepsOrder).toBe(true);
    const letters = ["a1", "b1", "a2", "a3", "b2"].map((name) => letter(name, name.slice(0, 1)));
    expect((await queue.write(letters)).stored.size).toBe(5);
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

  test("a queue that is gone stores nothing and says why, and does not postpone", async () => {
    const queue = sqsRetryQueue({ queueUrl: `${engine.endpoint}/000000000000/gone`, client });
    const { stored, errors } = await queue.write([letter("a", "a"), letter("b", "a")]);
    expect([stored.size, errors.length]).toEqual([0, 1]);
    await expect(queue.postpone([{ receiptHandle: "x", receiveCount: 1 }], () => 0)).rejects.toThrow();
  });

  test("stores nothing of a group after a letter that was refused", async () => {
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
    const letters = ["a1", "a2", "a3", "b1"].map((name) => letter(name, name.slice(0, 1)));
    const { stored } = await queue.write(letters);
    expect([...stored].map(({ id }) => id).sort()).toEqual(["a1", "b1"]);
    expect(sent).toEqual([["a1", "b1"], ["a2"]]);
  });
});
