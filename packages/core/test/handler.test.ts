import { channel } from "node:diagnostics_channel";
import { describe, expect, jest, test } from "@jest/globals";
import { lambdaContext, sqsEvent, streamEvent, streamRecord } from "@sluice/testing";
import { type Envelope, encodeEnvelope, type StreamRecord } from "../src/envelope.ts";
import {
  type BatchResponse,
  type DeadLetterQueue,
  type PipelineOptions,
  pipeline,
  reportChannel,
  type UnknownItem,
} from "../src/index.ts";
import { fixedClock, manualClock } from "./clocks.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, type Script, type ScriptedSink, scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });
const batch = [put("a", 1), put("b", 2), put("c", 3)];
const idOf = (record: StreamRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? "";
const named = ({ batchItemFailures }: BatchResponse): string[] =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

const answering =
  (answers: { readonly [pk: string]: Answer }) =>
  ({ change }: { change: { keys: { pk?: unknown } } }): Answer =>
    answers[String(change.keys.pk)] ?? "delivered";

interface Parts extends Partial<PipelineOptions<UnknownItem>> {
  readonly first?: Partial<Script<"upsert">>;
  readonly second?: Partial<Script<"append">>;
}

/** Adds a dead-letter queue for rejected records, unless the given options have `onReject`. */
const rejectsTo = (
  deadLetters: DeadLetterQueue,
  { onReject }: Parts,
): { deadLetterQueue: DeadLetterQueue } | { onReject: "block" } =>
  onReject === undefined ? { deadLetterQueue: deadLetters } : { onReject };

/** A pipeline "p" with an upsert route "first" and an append route "second". */
const setUp = ({ first, second, ...options }: Parts = {}) => {
  const deadLetters = memoryDeadLetterQueue();
  const logger = recordingLogger();
  const upserts = scriptedSink({ writes: "upsert", name: "first", ...first });
  const appends = scriptedSink({ writes: "append", name: "second", ...second });
  const handler = pipeline("p", { ...rejectsTo(deadLetters, options), logger, clock: fixedClock, ...options })
    .to(upserts, ({ after }) => after.pk)
    .to(appends, ({ keys }) => keys.pk, { dedupe: "none" })
    .handler();
  return { handler, deadLetters, lines: logger.lines, upserts, appends };
};

const envelope = (changes: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: "id",
  pipeline: "p",
  sink: "second",
  code: "SINK_REJECTED",
  message: "",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: put("a", 1),
  ...changes,
});

const takenBy = (sink: ScriptedSink<"upsert" | "append">): unknown[] => sink.taken.map(({ change }) => change.keys.pk);

describe("the event", () => {
  test.each([
    ["undefined", undefined],
    ["null", null],
    ["an object without Records", { records: [] }],
    ["Records that are not an array", { Records: {} }],
    ["a Kinesis batch", { Records: [{ eventSource: "aws:kinesis", kinesis: { data: "" } }] }],
    ["an SNS event", { Records: [{ EventSource: "aws:sns", Sns: {} }] }],
    ["a stream record beside an SQS message", { Records: [put("a", 1), sqsEvent(["x"]).Records[0]] }],
    ["a record that is null", { Records: [null] }],
    ["an EventBridge event", { source: "aws.s3", detail: {} }],
  ])("of an unknown shape throws: %s", async (_name, event) => {
    const { handler, upserts } = setUp();
    await expect(handler(event, lambdaContext())).rejects.toMatchObject({ code: "RECORD_MALFORMED" });
    expect(upserts.calls).toEqual([]);
  });

  test("without records succeeds and writes nothing", async () => {
    const { handler, upserts, deadLetters } = setUp();
    expect(await handler(streamEvent([]), lambdaContext())).toEqual({ batchItemFailures: [] });
    expect([upserts.calls, deadLetters.writes]).toEqual([[], []]);
  });

  test("of EventBridge Pipes is a bare array, and its response names event ids", async () => {
    const { handler, upserts, deadLetters } = setUp({ first: { answer: answering({ a: "SINK_REJECTED" }) } });
    const failing = setUp({ first: { answer: answering({ b: "SINK_DENIED", c: "SINK_DENIED" }) } });
    expect(await handler(batch, lambdaContext())).toEqual({ batchItemFailures: [] });
    expect(takenBy(upserts)).toEqual(["b", "c"]);
    const ids = batch.slice(1).map(({ eventID }) => ({ itemIdentifier: eventID }));
    expect(await failing.handler(batch, lambdaContext())).toEqual({ batchItemFailures: ids });
    const letters = sqsEvent([...deadLetters.envelopes.map(encodeEnvelope), "no envelope"]).Records;
    expect(await handler(letters, lambdaContext())).toEqual({
      batchItemFailures: letters.map(({ messageId }) => ({ itemIdentifier: messageId })),
    });
    expect(await handler([], lambdaContext())).toEqual({ batchItemFailures: [] });
    await expect(handler([1], lambdaContext())).rejects.toMatchObject({ code: "RECORD_MALFORMED" });
  });

  test("is handled without a Lambda context", async () => {
    const { handler, upserts } = setUp();
    expect(await handler(streamEvent(batch))).toEqual({ batchItemFailures: [] });
    expect(takenBy(upserts)).toEqual(["a", "b", "c"]);
  });
});

