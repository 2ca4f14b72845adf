import { describe, expect, test } from "@jest/globals";
import { lambdaContext, memoryAppendSink, memoryUpsertSink, streamRecord } from "@sluice/testing";
import { pipeline, type RouteOptions } from "../src/index.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const record = (pk: string, revision: number, sequenceNumber: string) => ({
  ...streamRecord({ after: { pk, sk: "1", revision }, sequenceNumber, viewType: "NEW_IMAGE" }),
  eventID: `run:${pk}${revision}`,
});
const asOf = (micros: number): string => `0.${String(micros).padStart(16, "0")}`;

const event = (task: string, records: readonly unknown[], more: object = {}) => ({
  sluice: { task, ...more },
  Records: records,
});

const setUp = () => {
  const deadLetters = memoryDeadLetterQueue();
  const logger = recordingLogger();
  const good = memoryUpsertSink({ name: "good" });
  const bad = scriptedSink({
    writes: "upsert",
    name: "bad",
    answer: ({ change }) => {
      if (change.keys.pk === "refused") return "SINK_REJECTED";
      return change.keys.pk === "denied" ? "SINK_DENIED" : "delivered";
    },
  });
  const handler = pipeline("p", { deadLetterQueue: deadLetters, logger })
    .to(good, ({ after }) => after.revision)
    .to(bad, ({ after }) => after.revision)
    .handler();
  return { handler, deadLetters, good, bad, lines: logger.lines };
};

describe.each(["backfill", "replay"])("a task %s", (task) => {
  test("answers the outcome of each record by position, with the counts of each route, and fills no queue", async () => {
    const { handler, deadLetters, bad } = setUp();
    const records = ["ok", "refused", "denied"].map((pk) => record(pk, 1, asOf(1)));
    const answer = await handler(event(task, [...records, { dynamodb: {} }]), lambdaContext());
    expect(answer.batchItemFailures).toEqual([]);
    expect(answer.routes).toEqual(["good", "bad"]);
    expect(answer.outcomes).toEqual([
      { itemIdentifier: "run:ok1", outcome: "delivered" },
      {
        itemIdentifier: "run:refused1",
        outcome: "rejected",
        code: "SINK_REJECTED",
        message: expect.any(String),
        route: "bad",
      },
      {
        itemIdentifier: "run:denied1",
        outcome: "retried",
        code: "SINK_DENIED",
        message: expect.any(String),
        route: "bad",
      },
      { itemIdentifier: "", outcome: "rejected", code: "RECORD_MALFORMED", message: expect.any(String), route: "good" },
    ]);
    expect(answer.counts).toMatchObject({
      good: { received: 4, delivered: 3, rejected: 1 },
      bad: { received: 4, delivered: 1, rejected: 2, retried: 1 },
    });
    expect(deadLetters.writes).toEqual([]);
    expect(bad.breaches).toEqual([]);
  });

  test("writes only the routes that it names, and refuses a route that the pipeline does not have", async () => {
    const { handler, good, bad } = setUp();
    const answer = await handler(event(task, [record("a", 1, asOf(1))], { routes: ["bad"] }), lambdaContext());
    expect([good.items().size, bad.taken.length]).toEqual([0, 1]);
    expect(Object.keys(answer.counts ?? {})).toEqual(["bad"]);
    for (const routes of [["bad", "none"], "bad", [7]]) {
      for (const dryRun of [true, false]) {
        const refused = handler(event(task, [record("a", 1, asOf(1))], { routes, dryRun }), lambdaContext());
        await expect(refused).rejects.toMatchObject({
          code: "CONFIG_INVALID",
          message: expect.stringContaining("good, bad"),
        });
      }
    }
  });

  test("in a dry run writes nothing", async () => {
    const { handler, good } = setUp();
    await handler(event("backfill", [record("b", 1, asOf(5))]), lambdaContext());
    const { outcomes } = await handler(
      event(task, [record("a", 1, asOf(1)), record("b", 0, asOf(1))], { dryRun: true, routes: ["good"] }),
      lambdaContext(),
    );
    expect(outcomes?.map(({ outcome }) => outcome)).toEqual(["delivered", "superseded"]);
    expect(good.items().size).toBe(1);
  });

  test("does not tell the environment its table", async () => {
    const { handler } = setUp();
    const of = (tableName: string) => [streamRecord({ after: { pk: "a", sk: "1", revision: 1 }, tableName })];
    await handler(event(task, of("Other")), lambdaContext());
    await handler({ Records: of("Orders") }, lambdaContext());
    await expect(handler(event(task, of("Other")), lambdaContext())).rejects.toMatchObject({ code: "RECORD_FOREIGN" });
  });

  test("is refused with messages instead of records, and answers the routes to an event without records", async () => {
    const { handler } = setUp();
    const message = { messageId: "m", body: "{}" };
    await expect(handler(event(task, [message]), lambdaContext())).rejects.toMatchObject({ code: "RECORD_MALFORMED" });
    expect(await handler(event(task, []), lambdaContext())).toMatchObject({ outcomes: [], routes: ["good", "bad"] });
  });

  test("puts no failed delivery into the retry queue", async () => {
    const queue = memoryRetryQueue({ now: Date.now });
    const handler = pipeline("p", {
      deadLetterQueue: memoryDeadLetterQueue(),
      retryQueue: queue,
      logger: recordingLogger(),
    })
      .to(scriptedSink({ writes: "upsert", answer: () => "SINK_DENIED" }), () => 1)
      .handler();
    const { outcomes } = await handler(event(task, [record("a", 1, asOf(1))]), lambdaContext());
    expect(outcomes).toMatchObject([{ outcome: "retried", code: "SINK_DENIED" }]);
    expect(queue.size()).toBe(0);
  });

  test.each([
    [{}, 0],
    [{ origins: [task] }, 1],
  ] as const)("reaches an append route with %j %d times", async (options, times) => {
    const sink = memoryAppendSink();
    const handler = pipeline("p", { deadLetterQueue: memoryDeadLetterQueue(), logger: recordingLogger() })
      .to(sink, ({ after }) => after, { dedupe: "none", ...options } as RouteOptions)
      .handler();
    const { outcomes } = await handler(event(task, [record("a", 1, asOf(1))]), lambdaContext());
    expect(sink.sent().length).toBe(times);
    expect(outcomes).toMatchObject([{ outcome: times === 0 ? "filtered" : "delivered" }]);
  });
});

