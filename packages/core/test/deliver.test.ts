import { describe, expect, test } from "@jest/globals";
import { streamRecord } from "@sluice/testing";
import { defaultRetryPolicy } from "../src/async/backoff.ts";
import { deadlineOf } from "../src/async/deadline.ts";
import { deliver } from "../src/delivery/deliver.ts";
import type { BatchEntry, Results } from "../src/delivery/delivery-result.ts";
import type { DeliverySteps } from "../src/delivery/write.ts";
import { type Change, type Delivery, decodeRecord, type Origin, type Sink, SinkError } from "../src/sink-kit.ts";
import { instantClock, manualClock, settle } from "./clocks.ts";
import { type Answer, type Script, scriptedSink } from "./scripted-sink.ts";

type Writes = "upsert" | "append";

/** One change for each name, in this order. If a name is repeated, it stands for a later change of the same item. */
const entriesOf = (names: readonly string[]): BatchEntry[] =>
  names.map((name, position) => ({
    position,
    change: decodeRecord(streamRecord({ after: { pk: name, sk: "1", position }, position: position + 1 })),
  }));

const routeTo = (sink: object) => ({
  name: "r",
  sink: sink as Sink<unknown>,
  map: () => "message",
  mapsItself: false,
  predicate: undefined,
  accepts: undefined,
  schema: undefined,
  dedupe: "none" as const,
  origins: new Set<Origin>(["stream"]),
  retryIn: "stream" as const,
  idSuffix: ":p:r",
  removesUnmatched: false,
  referenceWaits: { inQueue: 900_000, inStream: 60_000 },
  tombstones: "always" as const,
  removals: { byTtl: "delete", otherwise: "delete" } as const,
  others: [],
  before: [],
});

const invocationOf = (clock: DeliverySteps["clock"], remainingMs?: number): DeliverySteps => ({
  clock,
  memory: { hasWritten: false },
  storeRejected: async (rejected) => new Set(rejected.keys()),
  deadline: deadlineOf(
    remainingMs === undefined ? undefined : { getRemainingTimeInMillis: () => remainingMs },
    undefined,
    clock,
  ),
  retry: defaultRetryPolicy,
});

const outcomesOf = (results: Results): string[] =>
  [...results]
    .sort(([a], [b]) => a - b)
    .map(([, { outcome, error }]) => (error === undefined ? outcome : `${outcome} ${error.code}`));

const run = async (script: Script<Writes>, names: readonly string[]) => {
  const sink = scriptedSink(script);
  const { clock, slept } = instantClock();
  const results = await deliver(routeTo(sink), entriesOf(names), invocationOf(clock));
  expect(sink.breaches).toEqual([]);
  return { sink, slept, results, outcomes: outcomesOf(results) };
};

const failing = (code: Answer, times: number) => (_: unknown, attempt: number) =>
  attempt <= times ? code : "delivered";

describe("attempts within an invocation", () => {
  test("recover from a transient failure, with jittered delays that double", async () => {
    const { outcomes, slept, results } = await run({ writes: "upsert", answer: failing("SINK_THROTTLED", 2) }, ["a"]);
    expect(outcomes).toEqual(["delivered"]);
    expect(results.get(0)?.attempts).toBe(3);
    expect(slept).toEqual([25, 50]);
  });

  test("are at most three, after which Lambda retries the record", async () => {
    const { outcomes, results, sink } = await run({ writes: "append", answer: failing("SINK_UNAVAILABLE", 9) }, ["a"]);
    expect(outcomes).toEqual(["retried SINK_UNAVAILABLE"]);
    expect(results.get(0)?.attempts).toBe(3);
    expect(sink.calls).toHaveLength(3);
  });

  test("repeat only the deliveries that failed", async () => {
    const answer = ({ change }: { change: { keys: { pk?: unknown } } }, attempt: number): Answer =>
      change.keys.pk === "b" && attempt < 3 ? "SINK_CONFLICT" : "delivered";
    const { outcomes, sink } = await run({ writes: "upsert", answer }, ["a", "b", "c"]);
    expect(outcomes).toEqual(["delivered", "delivered", "delivered"]);
    expect(sink.calls.map(({ length }) => length)).toEqual([3, 1, 1]);
  });

  describe("after a failure with a retry-after time", () => {
    const asking =
      (retryAfterMs: number, names: readonly string[] = ["a"]): NonNullable<Script<Writes>["interrupt"]> =>
      async (batch) =>
        batch.map((delivery) => {
          if (!names.includes(delivery.change.keys.pk as string)) return { delivery, outcome: "delivered" };
          const error = new SinkError("SINK_THROTTLED", "slow down", { retryAfterMs });
          return { delivery, outcome: "failed", error };
        });

    test("attempts wait for this time, or for the backoff if the backoff is longer", async () => {
      expect((await run({ writes: "append", interrupt: asking(700) }, ["a", "b"])).slept).toEqual([700, 700]);
      expect((await run({ writes: "append", interrupt: asking(30) }, ["a"])).slept).toEqual([30, 50]);
    });

    test("attempts stop if this time exceeds retry.maxDelayMs, so that Lambda retries the record", async () => {
      const { outcomes, slept, sink } = await run({ writes: "append", interrupt: asking(1_001) }, ["a", "b"]);
      expect(outcomes).toEqual(["retried SINK_THROTTLED", "delivered"]);
      expect(slept).toEqual([]);
      expect(sink.calls).toHaveLength(1);
    });
  });

  test.each(["SINK_DENIED", "SINK_MISSING", "unreported", "SINK_REJECTED", "SINK_GONE", "SINK_TOO_LARGE"] as const)(
    "are not repeated after %s",
    async (code) => {
      const { sink, slept } = await run({ writes: "upsert", answer: () => code }, ["a"]);
      expect(sink.calls).toHaveLength(1);
      expect(slept).toEqual([]);
    },
  );
});

