import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { type Envelope, encodeEnvelope } from "../src/envelope.ts";
import { pipeline } from "../src/index.ts";
import { type Delivery, delivered, superseded } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number) => streamRecord({ after: { pk, sk: "1", position }, position });

const bodyOf = (pk: string, position: number, changes: Partial<Envelope> = {}): string =>
  encodeEnvelope({
    v: 1,
    id: `${pk}${position}`,
    pipeline: "p",
    sink: "held",
    code: "SINK_REJECTED",
    message: "",
    attempts: 1,
    firstFailedAt: "2026-01-02T03:04:05.000Z",
    record: put(pk, position),
    ...changes,
  });

const task = (bodies: readonly string[], dryRun?: boolean) => ({
  sluice: { task: "redrive", ...(dryRun && { dryRun }) },
  Records: bodies.map((body, index) => ({ messageId: `m${index}`, body })),
});

const setUp = (answers: Record<string, Answer> = {}) => {
  const deadLetters = memoryDeadLetterQueue();
  const logger = recordingLogger();
  const sink = scriptedSink({
    writes: "upsert",
    name: "held",
    answer: ({ change }) => answers[String(change.keys.pk)] ?? "delivered",
  });
  const handler = pipeline("p", { deadLetterQueue: deadLetters, logger })
    .to(sink, ({ after, keys }) => {
      if (keys.pk === "unmappable") throw new Error("no");
      return after.position;
    })
    .handler();
  return { handler, deadLetters, sink, lines: logger.lines };
};

