import { describe, expect, test } from "@jest/globals";
import { lambdaContext, memoryDedupe, sqsEvent, streamEvent, streamRecord } from "@sluice/testing";
import { defaultRetryPolicy } from "../src/async/backoff.ts";
import { deadlineOf } from "../src/async/deadline.ts";
import { leasingSink } from "../src/delivery/leasing-sink.ts";
import { type Route, sharedRoutes } from "../src/delivery/route.ts";
import { routeWorker } from "../src/delivery/route-worker.ts";
import { type Envelope, encodeEnvelope } from "../src/envelope.ts";
import { type DedupeStore, type PipelineOptions, pipeline, type RouteOptions, type UnknownItem } from "../src/index.ts";
import { receive } from "../src/intake/received.ts";
import { type Dedupe, type Origin, type Sink, SinkError, type StreamRecord } from "../src/sink-kit.ts";
import { fixedClock, instantClock, manualClock } from "./clocks.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { reception } from "./reception.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Script, scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });
const batch = ["a", "b", "c", "d"].map((pk, index) => put(pk, index + 1));

interface Parts extends Partial<PipelineOptions<UnknownItem>> {
  readonly script?: Partial<Script<"append">>;
  readonly supports?: object;
  readonly route?: RouteOptions;
}

/** A pipeline "p" with one append route "sent". */
const setUp = ({ script, supports, route, ...options }: Parts = {}) => {
  const lines = recordingLogger();
  const deadLetters = memoryDeadLetterQueue();
  const sink = scriptedSink({ writes: "append", name: "sent", ...script });
  const rejects = options.onReject === undefined ? { deadLetterQueue: deadLetters } : { onReject: options.onReject };
  const base = { ...rejects, logger: lines, clock: instantClock().clock, ...options };
  const built = pipeline("p", base).to(
    { ...sink, supports: { ...sink.supports, ...supports } },
    ({ keys }) => keys.pk,
    route,
  );
  return { built, handler: built.handler(), sink, deadLetters, lines: lines.lines };
};

const sentBy = ({ taken }: { taken: readonly { change: { keys: { pk?: unknown } } }[] }): unknown[] =>
  taken.map(({ change }) => change.keys.pk);

const store = (): DedupeStore => memoryDedupe();

