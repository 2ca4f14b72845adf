import { describe, expect, test } from "@jest/globals";
import { lambdaContext, memoryDedupe, streamEvent, streamRecord } from "@sluice/testing";
import { defaultRetryPolicy } from "../src/async/backoff.ts";
import { deadlineOf } from "../src/async/deadline.ts";
import { CircuitBreaker } from "../src/delivery/circuit-breaker.ts";
import type { SharedRoute } from "../src/delivery/route.ts";
import { routeWorker } from "../src/delivery/route-worker.ts";
import type { EnvelopeMessage } from "../src/envelope/envelope-message.ts";
import { storeResultOf } from "../src/envelope/store-result.ts";
import type { Envelope, StreamRecord } from "../src/envelope.ts";
import { PendingError, UntriedError } from "../src/errors.ts";
import { pipeline } from "../src/index.ts";
import { receive } from "../src/intake/received.ts";
import {
  type Change,
  DeadlineError,
  type Delivery,
  type DeliveryError,
  failed as failedResult,
  type Origin,
  type Sink,
  SinkError,
  type SinkErrorCode,
} from "../src/sink-kit.ts";
import { fixedClock, settle } from "./clocks.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { reception } from "./reception.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const put = (pk: string, position: number): StreamRecord =>
  streamRecord({ after: { pk, sk: "1", position }, position });

const envelopeOf = (record: StreamRecord): Envelope => ({
  v: 1,
  id: `${record.eventID}:scripted`,
  pipeline: "p",
  sink: "scripted",
  code: "SINK_UNAVAILABLE",
  message: "",
  attempts: 1,
  firstFailedAt: new Date(fixedClock.now()).toISOString(),
  record,
});

/** Creates a worker whose append sink fails every delivery with this code, and the list of queued messages. */
const failingWorker = (code: SinkErrorCode) => {
  const queued: EnvelopeMessage[] = [];
  const sink = scriptedSink({ writes: "append", answer: () => code });
  const route: SharedRoute = {
    name: "scripted",
    idSuffix: ":p:scripted",
    removesUnmatched: false,
    referenceWaits: { inQueue: 900_000, inStream: 60_000 },
    tombstones: "always" as const,
    removals: { byTtl: "delete", otherwise: "delete" } as const,
    others: [],
    before: [],
    sink: sink as Sink<unknown>,
    map: ({ keys }) => keys,
    mapsItself: false,
    predicate: undefined,
    accepts: undefined,
    schema: undefined,
    dedupe: "none",
    origins: new Set<Origin>(["stream", "retry"]),
    retryIn: "queue",
  };
  const worker = routeWorker(route, {
    name: "p",
    clock: fixedClock,
    logger: recordingLogger(),
    retry: { ...defaultRetryPolicy, maxAttempts: 1 },
    dedupeStore: memoryDedupe(),
    writeRetries: async (messages) => {
      queued.push(...messages);
      return { stored: new Set(messages.map(({ envelope }) => envelope)), errors: [] };
    },
    storeDeadLetters: undefined,
    routeTimeoutMs: 10_000,
    retryQueue: undefined,
  });
  const deliver = (origin: Origin, records: readonly StreamRecord[]) => {
    const received = records.map((record, source) =>
      receive(record, { source, origin, envelope: origin === "retry" ? envelopeOf(record) : undefined }, reception),
    );
    const event = { kind: origin === "retry" ? "queue" : "stream", records, task: undefined } as const;
    const deadline = deadlineOf(undefined, undefined, fixedClock);
    return worker.deliver({ event, origin, received, deadline, startedAt: fixedClock.now() });
  };
  return { deliver, sink, queued };
};