describe("the response", () => {
  test("names the records that any route must retry, once each and in order", async () => {
    const { handler } = setUp({
      first: { answer: answering({ c: "SINK_DENIED", b: "SINK_DENIED" }) },
      second: { answer: answering({ b: "SINK_MISSING" }) },
    });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual([idOf(batch[1]), idOf(batch[2])]);
  });

  test("names every record if all failed, and does not throw", async () => {
    const { handler } = setUp({ first: { answer: () => "SINK_UNAVAILABLE" } });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual(batch.map(idOf));
  });

  test("is a new object each time, so that a caller cannot change a later response", async () => {
    const { handler } = setUp();
    const first = await handler(streamEvent(batch), lambdaContext());
    first.batchItemFailures.push({ itemIdentifier: "changed" });
    expect(await handler(streamEvent(batch), lambdaContext())).toEqual({ batchItemFailures: [] });
    expect(await setUp().handler(streamEvent(batch), lambdaContext())).toEqual({ batchItemFailures: [] });
  });

  test.each([
    ["no", undefined],
    ["an empty", ""],
    ["a null", null],
  ])("fails the whole batch if a record must be retried and has %s sequence number", async (_name, SequenceNumber) => {
    const unnumbered = { ...batch[1], dynamodb: { ...batch[1]?.dynamodb, SequenceNumber } } as StreamRecord;
    const { handler } = setUp({ onReject: "block" });
    await expect(handler(streamEvent([put("a", 1), unnumbered]), lambdaContext())).rejects.toMatchObject({
      code: "RECORD_MALFORMED",
    });
  });

  test("is an error after a bug in a sink, but the dead letters of the other route are stored", async () => {
    const { handler, deadLetters } = setUp({
      first: { interrupt: () => Promise.reject(new TypeError("a bug")) },
      second: { answer: answering({ a: "SINK_REJECTED" }) },
    });
    await expect(handler(streamEvent(batch), lambdaContext())).rejects.toThrow("a bug");
    expect(deadLetters.envelopes.map(({ sink }) => sink)).toEqual(["second"]);
  });
});

