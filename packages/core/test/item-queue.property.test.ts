import { describe, expect, test } from "@jest/globals";
import { type RandomHistory, randomHistory, streamEvent } from "@sluice/testing";
import fc from "fast-check";
import { type InvocationReport, pipeline, type UnknownItem } from "../src/index.ts";
import { type Delivery, decodeRecord, outcomeOf, type StreamRecord } from "../src/sink-kit.ts";
import { instantClock } from "./clocks.ts";
import { type MemoryDeadLetterQueue, memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type Answer, type ScriptedSink, scriptedSink } from "./scripted-sink.ts";

type Writes = "upsert" | "append";

const isKept = (item: UnknownItem): boolean => Number(item.revision) % 3 !== 0;

interface Played<Mode extends Writes> {
  readonly sink: ScriptedSink<Mode>;
  readonly deadLetters: MemoryDeadLetterQueue;
  readonly reports: InvocationReport[];
}

/** Invokes the handler with batches of these sizes. Like Lambda, continues at the first failed record of a batch. */
const play = async <Mode extends Writes>(
  records: readonly StreamRecord[],
  sizes: readonly number[],
  sink: ScriptedSink<Mode>,
  isFiltered: boolean,
): Promise<Played<Mode>> => {
  const deadLetters = memoryDeadLetterQueue();
  const logger = recordingLogger();
  const base = pipeline("p", { deadLetterQueue: deadLetters, logger, clock: instantClock().clock });
  const handler = (isFiltered ? base.when(isKept) : base)
    .to(
      sink as never,
      (change) => change.after?.revision ?? change.kind,
      sink.supports.writes === "append" ? { dedupe: "none" } : {},
    )
    .handler();
  let start = 0;
  for (let invocation = 0; start < records.length; invocation += 1) {
    if (invocation > records.length * 40) throw new Error("the stream makes no progress");
    const batch = records.slice(start, start + (sizes[invocation % sizes.length] ?? 1));
    const { batchItemFailures } = await handler(streamEvent(batch));
    const named = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const first = batch.findIndex(({ dynamodb }) => named.has(dynamodb?.SequenceNumber ?? ""));
    start += first < 0 ? batch.length : first;
  }
  const lines = logger.lines.filter(({ message }) => message.startsWith("batch finished"));
  return { sink, deadLetters, reports: lines.map(({ fields }) => fields as unknown as InvocationReport) };
};

const expectBalanced = ({
  reports,
  sink,
}: Pick<Played<Writes>, "reports"> & { sink: { breaches: string[] } }): void => {
  expect(sink.breaches).toEqual([]);
  for (const { routes, records } of reports) {
    const counts: Partial<NonNullable<typeof routes.scripted>> = routes.scripted ?? {};
    const { received, delivered = 0, superseded = 0, filtered = 0, rejected = 0, retried = 0 } = counts;
    expect(received).toBe(records);
    expect(delivered + superseded + filtered + rejected + retried).toBe(received);
  }
};

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
const retryable = ["SINK_THROTTLED", "SINK_UNAVAILABLE", "SINK_CONFLICT", "SINK_DENIED", "SINK_MISSING"] as const;

/** How a sink answers: the answers to the first attempts of each change, and the answer to all later attempts. */
const plan = fc.record({
  failing: fc.func(fc.array(fc.constantFrom<Answer>(...retryable, "unreported"), { maxLength: 5 })),
  rejects: fc.func(fc.integer({ min: 0, max: 9 })),
  share: fc.integer({ min: 0, max: 5 }),
});
type Plan = typeof plan extends fc.Arbitrary<infer Planned> ? Planned : never;

const answerOf =
  ({ failing, rejects, share }: Plan) =>
  ({ change }: Delivery, attempt: number): Answer => {
    const early = failing(change.eventId)[attempt - 1];
    if (early !== undefined) return early;
    return rejects(change.eventId) < share ? "SINK_REJECTED" : "delivered";
  };

const historyOf = (seed: number): RandomHistory => randomHistory(seed, { changes: 30, items: 4 });

const limits = fc.record({
  maxEntries: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  concurrency: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
});
const given = (limit: { maxEntries: number | undefined; concurrency: number | undefined }) =>
  Object.fromEntries(Object.entries(limit).filter(([, value]) => value !== undefined));

/** The versions of each item's changes, in the order in which the sink received them. */
const order = (deliveries: readonly Delivery[]): Map<string, string[]> => {
  const versions = new Map<string, string[]>();
  for (const { change } of deliveries) {
    versions.set(change.itemKey, [...(versions.get(change.itemKey) ?? []), change.version]);
  }
  return versions;
};

/** The last accepted change of each item. */
const lastAccepted = (records: readonly StreamRecord[], planned: Plan): Map<string, unknown> => {
  const held = new Map<string, unknown>();
  for (const record of records) {
    const change = decodeRecord(record);
    if (planned.rejects(change.eventId) < planned.share) continue;
    if (change.kind === "remove") held.delete(change.itemKey);
    else held.set(change.itemKey, change.after?.revision);
  }
  return held;
};