describe("a route worker", () => {
  test("queues the messages of an item in the order of its versions, even if the batch is out of order", async () => {
    const { deliver, queued } = failingWorker("SINK_DENIED");
    const { results } = await deliver("stream", [put("a", 3), put("b", 2), put("a", 1)]);
    const positions = queued.map(({ envelope }) => envelope.record.dynamodb?.NewImage?.position);
    expect(positions).toEqual([{ N: "1" }, { N: "2" }, { N: "3" }]);
    expect([...results.values()].map(({ outcome, isQueued }) => [outcome, isQueued])).toEqual(
      Array.from({ length: 3 }, () => ["retried", true]),
    );
  });

  test("opens its circuit breaker for batches of the retry queue too", async () => {
    const { deliver, sink } = failingWorker("SINK_UNAVAILABLE");
    for (const batch of [1, 2, 3]) await deliver("retry", [put("a", batch), put("b", batch + 10)]);
    const writes = sink.calls.length;
    const { results } = await deliver("retry", [put("a", 4), put("b", 14)]);
    expect(sink.calls).toHaveLength(writes);
    expect([...results.values()].map(({ outcome }) => outcome)).toEqual(["retried", "retried"]);
  });
});

test("writes the dead letters of several routes in the order of the batch", async () => {
  const deadLetterQueue = memoryDeadLetterQueue();
  const refuse = (refused: string) => (change: { keys: { pk?: unknown } }) => {
    if (change.keys.pk === refused) throw new Error("refused");
    return change.keys.pk;
  };
  const handler = pipeline("p", { deadLetterQueue, logger: recordingLogger(), clock: fixedClock })
    .to(scriptedSink({ writes: "upsert", name: "first" }), refuse("b"))
    .to(scriptedSink({ writes: "upsert", name: "second" }), refuse("a"))
    .handler();
  await handler(streamEvent([put("a", 1), put("b", 2)]), lambdaContext());
  expect(deadLetterQueue.envelopes.map(({ sink }) => sink)).toEqual(["second", "first"]);
});

test("writes no envelope after the deadline's last call", async () => {
  let writes = 0;
  const { stored, errors } = await storeResultOf(async () => {
    writes += 1;
    return { stored: new Set(), errors: [] };
  }, AbortSignal.abort());
  expect([writes, stored.size, errors.length]).toEqual([0, 0, 1]);
});

