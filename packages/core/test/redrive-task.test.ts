import { describe, expect, test } from "@jest/globals";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { type Envelope, encodeEnvelope } from "../src/envelope.ts";
import { pipeline } from "../src/index.ts";
import { type Delivery, delivered, superseded } from "../src/sink-kit.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";
import { keptLines, storedEnvelopes } from "./stored-envelopes.ts";

const put = (pk: string, position: number) => streamRecord({ after: { pk, sk: "1", position }, position });

const letter = (pk: string, position: number, changes: Partial<Envelope> = {}): string =>
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

const made = (answers: Record<string, Answer> = {}) => {
  const letters = storedEnvelopes();
  const logger = keptLines();
  const sink = scriptedSink({
    writes: "upsert",
    name: "held",
    answer: ({ change }) => answers[String(change.keys.pk)] ?? "delivered",
  });
  const handler = pipeline("p", { deadLetterQueue: letters, logger })
    .to(sink, ({ after, keys }) => {
      if (keys.pk === "unmappable") throw new Error("no");
      return after.position;
    })
    .handler();
  return { handler, letters, sink, lines: logger.lines };
};

describe("a redrive that was asked for", () => {
  test("is answered with each message's outcome, and with those that stay", async () => {
    const { handler, letters } = made({ b: "SINK_REJECTED", c: "SINK_DENIED" });
    await handler(streamEvent([put("e", 9)]), lambdaContext());
    const bodies = [
      letter("a", 1),
      letter("b", 1),
      letter("c", 1),
      letter("unmappable", 1),
      letter("e", 1),
      letter("f", 1, { pipeline: "q" }),
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
    expect(letters.writes).toEqual([]);
  });

  test("of a stream batch, or of an unknown task, is refused", async () => {
    const { handler } = made();
    const events = [
      { sluice: { task: "redrive" }, Records: [put("a", 1)] },
      { sluice: { task: "explode" }, Records: [] },
    ];
    for (const event of events) {
      await expect(handler(event, lambdaContext())).rejects.toMatchObject({ code: "RECORD_MALFORMED" });
    }
  });
});

describe("a dry run", () => {
  test("says what would be, and writes, notes and logs nothing", async () => {
    const { handler, sink, letters, lines } = made();
    const answer = await handler(task([letter("a", 1), letter("unmappable", 1)], true), lambdaContext());
    expect(answer).toEqual({
      batchItemFailures: [],
      outcomes: [
        { itemIdentifier: "m0", outcome: "delivered" },
        { itemIdentifier: "m1", outcome: "rejected", code: "MAPPING_FAILED", message: expect.any(String) },
      ],
    });
    expect([sink.calls, letters.writes, lines]).toEqual([[], [], []]);
  });

  test("asks a sink that can look", async () => {
    const peeked: Delivery[] = [];
    const { name, supports, write } = scriptedSink({ writes: "upsert", name: "held" });
    const dryRun = async (batch: readonly Delivery[]) => {
      peeked.push(...batch);
      return batch.map((delivery) => (delivery.change.keys.pk === "a" ? superseded(delivery) : delivered(delivery)));
    };
    const handler = pipeline("p", { onReject: "block", logger: keptLines() })
      .to({ name, supports, write, dryRun }, () => 1)
      .handler();
    const { outcomes } = await handler(task([letter("a", 1), letter("b", 1)], true), lambdaContext());
    expect(outcomes?.map(({ outcome }) => outcome)).toEqual(["superseded", "delivered"]);
    expect(peeked).toHaveLength(2);
  });
});