describe("isolation", () => {
  test("a sink that is down does not affect the other sink", async () => {
    const { handler, appends } = setUp({ first: { answer: () => "SINK_UNAVAILABLE" } });
    await handler(streamEvent(batch), lambdaContext());
    expect(takenBy(appends)).toEqual(["a", "b", "c"]);
  });

  test("a sink that hangs does not affect the other sink, and is abandoned at the deadline", async () => {
    const { clock, advance } = manualClock();
    const { handler, appends } = setUp({ clock, first: { interrupt: () => new Promise(() => {}) } });
    const answer = handler(streamEvent(batch), lambdaContext({ remainingMs: 10_000 }));
    await advance(9_000);
    expect(takenBy(appends)).toEqual(["a", "b", "c"]);
    await advance(200);
    expect(named(await answer)).toEqual(batch.map(idOf));
  });

  test("a rejected change delays neither other changes nor the batch", async () => {
    const { handler, deadLetters, upserts } = setUp({ first: { answer: answering({ a: "SINK_REJECTED" }) } });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual([]);
    expect(takenBy(upserts)).toEqual(["b", "c"]);
    expect(deadLetters.envelopes).toHaveLength(1);
  });

  test.each<[string, (record: StreamRecord) => unknown]>([
    ["no keys", ({ dynamodb: { Keys: _, ...dynamodb } = {}, ...record }) => ({ ...record, dynamodb })],
    ["a key that is null", (record) => ({ ...record, dynamodb: { ...record.dynamodb, Keys: { pk: null } } })],
    ["no dynamodb", ({ dynamodb: _, ...record }) => record],
    ["no sequence number", (record) => ({ ...record, dynamodb: { ...record.dynamodb, SequenceNumber: undefined } })],
  ])("a record with %s is dead-lettered for every route, and other records are delivered", async (_name, damage) => {
    const { handler, deadLetters, upserts } = setUp();
    const malformed = damage(put("x", 9));
    const answer = await handler(streamEvent([put("a", 1), malformed as StreamRecord, put("c", 3)]), lambdaContext());
    expect(named(answer)).toEqual([]);
    expect(takenBy(upserts)).toEqual(["a", "c"]);
    expect(deadLetters.envelopes.map(({ sink, code }) => [sink, code])).toEqual([
      ["first", "RECORD_MALFORMED"],
      ["second", "RECORD_MALFORMED"],
    ]);
    expect(deadLetters.envelopes[0]?.record).toEqual(malformed);
  });
});

describe("a dead letter", () => {
  test("holds the whole record and all fields that a redrive needs", async () => {
    const { handler, deadLetters } = setUp({ second: { answer: answering({ b: "SINK_TOO_LARGE" }) } });
    await handler(streamEvent(batch), lambdaContext());
    expect(deadLetters.envelopes).toEqual([
      {
        v: 1,
        id: `${batch[1]?.eventID}:p:second`,
        pipeline: "p",
        sink: "second",
        code: "SINK_TOO_LARGE",
        message: "[scripted] SINK_TOO_LARGE",
        attempts: 1,
        firstFailedAt: "2026-01-02T03:04:05.000Z",
        record: batch[1],
      },
    ]);
  });

  test("of a record whose mapper threw has no attempts", async () => {
    const deadLetters = memoryDeadLetterQueue();
    const handler = pipeline("p", { deadLetterQueue: deadLetters, logger: recordingLogger() })
      .to(scriptedSink({ writes: "upsert" }), () => {
        throw new Error("confidential");
      })
      .handler();
    await handler(streamEvent(batch.slice(0, 1)), lambdaContext());
    expect(deadLetters.envelopes).toMatchObject([{ code: "MAPPING_FAILED", attempts: 0 }]);
    expect(JSON.stringify(deadLetters.envelopes[0]?.message)).not.toContain("confidential");
  });

  test("that is not stored causes a retry of only its record", async () => {
    const { handler, lines } = setUp({
      first: { answer: answering({ a: "SINK_REJECTED", b: "SINK_REJECTED" }) },
      deadLetterQueue: memoryDeadLetterQueue(({ record }) => idOf(record) !== idOf(batch[0])),
    });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual([idOf(batch[0])]);
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "dead letter"],
      ["warn", "dead letters not stored"],
      ["warn", "deliveries to be retried"],
      ["warn", "batch finished with failures"],
    ]);
  });

  test("is retried with its record if the dead-letter queue throws, which is logged once", async () => {
    const deadLetterQueue: DeadLetterQueue = { write: () => Promise.reject(new Error("queue deleted")) };
    const { handler, lines, upserts } = setUp({
      deadLetterQueue,
      first: { answer: answering({ b: "SINK_REJECTED" }) },
    });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual([idOf(batch[1])]);
    expect(lines[0]).toMatchObject({ fields: { first: "Error: queue deleted", errors: 1 } });
    expect(takenBy(upserts)).toEqual(["a", "c"]);
  });

  test("does not delay the response past the deadline if the dead-letter queue never answers", async () => {
    const { clock, advance } = manualClock();
    const deadLetterQueue: DeadLetterQueue = { write: () => new Promise(() => {}) };
    const { handler } = setUp({ clock, deadLetterQueue, first: { answer: answering({ b: "SINK_REJECTED" }) } });
    const answer = handler(streamEvent(batch), lambdaContext({ remainingMs: 10_000 }));
    await advance(9_749);
    await advance(1);
    expect(named(await answer)).toEqual([idOf(batch[1])]);
  });

  test("is written in the order of the batch, in several requests, so that a batch of bad records makes progress", async () => {
    const many = Array.from({ length: 250 }, (_, index) => put(`item-${index}`, index + 1));
    const { clock, advance } = manualClock();
    const stored: string[] = [];
    const slow: DeadLetterQueue = {
      write: async (envelopes) => {
        await clock.sleep(6_000, new AbortController().signal);
        stored.push(...envelopes.map(({ record }) => idOf(record)));
        return { stored: new Set(envelopes), errors: [] };
      },
    };
    const { handler } = setUp({ clock, deadLetterQueue: slow, first: { answer: () => "SINK_REJECTED" } });
    const answer = handler(streamEvent(many), lambdaContext({ remainingMs: 10_000 }));
    await advance(6_000);
    await advance(3_750);
    expect(stored).toEqual(many.slice(0, 100).map(idOf));
    expect(named(await answer)).toEqual(many.slice(100).map(idOf));
  });

  test("is not written again by the same environment while its batch is retried for another reason", async () => {
    const { handler, deadLetters } = setUp({
      first: { answer: answering({ a: "SINK_REJECTED" }) },
      second: { answer: (_, attempt) => (attempt < 3 ? "SINK_DENIED" : "delivered") },
    });
    for (const expected of [batch.map(idOf), batch.map(idOf), []]) {
      expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual(expected);
    }
    expect(deadLetters.envelopes).toHaveLength(1);
  });

  test("is written once for a record that is in a batch twice, and neither copy is retried", async () => {
    const { handler, deadLetters } = setUp({ second: { answer: answering({ a: "SINK_REJECTED" }) } });
    expect(named(await handler(streamEvent([put("a", 1), put("a", 1)]), lambdaContext()))).toEqual([]);
    expect(deadLetters.envelopes).toHaveLength(1);
  });

  test("is written for each of several records without an id", async () => {
    const { handler, deadLetters } = setUp();
    const withoutId = (pk: string) => ({ eventSource: "aws:dynamodb", dynamodb: { Keys: { pk: { S: pk } } } });
    await handler({ Records: [withoutId("a")] }, lambdaContext());
    await handler({ Records: [withoutId("b")] }, lambdaContext());
    expect(deadLetters.envelopes.map(({ record }) => record.dynamodb?.Keys?.pk)).toEqual([
      { S: "a" },
      { S: "a" },
      { S: "b" },
      { S: "b" },
    ]);
  });
});