describe("a route's circuit breaker", () => {
  const entry = (pk: string, position: number) => {
    const { change } = receive(put(pk, position), { source: 0, origin: "stream", envelope: undefined }, reception);
    if (change === undefined) throw new Error("the record has no change");
    return { position, change };
  };
  const entries = [entry("a", 1), entry("b", 2)];
  const failure = new SinkError("SINK_UNAVAILABLE", "[scripted] down");
  const failed = new Map(
    entries.map(({ position }) => [position, { outcome: "retried" as const, error: failure, attempts: 1 }]),
  );

  const resultsOf = (error: DeliveryError, attempts = 1) =>
    new Map(entries.map(({ position }) => [position, { outcome: "retried" as const, error, attempts }]));

  /** Creates a closed circuit breaker and its clock. */
  const closed = () => {
    let now = 1_000_000;
    const logger = recordingLogger();
    const clock = { ...fixedClock, now: () => now };
    const breaker = new CircuitBreaker({ pipeline: "p", route: "scripted" }, { clock, logger });
    const admitAt = (ms: number, isAlone = true) => {
      now = 1_000_000 + ms;
      return breaker.admit({ isAlone });
    };
    /** Makes a probe that lasts `tookMs` and fails with this error. */
    const probe = async (admission: ReturnType<typeof admitAt>, error: SinkError, tookMs = 0): Promise<void> => {
      if (admission === "all") throw new Error("the circuit is closed");
      const write = async (): Promise<never> => {
        now += tookMs;
        throw error;
      };
      const sink = { ...scriptedSink({ writes: "append" }), write };
      const deadline = deadlineOf(undefined, undefined, fixedClock);
      const probing = breaker.probing(sink as Sink<unknown>, admission, deadline);
      const delivery = { change: entry("a", 1).change as Change, message: 1, idempotencyKey: "1" };
      const context = { signal: deadline.signal, remainingMs: deadline.remainingMs };
      await probing.write([delivery], context).catch(() => undefined);
      await settle();
    };
    return { breaker, admitAt, probe, logger };
  };

  /** Creates a circuit breaker. Three failed batches have opened the circuit. */
  const opened = () => {
    const one = closed();
    for (let batch = 0; batch < 3; batch += 1) one.breaker.record(entries, failed);
    return one;
  };

  test("logs one line when it opens and one when it closes, and no line for the batches and probes between", async () => {
    const { breaker, admitAt, probe, logger } = opened();
    breaker.record(entries, failed);
    await probe(admitAt(1_500), failure);
    admitAt(61_500);
    breaker.close();
    breaker.close();
    const id = { pipeline: "p", route: "scripted" };
    expect(logger.lines).toEqual([
      {
        level: "warn",
        message: "circuit breaker opened",
        fields: { ...id, code: "SINK_UNAVAILABLE", reason: failure.message },
      },
      { level: "info", message: "circuit breaker closed", fields: { ...id, openMs: 61_500 } },
    ]);
  });

  test("probes at least every five seconds, however long the outage lasts", async () => {
    const { admitAt, probe } = opened();
    let at = 1_000;
    for (let count = 0; count < 20; count += 1) {
      const admission = admitAt(at);
      expect(admission).toMatchObject({ isAlone: true });
      await probe(admission, failure);
      expect(admitAt(at)).toBe("none");
      at += 5_000;
    }
  });

  test("makes a probe beside others only after a hundred times the duration of the last one", async () => {
    const { admitAt, probe } = opened();
    await probe(admitAt(1_000, false), failure, 200);
    expect([admitAt(21_199, false), admitAt(21_200, false)]).toMatchObject(["none", { probeTimeoutMs: 250 }]);
    // A retry queue's invocation makes no other sink wait.
    expect(admitAt(7_000)).toMatchObject({ isAlone: true });
  });

  test.each<[string, DeliveryError, number]>([
    ["an earlier change that waits", new PendingError("DELIVERY_PENDING", "waits"), 1],
    ["a store that does not answer", new UntriedError("SINK_UNAVAILABLE", "[scripted] no answer"), 3],
    ["no attempt in time", new DeadlineError("DEADLINE_EXCEEDED", "too late"), 0],
  ])("does not count %s as evidence about the target", async (_name, error, attempts) => {
    const { breaker, admitAt } = closed();
    for (let batch = 0; batch < 9; batch += 1) breaker.record(entries, resultsOf(error, attempts));
    expect(admitAt(0)).toBe("all");
    // Nor is the error an answer of the target: after it, the failures of the target still open the circuit.
    breaker.record(entries, failed);
    breaker.record(entries, failed);
    breaker.record(entries, resultsOf(error, attempts));
    breaker.record(entries, failed);
    expect(admitAt(0)).toBe("none");
  });

  test("admits the next probe at once if the last one did not reach the target", async () => {
    const { breaker, admitAt } = opened();
    const admission = admitAt(1_001);
    if (admission === "all") throw new Error("the circuit is closed");
    const untried = new UntriedError("SINK_UNAVAILABLE", "[scripted] the lease could not be acquired");
    const sink = {
      ...scriptedSink({ writes: "append" }),
      write: async (batch: readonly Delivery[]) => batch.map((delivery) => failedResult(delivery, untried)),
    };
    const deadline = deadlineOf(undefined, undefined, fixedClock);
    const delivery = { change: entry("a", 1).change as Change, message: 1, idempotencyKey: "1" };
    await breaker.probing(sink as Sink<unknown>, admission, deadline).write([delivery], deadline);
    await settle();
    expect(admitAt(1_002)).toMatchObject({ isAlone: true });
  });

  test("does not take a batch for a probe that was in flight when the circuit opened", () => {
    const { breaker, admitAt } = opened();
    expect(admitAt(100)).toBe("none");
    expect(admitAt(1_001)).not.toBe("none");
    breaker.record(entries, failed);
    expect(admitAt(1_002)).not.toBe("none");
  });

  test("admits another probe after a batch that has nothing to write", async () => {
    const { breaker, admitAt } = opened();
    const admission = admitAt(1_001);
    if (typeof admission === "string") throw new Error("no probe was admitted");
    expect(admitAt(1_002)).not.toBe("none");
    const sink = scriptedSink({ writes: "append" });
    const deadline = deadlineOf(undefined, undefined, fixedClock);
    const probing = breaker.probing(sink as Sink<unknown>, admission, deadline);
    const delivery = { change: entry("a", 1).change as Change, message: 1, idempotencyKey: "1" };
    await probing.write([delivery], { signal: deadline.signal, remainingMs: deadline.remainingMs });
    expect(admitAt(1_003)).toBe("all");
  });
});