describe("a redrive task", () => {
  test("returns the outcome of each message, and names the messages that stay in the queue", async () => {
    const { handler, deadLetters } = setUp({ b: "SINK_REJECTED", c: "SINK_DENIED" });
    await handler(streamEvent([put("e", 9)]), lambdaContext());
    const bodies = [
      bodyOf("a", 1),
      bodyOf("b", 1),
      bodyOf("c", 1),
      bodyOf("unmappable", 1),
      bodyOf("e", 1),
      bodyOf("f", 1, { pipeline: "q" }),
    ];
    const answer = await handler(task(bodies), lambdaContext());
    expect(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(["m1", "m2", "m3", "m5"]);
    expect(answer.outcomes).toEqual([
      { itemIdentifier: "m0", outcome: "delivered" },
      { itemIdentifier: "m1", outcome: "rejected", code: "SINK_REJECTED", message: "[scripted] SINK_REJECTED" },
      { itemIdentifier: "m2", outcome: "retried", code: "SINK_DENIED", message: "[scripted] SINK_DENIED" },
      { itemIdentifier: "m3", outcome: "rejected", code: "MAPPING_FAILED", message: expect.any(String) },
      { itemIdentifier: "m4", outcome: "superseded" },
      { itemIdentifier: "m5", outcome: "retried", code: "RECORD_MALFORMED", message: expect.any(String) },
    ]);
    expect(deadLetters.writes).toEqual([]);
  });

  test("is refused if its event is a stream batch or its name is unknown", async () => {
    const { handler } = setUp();
    const events = [
      { sluice: { task: "redrive" }, Records: [put("a", 1)] },
      { sluice: { task: "explode" }, Records: [] },
    ];
    for (const event of events) {
      await expect(handler(event, lambdaContext())).rejects.toMatchObject({ code: "RECORD_MALFORMED" });
    }
  });
});

describe("an answer", () => {
  test("names the routes in the pipeline's order, also to an event without messages", async () => {
    const handler = ["parents", "children", "a"]
      .reduce(
        (one, name) => one.to(scriptedSink({ writes: "upsert", name }), () => 1),
        pipeline("p", { onReject: "block", logger: recordingLogger() }),
      )
      .handler();
    const routes = ["parents", "children", "a"];
    for (const dryRun of [true, false]) {
      const answer = { batchItemFailures: [], outcomes: [], routes };
      expect(await handler(task([], dryRun), lambdaContext())).toEqual(answer);
      expect(await handler(task([bodyOf("a", 1, { sink: "a" })], dryRun), lambdaContext())).toMatchObject({ routes });
    }
    expect(await handler({ Records: [] }, lambdaContext())).toEqual({ batchItemFailures: [] });
  });

  test("names the route of a message that the pipeline does not have, and leaves the message in its queue", async () => {
    const { handler, sink } = setUp();
    for (const dryRun of [true, false]) {
      const { outcomes } = await handler(task([bodyOf("a", 1, { sink: "old\n" })], dryRun), lambdaContext());
      expect(outcomes).toMatchObject([{ outcome: "retried", code: "RECORD_UNROUTED" }]);
      expect(outcomes?.[0]?.message).toMatch(/route "old\\n"; expected a route of this pipeline: "held"\./);
    }
    expect(sink.calls).toEqual([]);
  });
});

describe("many small messages with large records", () => {
  const { record: _, ...rest } = JSON.parse(bodyOf("bomb", 1)) as Envelope;
  const bombOf = (megabytes: number): string => {
    const json = JSON.stringify({ ...put("big", 1), filler: "x".repeat(megabytes * 2 ** 20) });
    return JSON.stringify({ ...rest, recordGzip: gzipSync(json).toString("base64") });
  };
  const codesOf = async (bodies: readonly string[]) => {
    const { outcomes = [] } = await setUp().handler(task(bodies), lambdaContext());
    return outcomes.map(({ outcome, code }) => code ?? outcome);
  };

  test("are read as far as one event may decompress; the others stay in their queue", async () => {
    const codes = await codesOf(Array(100).fill(bombOf(7)));
    expect(codes.filter((code) => code !== "RECORD_MALFORMED").length).toBeLessThanOrEqual(6);
    expect(new Set(codes)).toEqual(new Set(["delivered", "superseded", "RECORD_MALFORMED"]));
  });

  test("are all read if they are the largest records that fit one event", async () => {
    expect(await codesOf(Array(6).fill(bombOf(7)))).not.toContain("RECORD_MALFORMED");
  });

  test("that are too large use up the event's budget, too", async () => {
    const codes = await codesOf([...Array(20).fill(bombOf(9)), bombOf(1)]);
    expect(codes).toEqual(Array(21).fill("RECORD_MALFORMED"));
  });
});

describe("a dry run", () => {
  test("returns the expected outcomes without a write, a journal entry or a log line", async () => {
    const { handler, sink, deadLetters, lines } = setUp();
    const answer = await handler(task([bodyOf("a", 1), bodyOf("unmappable", 1)], true), lambdaContext());
    expect(answer).toEqual({
      batchItemFailures: [],
      outcomes: [
        { itemIdentifier: "m0", outcome: "delivered", isUnchecked: true },
        { itemIdentifier: "m1", outcome: "rejected", code: "MAPPING_FAILED", message: expect.any(String) },
      ],
      routes: ["held"],
    });
    expect([sink.calls, deadLetters.writes, lines]).toEqual([[], [], []]);
  });

  test("asks a sink that supports dry runs", async () => {
    const asked: Delivery[] = [];
    const { name, supports, write } = scriptedSink({ writes: "upsert", name: "held" });
    const dryRun = async (batch: readonly Delivery[]) => {
      asked.push(...batch);
      return batch.map((delivery) => (delivery.change.keys.pk === "a" ? superseded(delivery) : delivered(delivery)));
    };
    const handler = pipeline("p", { onReject: "block", logger: recordingLogger() })
      .to({ name, supports, write, dryRun }, () => 1)
      .handler();
    const { outcomes } = await handler(task([bodyOf("a", 1), bodyOf("b", 1)], true), lambdaContext());
    expect(outcomes).toEqual([
      { itemIdentifier: "m0", outcome: "superseded" },
      { itemIdentifier: "m1", outcome: "delivered" },
    ]);
    expect(asked).toHaveLength(2);
  });

  test("marks what an append sink would send: its dry run can only encode", async () => {
    const { name, supports, write } = scriptedSink({ writes: "append", name: "held" });
    const dryRun = async (batch: readonly Delivery[]) => batch.map((delivery) => delivered(delivery));
    const handler = pipeline("p", { onReject: "block", logger: recordingLogger() })
      .to({ name, supports, write, dryRun }, () => 1, { dedupe: "none" })
      .handler();
    const { outcomes } = await handler(task([bodyOf("a", 1)], true), lambdaContext());
    expect(outcomes).toEqual([{ itemIdentifier: "m0", outcome: "delivered", isUnchecked: true }]);
  });
});