describe('a pipeline with onReject: "block"', () => {
  test("retries a rejected record, and writes no dead letter for it", async () => {
    const { handler, deadLetters } = setUp({ onReject: "block", first: { answer: answering({ b: "SINK_REJECTED" }) } });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toEqual([idOf(batch[1])]);
    expect(deadLetters.writes).toEqual([]);
  });
});

describe("a batch of dead letters from SQS", () => {
  const messageId = (index: number): string | undefined => sqsEvent(["", "", "", ""]).Records[index]?.messageId;

  test("goes only to the sink that failed, as a redrive", async () => {
    const { handler, upserts, appends } = setUp();
    const answer = await handler(sqsEvent([encodeEnvelope(envelope())]), lambdaContext());
    expect(named(answer)).toEqual([]);
    expect(upserts.calls).toEqual([]);
    expect(appends.taken.map(({ change }) => change.origin)).toEqual(["redrive"]);
  });

  test("stays in its queue if it fails again, whether it is rejected or retried", async () => {
    const { handler, deadLetters } = setUp({
      second: { answer: answering({ a: "SINK_REJECTED", b: "SINK_DENIED" }) },
    });
    const bodies = [envelope(), envelope({ record: put("b", 2) }), envelope({ record: put("c", 3) })];
    const answer = await handler(sqsEvent(bodies), lambdaContext());
    expect(named(answer)).toEqual([messageId(0), messageId(1)]);
    expect(deadLetters.writes).toEqual([]);
  });

  test("stays in its queue even if onReject is block, or the record is malformed", async () => {
    const { handler } = setUp({ onReject: "block", second: { answer: answering({ a: "SINK_REJECTED" }) } });
    const bodies = [envelope(), envelope({ record: {} }), envelope({ record: put("c", 3) })];
    expect(named(await handler(sqsEvent(bodies), lambdaContext()))).toEqual([messageId(0), messageId(1)]);
  });

  test.each<[string, unknown]>([
    ["text that is not JSON", "hello"],
    ["JSON that is not an envelope", { hello: 1 }],
    ["JSON null", "null"],
    ["an unknown version", { ...envelope(), v: 2 }],
    ["a null record", { ...envelope(), record: null }],
    ["the envelope of another pipeline", envelope({ pipeline: "q" })],
    ["the name of a removed sink", envelope({ sink: "third" })],
    ["a broken archive", { ...envelope(), record: undefined, recordGzip: "AAAA" }],
  ])("a message with %s stays in its queue and is not delivered", async (_name, body) => {
    const { handler, upserts, appends, deadLetters, lines } = setUp();
    const event = sqsEvent([body, encodeEnvelope(envelope({ record: put("b", 2) }))]);
    expect(named(await handler(event, lambdaContext()))).toEqual([messageId(0)]);
    expect([upserts.calls, takenBy(appends), deadLetters.writes]).toEqual([[], ["b"], []]);
    expect(lines[0]).toMatchObject({ level: "warn", fields: { messages: 1 } });
  });

  test("is superseded and deleted if a newer change was delivered", async () => {
    const { handler, upserts } = setUp();
    await handler(streamEvent([put("a", 5)]), lambdaContext());
    const body = encodeEnvelope(envelope({ sink: "first", record: put("a", 1) }));
    expect(named(await handler(sqsEvent([body]), lambdaContext()))).toEqual([]);
    expect(upserts.taken.map(({ change }) => change.sequenceNumber)).toEqual([idOf(put("a", 5))]);
  });
});