describe("limits of a sink", () => {
  const names = Array.from({ length: 25 }, (_, index) => `item-${index}`);

  test.each<Writes>(["upsert", "append"])("maxEntries splits the deliveries of an %s sink", async (writes) => {
    const { sink, outcomes } = await run({ writes, maxEntries: 10 }, names);
    expect(sink.calls.map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(new Set(outcomes)).toEqual(new Set(["delivered"]));
  });

  test("one write is in flight at once by default", async () => {
    const { sink } = await run({ writes: "upsert", maxEntries: 1 }, names);
    expect(sink.mostInFlight()).toBe(1);
  });

  test("as many writes as `concurrency` are in flight at once, and not more", async () => {
    const { sink } = await run({ writes: "append", maxEntries: 2, concurrency: 4 }, [...names, ...names, ...names]);
    expect(sink.mostInFlight()).toBe(4);
    expect(sink.taken).toHaveLength(75);
  });

  test("a batch without changes causes no write", async () => {
    const { sink, outcomes } = await run({ writes: "upsert" }, []);
    expect(sink.calls).toEqual([]);
    expect(outcomes).toEqual([]);
  });
});

describe("results", () => {
  const answers =
    (byPosition: readonly Answer[]) =>
    ({ change }: { change: { after: unknown } }): Answer =>
      byPosition[(change.after as { position: number }).position] ?? "delivered";

  test("an upsert of the last change supersedes the earlier changes", async () => {
    const { outcomes, sink } = await run({ writes: "upsert" }, ["a", "a", "b", "a"]);
    expect(outcomes).toEqual(["superseded", "superseded", "delivered", "delivered"]);
    const [delivery] = sink.calls[0] ?? [];
    expect(delivery !== undefined && "earlier" in delivery && delivery.earlier).toHaveLength(2);
  });

  test("a rejected last change does not hide an earlier change that can be delivered", async () => {
    const { outcomes } = await run({ writes: "upsert", answer: answers(["delivered", "delivered", "SINK_REJECTED"]) }, [
      "a",
      "a",
      "a",
    ]);
    expect(outcomes).toEqual(["superseded", "delivered", "rejected SINK_REJECTED"]);
  });

  test("the earlier changes are retried with the last change, because the last may be rejected later", async () => {
    const { outcomes } = await run({ writes: "upsert", answer: answers(["delivered", "SINK_DENIED"]) }, [
      "a",
      "a",
      "b",
    ]);
    expect(outcomes).toEqual(["retried SINK_DENIED", "retried SINK_DENIED", "delivered"]);
  });

  test("an append item stops at the first change that is retried, and other items continue", async () => {
    const { outcomes, sink } = await run({ writes: "append", answer: answers(["SINK_DENIED"]) }, ["a", "a", "b", "b"]);
    expect(outcomes).toEqual(["retried SINK_DENIED", "retried SINK_DENIED", "delivered", "delivered"]);
    expect(sink.calls.flat().map(({ change }) => change.keys.pk)).toEqual(["a", "b", "b"]);
  });

  test("an append item continues after a rejected change", async () => {
    const { outcomes } = await run({ writes: "append", answer: answers(["SINK_REJECTED"]) }, ["a", "a"]);
    expect(outcomes).toEqual(["rejected SINK_REJECTED", "delivered"]);
  });

  test("a delivery without a result counts as failed", async () => {
    const { outcomes } = await run({ writes: "append", answer: answers(["unreported"]) }, ["a", "b"]);
    expect(outcomes).toEqual(["retried SINK_UNREPORTED", "delivered"]);
  });

  test("a result for a copy of a delivery is ignored", async () => {
    const interrupt: Script<Writes>["interrupt"] = async (batch) =>
      batch.map((delivery) => ({ delivery: { ...delivery }, outcome: "delivered" }));
    const { outcomes } = await run({ writes: "upsert", interrupt }, ["a"]);
    expect(outcomes).toEqual(["retried SINK_UNREPORTED"]);
  });

  test("records of an item that arrive out of order are written in order", async () => {
    const sink = scriptedSink({ writes: "append" });
    const [first, second] = entriesOf(["a", "a"]) as [BatchEntry, BatchEntry];
    await deliver(routeTo(sink), [second, first], invocationOf(instantClock().clock));
    expect(sink.taken.map(({ change }) => change.version)).toEqual([first.change.version, second.change.version]);
  });
});

describe("a sink that throws", () => {
  test("a SinkError fails every delivery of that write", async () => {
    const interrupt = async (): Promise<never> => {
      throw new SinkError("SINK_MISSING", "no such table");
    };
    const { outcomes } = await run({ writes: "upsert", interrupt }, ["a", "b"]);
    expect(outcomes).toEqual(["retried SINK_MISSING", "retried SINK_MISSING"]);
  });

  test("a SinkError of another copy of the package fails every delivery too", async () => {
    const interrupt = async (): Promise<never> => {
      throw Object.assign(new Error("foreign"), { code: "SINK_DENIED" });
    };
    expect((await run({ writes: "upsert", interrupt }, ["a"])).outcomes).toEqual(["retried SINK_DENIED"]);
  });

  test("any other error rejects only the delivery with which the sink throws, if the sink writes other deliveries", async () => {
    const interrupt = (batch: readonly Delivery[]) =>
      batch.some(({ change }) => change.keys.pk === "b") ? Promise.reject(new TypeError("secret")) : undefined;
    for (const supports of [{}, { maxEntries: 1, concurrency: 3 }]) {
      const script = { writes: "append" as const, interrupt, ...supports };
      const { outcomes, results, sink } = await run(script, ["a", "b", "c", "a", "b"]);
      expect(outcomes).toEqual([
        "delivered",
        "rejected SINK_REJECTED",
        "delivered",
        "delivered",
        "rejected SINK_REJECTED",
      ]);
      expect(sink.taken).toHaveLength(3);
      expect(results.get(1)?.error?.message).toMatch(/^\[r\] the sink threw TypeError at .*; expected a SinkError$/);
    }
  });

  test("any other error is a bug of the sink and fails the invocation, if the sink never wrote a delivery", async () => {
    const interrupt = () => Promise.reject(new TypeError("a bug"));
    for (const maxEntries of [1, 10]) {
      const sink = scriptedSink({ writes: "append", maxEntries, concurrency: 2, interrupt });
      const running = deliver(routeTo(sink), entriesOf(["a", "b"]), invocationOf(instantClock().clock));
      await expect(running).rejects.toThrow("a bug");
    }
  });

  test("a sink that wrote a delivery earlier is not broken", async () => {
    const sink = scriptedSink({ writes: "append", interrupt: () => Promise.reject(new TypeError("a bug")) });
    const steps = { ...invocationOf(instantClock().clock), memory: { hasWritten: true } };
    expect(outcomesOf(await deliver(routeTo(sink), entriesOf(["a"]), steps))).toEqual(["rejected SINK_REJECTED"]);
  });
});

describe("a rejection in an append route", () => {
  const names = ["a", "a", "b", "a"];
  const rejecting = {
    writes: "append" as const,
    answer: ({ change }: Delivery) =>
      change.after?.position === 0 ? ("SINK_REJECTED" as const) : ("delivered" as const),
  };

  test("lets the later changes of the item go on only when the dead letter is stored", async () => {
    const sink = scriptedSink(rejecting);
    const sentBefore: number[] = [];
    const steps: DeliverySteps = {
      ...invocationOf(instantClock().clock),
      storeRejected: async (rejections) => {
        await settle();
        sentBefore.push(sink.taken.length);
        return new Set(rejections.keys());
      },
    };
    const results = await deliver(routeTo(sink), entriesOf(names), steps);
    expect(outcomesOf(results)).toEqual(["rejected SINK_REJECTED", "delivered", "delivered", "delivered"]);
    expect(results.get(0)?.isStored).toBe(true);
    expect(sentBefore).toEqual([1]);
  });

  test("stops the item if the dead letter cannot be stored", async () => {
    const sink = scriptedSink(rejecting);
    const steps = { ...invocationOf(instantClock().clock), storeRejected: async () => new Set<number>() };
    const outcomes = outcomesOf(await deliver(routeTo(sink), entriesOf(names), steps));
    const stopped = "retried SINK_REJECTED";
    expect(outcomes).toEqual([stopped, stopped, "delivered", stopped]);
  });

  test("of the mapper stops the item like a rejection of the sink", async () => {
    const map = ({ after }: Change<unknown>): unknown => {
      if ((after as { position: number }).position === 0) throw new TypeError("unmappable");
      return 1;
    };
    const sink = scriptedSink({ writes: "append" });
    const steps = { ...invocationOf(instantClock().clock), storeRejected: async () => new Set<number>() };
    const results = await deliver({ ...routeTo(sink), map: map as never }, entriesOf(["a", "a", "b"]), steps);
    expect(outcomesOf(results)).toEqual(["retried MAPPING_FAILED", "retried MAPPING_FAILED", "delivered"]);
  });

  test("keeps its rejection if time runs out while the dead letter is stored", async () => {
    const { clock, advance } = manualClock();
    const steps = { ...invocationOf(clock, 10_000), storeRejected: () => new Promise<never>(() => {}) };
    const running = deliver(routeTo(scriptedSink(rejecting)), entriesOf(names), steps);
    await advance(9_000);
    await advance(200);
    const late = "retried DEADLINE_EXCEEDED";
    expect(outcomesOf(await running)).toEqual(["rejected SINK_REJECTED", late, "delivered", late]);
  });
});

describe("the same record twice in one event", () => {
  const twice = (): BatchEntry[] => {
    const [first, second] = entriesOf(["a", "a"]) as [BatchEntry, BatchEntry];
    return [first, { ...first, position: 2 }, second, { ...second, position: 3 }].map((entry) => ({ ...entry }));
  };

  test.each<[Answer, string[]]>([
    ["delivered", ["delivered", "superseded"]],
    ["SINK_REJECTED", ["rejected SINK_REJECTED", "rejected SINK_REJECTED"]],
    ["SINK_DENIED", ["retried SINK_DENIED", "retried SINK_DENIED"]],
  ])("is sent once: %s", async (answer, expected) => {
    const sink = scriptedSink({ writes: "append", answer: () => answer });
    const results = await deliver(routeTo(sink), twice(), invocationOf(instantClock().clock));
    expect([0, 2].map((position) => outcomesOf(results)[position])).toEqual(expected);
    expect(sink.calls.flat().length).toBe(answer === "SINK_DENIED" ? 1 : 2);
  });
});

describe("the deadline", () => {
  test("abandons a sink that never settles, and starts no write afterwards", async () => {
    const { clock, advance } = manualClock();
    const interrupt: Script<Writes>["interrupt"] = (batch) =>
      batch[0]?.change.keys.pk === "a" ? undefined : new Promise(() => {});
    const sink = scriptedSink({ writes: "append", maxEntries: 1, interrupt });
    const running = deliver(routeTo(sink), entriesOf(["a", "b", "c"]), invocationOf(clock, 10_000));
    await advance(9_000);
    await advance(200);
    expect(outcomesOf(await running)).toEqual(["delivered", "retried SINK_TIMEOUT", "retried DEADLINE_EXCEEDED"]);
    expect(sink.calls).toHaveLength(2);
  });

  test("gives a sink a moment to finish writes in flight", async () => {
    const { clock, advance } = manualClock();
    const interrupt: Script<Writes>["interrupt"] = async (batch, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return batch.map((delivery) => ({ delivery, outcome: "delivered" }));
    };
    const running = deliver(
      routeTo(scriptedSink({ writes: "upsert", interrupt })),
      entriesOf(["a"]),
      invocationOf(clock, 10_000),
    );
    await advance(9_000);
    expect(outcomesOf(await running)).toEqual(["delivered"]);
  });

  test("passes the remaining time to the sink", async () => {
    const { clock, advance } = manualClock();
    const left: number[] = [];
    const sink = scriptedSink({
      writes: "append",
      interrupt: (_, { remainingMs }) => {
        left.push(remainingMs());
        return undefined;
      },
    });
    await deliver(routeTo(sink), entriesOf(["a"]), invocationOf(clock, 10_000));
    await advance(0);
    expect(left).toEqual([9_000]);
  });

  test("ends a delay between attempts", async () => {
    const { clock, advance } = manualClock();
    const sink = scriptedSink({ writes: "upsert", answer: () => "SINK_THROTTLED" });
    const invocation = invocationOf(clock, 10);
    const running = deliver(routeTo(sink), entriesOf(["a"]), invocation);
    await settle();
    await advance(8);
    expect(outcomesOf(await running)).toEqual(["retried DEADLINE_EXCEEDED"]);
    expect(sink.calls).toHaveLength(1);
  });

  test("writes nothing if the deadline has passed already", async () => {
    const sink = scriptedSink({ writes: "upsert" });
    const results = await deliver(routeTo(sink), entriesOf(["a", "a"]), invocationOf(manualClock().clock, 0));
    expect(outcomesOf(results)).toEqual(["retried DEADLINE_EXCEEDED", "retried DEADLINE_EXCEEDED"]);
    expect(sink.calls).toEqual([]);
  });
});