const asText = (held: Map<string, unknown>): string => JSON.stringify([...held].sort());

describe("an upsert route, for every sequence of failures", () => {
  test("ends with the last accepted state of each item, for every division into batches", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, plan, limits, async (seed, cut, planned, limit) => {
        const { records } = historyOf(seed);
        const sink = scriptedSink({ writes: "upsert", answer: answerOf(planned), ...given(limit) });
        const played = await play(records, cut, sink, false);
        expectBalanced(played);
        expect(asText(sink.held())).toBe(asText(lastAccepted(records, planned)));
      }),
      { numRuns: 150 },
    );
  });

  test("behind a filter, ends with the same items as if it got one change at a time", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, plan, async (seed, cut, planned) => {
        const { records } = historyOf(seed);
        const whole = scriptedSink({ writes: "upsert", answer: answerOf({ ...planned, share: 0 }) });
        const single = scriptedSink({ writes: "upsert" });
        expectBalanced(await play(records, cut, whole, true));
        await play(records, [1], single, true);
        expect(asText(whole.held())).toBe(asText(single.held()));
      }),
      { numRuns: 100 },
    );
  });

  test("dead-letters each rejected change once, and no other change", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, plan, async (seed, cut, planned) => {
        const { records } = historyOf(seed);
        const { deadLetters } = await play(
          records,
          cut,
          scriptedSink({ writes: "upsert", answer: answerOf(planned) }),
          false,
        );
        const ids = deadLetters.envelopes.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const { record, code } of deadLetters.envelopes) {
          expect(code).toBe("SINK_REJECTED");
          expect(planned.rejects(decodeRecord(record).eventId) < planned.share).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });
});

const isFinal = (answer: Answer): boolean =>
  answer === "delivered" || (answer !== "unreported" && outcomeOf(answer) === "reject");

/** Finds deliveries in the wrong order, which were sent before an earlier change of the item had its final answer. */
const orderWatch = (records: readonly StreamRecord[]) => {
  const changes = records.map((record) => decodeRecord(record));
  const answeredUpTo = new Map<string, string>();
  const tooEarly: string[] = [];
  const isEarly = (itemKey: string, version: string): boolean => {
    const earlier = changes.filter((change) => change.itemKey === itemKey && change.version < version).at(-1);
    return earlier !== undefined && (answeredUpTo.get(itemKey) ?? "") < earlier.version;
  };
  return {
    tooEarly,
    observe: ({ change: { itemKey, version } }: Delivery, answer: Answer): Answer => {
      if (isEarly(itemKey, version)) tooEarly.push(version);
      if (isFinal(answer) && version > (answeredUpTo.get(itemKey) ?? "")) answeredUpTo.set(itemKey, version);
      return answer;
    },
  };
};

describe("an append route, for every sequence of failures", () => {
  test("sends every accepted change of an item, and sends them in order the first time", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, plan, limits, async (seed, cut, planned, limit) => {
        const { records } = historyOf(seed);
        const sink = scriptedSink({ writes: "append", answer: answerOf(planned), ...given(limit) });
        const played = await play(records, cut, sink, false);
        expectBalanced(played);
        const expected = new Map<string, string[]>();
        for (const record of records) {
          const { itemKey, version, eventId } = decodeRecord(record);
          if (planned.rejects(eventId) >= planned.share)
            expected.set(itemKey, [...(expected.get(itemKey) ?? []), version]);
        }
        const firsts = new Map([...order(sink.taken)].map(([key, versions]) => [key, [...new Set(versions)]]));
        expect(asText(firsts)).toBe(asText(expected));
      }),
      { numRuns: 150 },
    );
  });

  test("never sends a change of an item before the earlier changes", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, plan, limits, async (seed, cut, planned, limit) => {
        const { records } = historyOf(seed);
        const answer = answerOf(planned);
        const watch = orderWatch(records);
        const sink = scriptedSink({
          writes: "append",
          ...given(limit),
          answer: (delivery, attempt) => watch.observe(delivery, answer(delivery, attempt)),
        });
        await play(records, cut, sink, false);
        expect(watch.tooEarly).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("gives each delivery an idempotency key from change, pipeline and route, which is equal on every repeat", async () => {
    const { records } = historyOf(7);
    const sink = scriptedSink({
      writes: "append",
      answer: (_, attempt) => (attempt < 4 ? "SINK_DENIED" : "delivered"),
    });
    await play(records, [6], sink, false);
    const keys = sink.calls
      .flat()
      .map((delivery) => ["idempotencyKey" in delivery && delivery.idempotencyKey, delivery.change.eventId]);
    for (const [key, eventId] of keys) expect(key).toMatch(new RegExp(`^${eventId}:[^:]+:scripted$`));
    expect(new Set(keys.map(([key]) => key)).size).toBe(records.length);
  });
});