describe("a Lambda environment", () => {
  test("keeps concurrent invocations apart", async () => {
    const { handler } = setUp({ first: { answer: answering({ x: "SINK_DENIED" }) } });
    const other = [put("x", 8), put("y", 9)];
    const answers = await Promise.all([
      handler(streamEvent(batch), lambdaContext()),
      handler(streamEvent(other), lambdaContext()),
      handler(streamEvent(batch), lambdaContext()),
    ]);
    expect(answers.map(named)).toEqual([[], [idOf(other[0])], []]);
  });

  test("keeps no state of a failed invocation", async () => {
    const { handler } = setUp({ first: { answer: (_, attempt) => (attempt < 2 ? "SINK_DENIED" : "delivered") } });
    expect(named(await handler(streamEvent(batch), lambdaContext()))).toHaveLength(3);
    expect(await handler(streamEvent(batch), lambdaContext())).toEqual({ batchItemFailures: [] });
  });

  test("reports the undelivered records at the deadline, and leaves no timer", async () => {
    const { clock, advance, sleepers } = manualClock();
    const interrupt: Script<"append">["interrupt"] = async (deliveries) => {
      await clock.sleep(400, new AbortController().signal);
      return deliveries.map((delivery) => ({ delivery, outcome: "delivered" }));
    };
    const { handler } = setUp({ clock, second: { maxEntries: 1, interrupt } });
    const answer = handler(streamEvent(batch), lambdaContext({ remainingMs: 1_000 }));
    for (let step = 0; step < 10; step += 1) await advance(100);
    expect(named(await answer)).toEqual([idOf(batch[2])]);
    expect(sleepers()).toBe(0);
  });

  test("has no timer left after a failed invocation", async () => {
    const { clock, sleepers, advance } = manualClock();
    const { handler } = setUp({ clock, first: { interrupt: () => Promise.reject(new TypeError("a bug")) } });
    await expect(handler(streamEvent(batch), lambdaContext())).rejects.toThrow("a bug");
    await advance(0);
    expect(sleepers()).toBe(0);
  });
});

