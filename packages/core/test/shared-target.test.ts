// Several routes that write to one upsert target, and filters whose answer changes between two changes of an item.

import { describe, expect, test } from "@jest/globals";
import { memoryUpsertSink, randomHistory, type SpecimenItem, streamEvent, tableHistory } from "@sluice/testing";
import fc from "fast-check";
import { type Pipeline, pipeline, type RouteOptions } from "../src/index.ts";
import { decodeImage, encodeEach, type Sink, SinkError, type StreamRecord } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const logger = recordingLogger();

/** The rest of the revision by 3 decides which route an item belongs to; with a rest of 2, to none. */
const kindOf = ({ revision }: SpecimenItem): number => revision % 3;
const isKind =
  (kind: number) =>
  (item: SpecimenItem): boolean =>
    kindOf(item) === kind;

type Upserts = Sink<unknown, "upsert">;
type Routed = Pipeline<SpecimenItem>;

const withRoutes = (base: Routed, kinds: readonly number[], sinkOf: (kind: number) => Upserts): Routed =>
  kinds.reduce(
    (built: Routed, kind) =>
      built.when(isKind(kind)).to(sinkOf(kind), ({ after }) => `${kind}: ${after.revision}`, {
        name: `kind-${kind}`,
      }) as Routed,
    base,
  );

const newPipeline = (name: string): Routed => pipeline<SpecimenItem>(name, { onReject: "block", logger });

/** Ways in which two routes may share the target. Each returns pipelines that all get every record. */
const ways: Readonly<Record<string, (sink: Upserts) => readonly Routed[]>> = {
  "of one pipeline with one sink": (sink) => [withRoutes(newPipeline("p"), [0, 1], () => sink)],
  "of one pipeline whose sinks name their target": (sink) => [
    withRoutes(newPipeline("p"), [0, 1], () => ({ ...sink, target: "table" })),
  ],
  "of one pipeline whose sinks do not name their target": (sink) => [
    withRoutes(newPipeline("p"), [0, 1], () => ({ ...sink })),
  ],
  "of two pipelines": (sink) => [
    withRoutes(newPipeline("p"), [0], () => sink),
    withRoutes(newPipeline("q"), [1], () => sink),
  ],
  "of two deployed versions of a function": (sink) => [
    withRoutes(newPipeline("p"), [0], () => sink),
    withRoutes(newPipeline("p"), [1], () => sink),
  ],
};

const expectedOf = ({ expected }: ReturnType<typeof randomHistory>): string[] =>
  [...expected.values()]
    .map((image) => decodeImage(image) as SpecimenItem)
    .filter((item) => kindOf(item) < 2)
    .map((item) => `${kindOf(item)}: ${item.revision}`)
    .sort();

const oneStream = (records: readonly StreamRecord[]): StreamRecord[] =>
  records.filter(({ eventSourceARN }) => eventSourceARN === records[0]?.eventSourceARN);