describe("the dedupe mode of a route", () => {
  test.each<[string, Dedupe, Parts]>([
    ["on-failure by default", "on-failure", { dedupeStore: store() }],
    ["native if the target discards repeats", "native", { supports: { dedupesForMs: 300_000 } }],
    ["the mode of the sink", "always", { supports: { dedupe: "always", dedupesForMs: 1 }, dedupeStore: store() }],
    [
      "the mode of the route",
      "on-failure",
      { supports: { dedupesForMs: 1 }, route: { dedupe: "on-failure" }, dedupeStore: store() },
    ],
    ["none if the route says so", "none", { route: { dedupe: "none" } }],
    ["none for an upsert sink", "none", { supports: { writes: "upsert" } }],
  ])("is %s", (_name, expected, parts) => {
    expect(setUp(parts).built.routes[0]?.dedupe).toBe(expected);
  });

  test.each<[string, string, Parts]>([
    ["no store and no mode", 'dedupe: "none"', {}],
    ["always without a store", "dedupeStore", { route: { dedupe: "always" } }],
    ["native on a target that does not discard repeats", "native", { route: { dedupe: "native" } }],
    ["an unknown mode", "dedupe", { route: { dedupe: "often" as Dedupe }, dedupeStore: store() }],
    ["any mode for an upsert sink", "upsert", { supports: { writes: "upsert" }, route: { dedupe: "none" } }],
    ["an object that is not a store", "dedupeStore", { dedupeStore: {} as DedupeStore }],
    ["an empty list of origins", "origins", { route: { dedupe: "none", origins: [] } }],
    ["an unknown origin", "origins", { route: { dedupe: "none", origins: ["archive" as "replay"] } }],
  ])("is refused: %s", (_name, option, parts) => {
    expect(() => setUp(parts)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(() => setUp(parts)).toThrow(option);
  });
});

describe("on-failure", () => {
  const failing = (pk: string, code: "SINK_DENIED" | "SINK_REJECTED"): Partial<Script<"append">> => ({
    answer: ({ change }, attempt) => (change.keys.pk === pk && attempt === 1 ? code : "delivered"),
  });

  test("reads the journal once for each batch, and does not write to it while every delivery succeeds", async () => {
    const dedupeStore = memoryDedupe();
    const { handler } = setUp({ dedupeStore });
    await handler(streamEvent(batch));
    await handler(streamEvent(batch.slice(0, 1)));
    expect(dedupeStore.counts()).toMatchObject({ finds: 2, notes: 0, leases: 0 });
  });

  test("writes down the deliveries behind the first failed record, and counts them as superseded on the retry", async () => {
    const dedupeStore = memoryDedupe();
    const { handler, sink, lines } = setUp({ dedupeStore, script: failing("b", "SINK_DENIED") });
    await handler(streamEvent(batch));
    expect(dedupeStore.counts().notes).toBe(2);
    expect(await handler(streamEvent(batch.slice(1)))).toEqual({ batchItemFailures: [] });
    expect(sentBy(sink)).toEqual(["a", "c", "d", "b"]);
    expect(lines.at(-1)?.fields.routes).toMatchObject({ sent: { received: 3, delivered: 1, superseded: 2 } });
    expect(dedupeStore.counts().notes).toBe(2);
  });

  test("does not send a dead-lettered delivery again while its batch is retried", async () => {
    const answer: Script<"append">["answer"] = ({ change }, attempt) => {
      if (change.keys.pk === "c" && attempt === 1) return "SINK_REJECTED";
      return change.keys.pk === "a" && attempt === 1 ? "SINK_DENIED" : "delivered";
    };
    const { handler, sink, deadLetters } = setUp({ dedupeStore: store(), script: { answer } });
    await handler(streamEvent(batch));
    await handler(streamEvent(batch));
    expect(sentBy(sink)).toEqual(["b", "d", "a"]);
    expect(deadLetters.envelopes).toHaveLength(1);
  });

  test("does not write down a rejected delivery whose dead letter was not stored", async () => {
    const { handler, sink } = setUp({
      dedupeStore: store(),
      onReject: "block",
      script: failing("b", "SINK_REJECTED"),
    });
    await handler(streamEvent(batch));
    await handler(streamEvent(batch.slice(1)));
    expect(sentBy(sink)).toEqual(["a", "c", "d", "b"]);
  });

  test("writes down the whole batch if a bug in another sink fails the invocation", async () => {
    const bug: Sink<unknown, "upsert"> = {
      name: "bug",
      supports: { writes: "upsert" },
      write: () => Promise.reject(new TypeError("a bug")),
    };
    const dedupeStore = memoryDedupe();
    const { built, sink } = setUp({ dedupeStore });
    await expect(built.to(bug, () => 1).handler()(streamEvent(batch))).rejects.toThrow("a bug");
    await built.handler()(streamEvent(batch));
    expect(sentBy(sink)).toEqual(["a", "b", "c", "d"]);
  });

  test("neither reads nor writes the journal for a redrive", async () => {
    const dedupeStore = memoryDedupe();
    const { handler, sink } = setUp({ dedupeStore, script: failing("b", "SINK_DENIED") });
    const envelopes = batch.map(
      (record): Envelope => ({
        v: 1,
        id: String(record.eventID),
        pipeline: "p",
        sink: "sent",
        code: "SINK_REJECTED",
        message: "",
        attempts: 1,
        firstFailedAt: "2026-01-02T03:04:05.000Z",
        record,
      }),
    );
    await handler(sqsEvent(envelopes.map((envelope) => encodeEnvelope(envelope))));
    expect(sentBy(sink)).toEqual(["a", "c", "d"]);
    expect(dedupeStore.counts()).toMatchObject({ finds: 0, notes: 0 });
  });

  test("delivers if the journal does not answer before the deadline, and logs a warning", async () => {
    const hanging: DedupeStore = {
      ...store(),
      journal: { find: async () => new Set(), note: () => new Promise(() => {}) },
    };
    const { clock, advance } = manualClock();
    const { handler, lines } = setUp({ dedupeStore: hanging, clock, script: failing("b", "SINK_DENIED") });
    const answered = handler(streamEvent(batch), lambdaContext({ remainingMs: 10_000 }));
    for (let second = 0; second < 11; second += 1) await advance(1_000);
    const { batchItemFailures } = await answered;
    expect(batchItemFailures).toHaveLength(1);
    const warning = lines.find(({ message }) => message.startsWith("journal not written"));
    expect(warning?.fields).toMatchObject({ pipeline: "p", route: "sent", notes: 2 });
  });

  test("does not wait past the deadline for a read of the journal that is not answered", async () => {
    const hanging: DedupeStore = { ...store(), journal: { find: () => new Promise(() => {}), note: async () => {} } };
    const { clock, advance } = manualClock();
    const { handler, sink, lines } = setUp({ dedupeStore: hanging, clock });
    const answered = handler(streamEvent(batch), lambdaContext({ remainingMs: 10_000 }));
    for (let second = 0; second < 11; second += 1) await advance(1_000);
    expect((await answered).batchItemFailures).toHaveLength(batch.length);
    expect(sink.calls).toEqual([]);
    expect(lines[0]?.message).toBe("journal not read, repeats are sent again");
  });
});

describe("always", () => {
  const route: RouteOptions = { dedupe: "always" };

  test("acquires the leases, sends one request and completes the leases", async () => {
    const dedupeStore = memoryDedupe();
    const { handler, sink } = setUp({ dedupeStore, route });
    await handler(streamEvent(batch));
    expect(sink.calls).toHaveLength(1);
    expect(dedupeStore.counts()).toEqual({ finds: 0, notes: 0, leases: 4, completions: 4, releases: 0 });
  });

  test("does not send a batch again that was sent, and counts it as superseded", async () => {
    const { handler, sink, lines } = setUp({ dedupeStore: store(), route });
    await handler(streamEvent(batch));
    await handler(streamEvent(batch));
    expect(sentBy(sink)).toEqual(["a", "b", "c", "d"]);
    expect(lines.at(-1)?.fields.routes).toMatchObject({ sent: { superseded: 4 } });
  });

  test("releases the leases if the sink throws any error", async () => {
    // After a bug, the deliveries are attempted one by one.
    for (const [error, attempts] of [
      [new SinkError("SINK_DENIED", "[sent] denied"), 1],
      [new TypeError("a bug"), 2],
    ] as const) {
      const dedupeStore = memoryDedupe();
      const { handler } = setUp({ dedupeStore, route, script: { interrupt: () => Promise.reject(error) } });
      await handler(streamEvent(batch)).catch(() => undefined);
      const count = 4 * attempts;
      expect(dedupeStore.counts()).toMatchObject({ leases: count, completions: 0, releases: count });
    }
  });

  test("retries a delivery whose lease another invocation holds, and sends the other items", async () => {
    const dedupeStore = memoryDedupe();
    await dedupeStore.leases.acquire({ pipeline: "p", route: "sent" }, `${batch[1]?.eventID}:p:sent`, 60_000);
    const { handler, sink, lines } = setUp({ dedupeStore, route });
    const { batchItemFailures } = await handler(streamEvent(batch));
    expect(batchItemFailures).toEqual([{ itemIdentifier: batch[1]?.dynamodb?.SequenceNumber }]);
    expect(sentBy(sink)).toEqual(["a", "c", "d"]);
    expect(lines.at(-1)?.fields.failures).toEqual({ SINK_CONFLICT: 1 });
  });

  test("neither sends nor rejects a delivery whose lease cannot be acquired", async () => {
    const leases = { ...memoryDedupe().leases, acquire: () => Promise.reject(new Error("the store is down")) };
    const { handler, sink, deadLetters } = setUp({ dedupeStore: { ...store(), leases }, route });
    expect((await handler(streamEvent(batch))).batchItemFailures).toHaveLength(4);
    expect([sink.calls, deadLetters.envelopes]).toEqual([[], []]);
  });

  test("releases its leases if the deadline passes before it can send", async () => {
    const { clock, advance } = manualClock();
    const dedupeStore = memoryDedupe();
    const slow: DedupeStore = {
      ...dedupeStore,
      leases: {
        ...dedupeStore.leases,
        acquire: async (...args) => {
          await clock.sleep(9_500, new AbortController().signal);
          return dedupeStore.leases.acquire(...args);
        },
      },
    };
    const { handler, sink } = setUp({ dedupeStore: slow, route, clock });
    const answered = handler(streamEvent(batch), lambdaContext({ remainingMs: 10_000 }));
    for (let step = 0; step < 50; step += 1) await advance(500);
    expect((await answered).batchItemFailures).toHaveLength(4);
    expect(sink.calls).toEqual([]);
    expect(dedupeStore.counts()).toMatchObject({ leases: 4, completions: 0, releases: 4 });
  });

  test("closes the sink that it wraps, if the sink has a close method", async () => {
    let closed = 0;
    const close = async (): Promise<void> => {
      closed += 1;
    };
    const sink = scriptedSink({ writes: "append" });
    const leasing = {
      leases: store().leases,
      id: { pipeline: "p", route: "sent" },
      logger: recordingLogger(),
      clock: fixedClock,
    };
    await leasingSink({ ...sink, close }, leasing).close?.();
    await leasingSink(sink, leasing).close?.();
    expect(closed).toBe(1);
  });
});

describe("origins", () => {
  const played = async (origin: Origin, route: RouteOptions, supports: object = {}) => {
    const { built, sink, lines } = setUp({ route, supports, dedupeStore: store() });
    const clock = fixedClock;
    const [only] = sharedRoutes(built.routes as readonly Route[]);
    if (only === undefined) throw new Error("the pipeline has no route");
    const settings = {
      name: "p",
      clock,
      retry: defaultRetryPolicy,
      logger: recordingLogger(),
      dedupeStore: undefined,
      writeRetries: undefined,
      storeDeadLetters: undefined,
      routeTimeoutMs: 10_000,
      retryQueue: undefined,
    };
    const received = batch.map((record, source) => receive(record, { source, origin, envelope: undefined }, reception));
    const deadline = deadlineOf(undefined, undefined, clock);
    const event = { kind: "stream", records: batch, task: undefined } as const;
    const invocation = { event, origin, received, deadline, startedAt: clock.now() };
    const { results } = await routeWorker(only, settings).deliver(invocation);
    return { outcomes: [...results.values()].map(({ outcome }) => outcome), sent: sink.taken.length, lines };
  };
  const none: RouteOptions = { dedupe: "none" };

  test.each<[Origin, number]>([
    ["stream", 4],
    ["retry", 4],
    ["redrive", 4],
    ["backfill", 0],
    ["replay", 0],
  ])("from a %s an append sink receives %i of 4 records", async (origin, count) => {
    const { sent, outcomes } = await played(origin, none);
    expect(sent).toBe(count);
    expect(new Set(outcomes)).toEqual(new Set([count === 0 ? "filtered" : "delivered"]));
  });

  test("a route that accepts only a backfill also accepts a redrive of its own dead letters", async () => {
    const route: RouteOptions = { ...none, origins: ["backfill"] };
    const sent = async (origin: Origin) => (await played(origin, route)).sent;
    expect(await Promise.all([sent("backfill"), sent("redrive"), sent("stream")])).toEqual([4, 4, 0]);
  });

  test("an upsert sink accepts every origin", async () => {
    expect((await played("backfill", {}, { writes: "upsert" })).outcomes).toEqual(batch.map(() => "delivered"));
  });
});