describe("telemetry", () => {
  test("a batch without failures is one log line, whatever its size", async () => {
    const { handler, lines } = setUp();
    const many = Array.from({ length: 300 }, (_, index) => put(`item-${index}`, index + 1));
    await handler(streamEvent(many), lambdaContext({ awsRequestId: "request-1" }));
    const counts = { received: 300, delivered: 300 };
    expect(lines).toEqual([
      {
        level: "info",
        message: "batch finished",
        fields: {
          pipeline: "p",
          origin: "stream",
          records: 300,
          reported: 0,
          queued: 0,
          durationMs: 0,
          routes: { first: counts, second: counts },
          failures: {},
          requestId: "request-1",
        },
      },
    ]);
  });

  test("failures are counted by code, and subscribers of the channel receive the report", async () => {
    const received: unknown[] = [];
    const listen = (report: unknown): void => {
      received.push(report);
    };
    channel(reportChannel).subscribe(listen);
    const { handler, lines } = setUp({ first: { answer: answering({ a: "SINK_REJECTED", b: "SINK_DENIED" }) } });
    await handler(streamEvent(batch), lambdaContext());
    channel(reportChannel).unsubscribe(listen);
    expect(lines).toMatchObject([
      { level: "warn", message: "dead letter", fields: { sink: "first", code: "SINK_REJECTED", attempts: 1 } },
      {
        level: "warn",
        message: "deliveries to be retried",
        fields: {
          pipeline: "p",
          sink: "first",
          code: "SINK_DENIED",
          records: 1,
          queued: 0,
          reason: "[scripted] SINK_DENIED",
        },
      },
      {
        level: "warn",
        fields: {
          reported: 1,
          failures: { SINK_REJECTED: 1, SINK_DENIED: 1 },
          routes: { first: { received: 3, delivered: 1, rejected: 1, retried: 1 } },
        },
      },
    ]);
    expect(received).toMatchObject([{ pipeline: "p", records: 3 }]);
  });

  test("the reason of a retry is one line for each route and code, whatever their number", async () => {
    const { handler, lines } = setUp({
      first: { answer: ({ change }) => (String(change.keys.pk) < "item-50" ? "SINK_MISSING" : "SINK_DENIED") },
      second: { answer: () => "SINK_MISSING" },
    });
    await handler(
      streamEvent(Array.from({ length: 80 }, (_, index) => put(`item-${index + 10}`, index + 1))),
      lambdaContext(),
    );
    const retried = lines.filter(({ message }) => message === "deliveries to be retried");
    expect(retried.map(({ fields }) => [fields.sink, fields.code, fields.records]).sort()).toEqual([
      ["first", "SINK_DENIED", 40],
      ["first", "SINK_MISSING", 40],
      ["second", "SINK_MISSING", 80],
    ]);
  });

  test("the reason of a retry is logged, too, if the whole invocation fails", async () => {
    const { handler, lines } = setUp({ first: { answer: () => "SINK_MISSING" } });
    const letter = encodeEnvelope(envelope({ sink: "first" }));
    const answer = handler({ Records: [{ Sns: { Message: letter } }] }, lambdaContext());
    await expect(answer).rejects.toThrow();
    expect(lines).toContainEqual(expect.objectContaining({ message: "deliveries to be retried" }));
  });

  test("a route that received nothing is not in the line, but in the report", async () => {
    const received: unknown[] = [];
    const listen = (report: unknown): void => void received.push(report);
    const { handler, lines, deadLetters } = setUp({ second: { answer: answering({ a: "SINK_REJECTED" }) } });
    await handler(streamEvent(batch), lambdaContext());
    const letter = encodeEnvelope(deadLetters.envelopes[0] as Envelope);
    channel(reportChannel).subscribe(listen);
    await handler(sqsEvent([letter]), lambdaContext());
    channel(reportChannel).unsubscribe(listen);
    expect(Object.keys(lines.at(-1)?.fields.routes as object)).toEqual(["second"]);
    expect(received).toMatchObject([{ routes: { first: { received: 0, delivered: 0 } } }]);
  });

  test("Powertools' Logger writes one line of JSON by default", async () => {
    const written: string[] = [];
    const spy = jest.spyOn(console, "info").mockImplementation((line) => void written.push(String(line)));
    const development = process.env.POWERTOOLS_DEV;
    process.env.POWERTOOLS_DEV = "true";
    const handler = pipeline("orders", { onReject: "block" })
      .to(scriptedSink({ writes: "upsert" }), () => 1)
      .handler();
    await handler(streamEvent(batch), lambdaContext());
    spy.mockRestore();
    if (development === undefined) delete process.env.POWERTOOLS_DEV;
    else process.env.POWERTOOLS_DEV = development;
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ service: "orders", message: "batch finished", records: 3 });
  });
});