describe("two routes with one target", () => {
  test.each(Object.entries(ways))("%s keep the last state of every item", async (_name, pipelinesOf) => {
    const plans = fc.record({
      seed: fc.integer({ min: 0, max: 2 ** 31 }),
      sizes: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
      turns: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 30 }),
      viewType: fc.constantFrom("NEW_AND_OLD_IMAGES" as const, "NEW_IMAGE" as const),
    });
    await fc.assert(
      fc.asyncProperty(plans, async ({ seed, sizes, turns, viewType }) => {
        const history = randomHistory(seed, { changes: 20, items: 3, viewType });
        const sink = memoryUpsertSink();
        const readers = pipelinesOf(sink).map((built) => ({ handler: built.handler(), start: 0, batches: 0 }));
        // Each pipeline reads the streams at its own pace.
        for (let turn = 0; readers.some(({ start }) => start < history.records.length); turn += 1) {
          const open = readers.filter(({ start }) => start < history.records.length);
          const reader = open[(turns[turn % turns.length] ?? 0) % open.length] as (typeof readers)[number];
          const left = history.records.slice(reader.start);
          const batch = oneStream(left.slice(0, sizes[reader.batches % sizes.length]));
          const until = batch.length;
          if (until > 0) await reader.handler(streamEvent(left.slice(0, until)));
          reader.start += until;
          reader.batches += 1;
        }
        expect([...sink.items().values()].sort()).toEqual(expectedOf(history));
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  test("write an item that matches both only once, by the first route", async () => {
    const sink = memoryUpsertSink<string>();
    const handler = newPipeline("p")
      .to(sink, () => "first", { name: "first" })
      .to(sink, () => "second", { name: "second" })
      .handler();
    await handler(streamEvent(randomHistory(1, { changes: 5, items: 2 }).records.slice(0, 2)));
    expect(new Set(sink.items().values())).toEqual(new Set(["first"]));
  });

  test("leave changes of an origin to the routes that accept the origin", async () => {
    const sink = memoryUpsertSink<string>();
    const handler = newPipeline("p")
      .to(sink, () => "replayed", { name: "replayed", origins: ["replay"] })
      .when(isKind(1))
      .to(sink, ({ after }) => String(after.revision), { name: "streamed", origins: ["stream"] })
      .handler();
    const table = tableHistory();
    await handler(streamEvent([table.put({ pk: "a", sk: "1", revision: 1 })]));
    expect([...sink.items().values()]).toEqual(["1"]);
    await handler(streamEvent([table.put({ pk: "a", sk: "1", revision: 2 })]));
    expect(sink.items().size).toBe(0);
  });

  test("keep the copy of a route whose mapper throws", async () => {
    const sink = memoryUpsertSink<string>();
    let isBroken = false;
    const handler = newPipeline("p")
      .to(
        sink,
        ({ after }) => {
          if (isBroken) throw new TypeError("broken");
          return String(after.revision);
        },
        { name: "first" },
      )
      .when(() => false)
      .to(sink, () => "second", { name: "second" })
      .handler();
    const table = tableHistory();
    await handler(streamEvent([table.put({ pk: "a", sk: "1", revision: 1 })]));
    isBroken = true;
    await handler(streamEvent([table.put({ pk: "a", sk: "1", revision: 2 })]));
    expect([...sink.items().values()]).toEqual(["1"]);
  });
});

interface Session extends SpecimenItem {
  readonly expires: number;
}

describe("a filter that reads the clock", () => {
  const play = async (removesUnmatched: boolean) => {
    let now = 100;
    const sink = memoryUpsertSink<number>();
    const handler = pipeline<Session>("p", { onReject: "block", logger })
      .when(({ expires }) => expires > now)
      .to(sink, ({ after }) => after.revision, { removesUnmatched })
      .handler();
    const table = tableHistory();
    const put = (pk: string, revision: number) =>
      handler(streamEvent([table.put({ pk, sk: "1", revision, expires: 200 })]));
    await put("a", 1);
    await put("b", 1);
    now = 300;
    return { sink, put, remove: (pk: string) => handler(streamEvent([table.remove({ pk, sk: "1" })])) };
  };

  test("does not keep the removal of an expired item from its copy", async () => {
    const { sink, remove } = await play(false);
    await remove("a");
    expect(sink.items().size).toBe(1);
    await remove("b");
    expect(sink.items().size).toBe(0);
  });

  test("removes the copy at the next modification if the route removes unmatched items", async () => {
    const kept = await play(false);
    await kept.put("a", 2);
    expect(kept.sink.items().size).toBe(2);
    const removed = await play(true);
    await removed.put("a", 2);
    await removed.put("c", 1);
    expect(removed.sink.items().size).toBe(1);
  });

  const removal = async (sink: Upserts, options: RouteOptions = {}) => {
    const lines = recordingLogger();
    const handler = pipeline<Session>("p", { deadLetterQueue: memoryDeadLetterQueue(), logger: lines })
      .when(() => false)
      .to(sink, () => 1, { name: "held", ...options })
      .handler();
    const table = tableHistory();
    table.put({ pk: "a", sk: "1", revision: 1, expires: 1 });
    const { batchItemFailures } = await handler(streamEvent([table.remove({ pk: "a", sk: "1" })]));
    expect(batchItemFailures).toEqual([]);
    return (lines.lines.at(-1)?.fields.routes as { held: object } | undefined)?.held;
  };

  test("counts the removal of an item without a copy as filtered if it writes no tombstone", async () => {
    expect(await removal(memoryUpsertSink())).toMatchObject({ delivered: 1 });
    expect(await removal(memoryUpsertSink(), { tombstones: "if-present" })).toMatchObject({ filtered: 1 });
  });

  test("counts the removal of an item as filtered if its key cannot be a key of the target", async () => {
    const write: Upserts["write"] = async (batch) => {
      const { results } = encodeEach(batch, () => {
        throw new TypeError("no key of this target");
      });
      return results;
    };
    expect(await removal({ name: "encoding", supports: { writes: "upsert" }, write })).toMatchObject({ filtered: 1 });
  });

  test("keeps a removal that the target refuses as a dead letter, because there may be a copy", async () => {
    const refusing = scriptedSink({ writes: "upsert", answer: () => "SINK_REJECTED" }) as Upserts;
    expect(await removal(refusing)).toMatchObject({ rejected: 1 });
  });

  test("keeps a removed item removed, although an older write arrives late", async () => {
    let now = 100;
    const sink = memoryUpsertSink<number>();
    const delayed: (() => Promise<unknown>)[] = [];
    const slow: Sink<number, "upsert"> = {
      ...sink,
      write: async (batch, context) => {
        if (batch[0]?.change.kind !== "insert") return sink.write(batch, context);
        delayed.push(() => sink.write(batch, context));
        throw new SinkError("SINK_TIMEOUT", "[slow] no answer");
      },
    };
    const handler = pipeline<Session>("p", { onReject: "block", logger, retry: { maxAttempts: 1 } })
      .when(({ expires }) => expires > now)
      .to(slow, ({ after }) => after.revision)
      .handler();
    const table = tableHistory();
    await handler(streamEvent([table.put({ pk: "a", sk: "1", revision: 1, expires: 200 })]));
    now = 300;
    await handler(streamEvent([table.remove({ pk: "a", sk: "1" })]));
    for (const arrive of delayed) await arrive();
    expect(delayed).toHaveLength(1);
    expect(sink.items().size).toBe(0);
  });
});

describe("an upsert mapper that reads more than the item", () => {
  test.each<[string, (change: { kind: string; before: unknown; after: SpecimenItem }) => number | undefined]>([
    ["kind", ({ kind, after }) => (kind === "modify" ? after.revision : undefined)],
    ["before", ({ before, after }) => (before === undefined ? undefined : after.revision)],
  ])("%s: the copy is removed with a tombstone when the item is removed", async (_name, map) => {
    const sink = scriptedSink({ writes: "upsert" });
    const handler = newPipeline("p").to(sink, map).handler();
    const table = tableHistory();
    for (const revision of [1, 2]) await handler(streamEvent([table.put({ pk: "a", sk: "1", revision })]));
    expect(sink.held().size).toBe(1);
    await handler(streamEvent([table.remove({ pk: "a", sk: "1" })]));
    expect(sink.held().size).toBe(0);
    expect(sink.calls.flat().at(-1)).not.toHaveProperty("onlyIfPresent");
  });
});