describe("the items of a backfill", () => {
  test("are older than every change of the stream, and newer than those of earlier runs", async () => {
    const { handler, good } = setUp();
    const send = async (task: "backfill" | "stream", revision: number, sequenceNumber: string) => {
      const records = [record("a", revision, sequenceNumber)];
      await handler(task === "stream" ? { Records: records } : event(task, records), lambdaContext());
      return [...good.items().values()];
    };
    expect(await send("backfill", 1, asOf(10))).toEqual([1]);
    expect(await send("backfill", 2, asOf(9))).toEqual([1]);
    expect(await send("backfill", 3, asOf(11))).toEqual([3]);
    expect(await send("stream", 4, "1")).toEqual([4]);
    expect(await send("backfill", 5, asOf(12))).toEqual([4]);
    expect(await send("backfill", 6, "1.0000000000000001")).toEqual([6]);
    expect(await send("stream", 7, "2")).toEqual([7]);
    expect(await send("backfill", 8, "1.0000000000000002")).toEqual([7]);
  });

  test("that match no filter cost no request, also if the route keeps the copies of removed items", async () => {
    const sink = memoryUpsertSink();
    const handler = pipeline<{ readonly live?: boolean }>("p", {
      deadLetterQueue: memoryDeadLetterQueue(),
      logger: recordingLogger(),
    })
      .when((item) => item.live === true)
      .to(sink, () => 1, { removes: "keep" })
      .handler();
    const { outcomes } = await handler(event("backfill", [record("a", 1, asOf(1))]), lambdaContext());
    expect(outcomes).toMatchObject([{ outcome: "filtered" }]);
    expect(sink.requests()).toBe(0);
  });
});

describe("a replay", () => {
  test("of a change that is older than tombstones are kept is rejected by an upsert route", async () => {
    const { handler } = setUp();
    const createdAt = new Date(Date.now() - 40 * 86_400_000).toISOString().replace(/\.\d+Z/, "Z");
    const old = streamRecord({ after: { pk: "a", sk: "1" }, createdAt });
    const { outcomes } = await handler(event("replay", [old]), lambdaContext());
    expect(outcomes).toMatchObject([{ outcome: "rejected", code: "RECORD_EXPIRED" }]);
  });
});
