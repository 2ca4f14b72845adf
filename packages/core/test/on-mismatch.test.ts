// Items that the schema refuses: one decision for all routes.

import { describe, expect, test } from "@jest/globals";
import { streamEvent, streamRecord, tableHistory } from "@sluice/testing";
import fc from "fast-check";
import { z } from "zod";
import { type InvocationReport, type PipelineOptions, pipeline, type UnknownItem } from "../src/index.ts";
import { chunk, type StreamRecord, type UpsertDelivery } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { scriptedSink } from "./scripted-sink.ts";

const Order = z.object({ pk: z.string(), kind: z.literal("order"), total: z.number() });

type OrderItem = z.infer<typeof Order>;
type OnMismatch = PipelineOptions<OrderItem>["onMismatch"];

const order = { pk: "a", sk: "1", kind: "order", total: 5 };
const brokenOrder = { ...order, total: "confidential" };
const visit = { pk: "a", sk: "1", kind: "visit" };

/** Rejects broken orders, and ignores items of other kinds. */
const ordersOnly = (item: UnknownItem): "reject" | "ignore" => (item.kind === "order" ? "reject" : "ignore");

/** Sends batches to two upsert routes and two append routes. */
const play = async (onMismatch: OnMismatch | undefined, batches: readonly (readonly StreamRecord[])[]) => {
  const deadLetterQueue = memoryDeadLetterQueue();
  const logger = recordingLogger();
  const upserts = [scriptedSink({ writes: "upsert", name: "rows" }), scriptedSink({ writes: "upsert", name: "large" })];
  const appends = [
    scriptedSink({ writes: "append", name: "events" }),
    scriptedSink({ writes: "append", name: "sums" }),
  ];
  const [rows, large] = upserts as [(typeof upserts)[0], (typeof upserts)[0]];
  const [events, sums] = appends as [(typeof appends)[0], (typeof appends)[0]];
  const handler = pipeline("p", { deadLetterQueue, logger, schema: Order, ...(onMismatch && { onMismatch }) })
    .to(rows, ({ after }) => after.total)
    .to(events, ({ kind, before }) => [kind, before?.total], { dedupe: "none" })
    .when(({ total }) => total > 100)
    .to(large, ({ after }) => after.total)
    .to(sums, ({ after }) => after?.total ?? "removed", { dedupe: "none" })
    .handler();
  const failures: unknown[] = [];
  for (const batch of batches) failures.push(...(await handler(streamEvent(batch))).batchItemFailures);
  const reports = logger.lines.filter(({ message }) => message.startsWith("batch finished"));
  return {
    letters: deadLetterQueue.envelopes.map(({ sink, code }) => [sink, code]),
    routes: reports.map(({ fields }) => withoutTimes((fields as unknown as InvocationReport).routes)),
    failures,
    rows,
    large,
    events,
    sums,
  };
};

const withoutTimes = (routes: InvocationReport["routes"]): Record<string, object> =>
  Object.fromEntries(
    Object.entries(routes).map(([route, { durationMs: _, lagMs: __, pendingAgeMs: ___, pending: ____, ...counts }]) => [
      route,
      counts,
    ]),
  );

const everyRoute = (counts: object): object => ({ rows: counts, events: counts, large: counts, sums: counts });

describe("an item that the schema refuses", () => {
  test("is rejected on every route by default", async () => {
    for (const onMismatch of [undefined, "reject"] as const) {
      const { letters, routes } = await play(onMismatch, [[streamRecord({ after: visit })]]);
      expect(routes).toEqual([everyRoute({ received: 1, rejected: 1 })]);
      expect(letters).toHaveLength(4);
    }
  });

  test.each<[string, OnMismatch]>([
    ["by ignore", "ignore"],
    ["by a function", ordersOnly],
  ])("is filtered on every route, without a dead letter: %s", async (_name, onMismatch) => {
    const { letters, routes, failures } = await play(onMismatch, [[streamRecord({ after: visit })]]);
    expect(routes).toEqual([everyRoute({ received: 1, filtered: 1 })]);
    expect([...letters, ...failures]).toEqual([]);
  });

  test("is asked about once, with the item as it is in the table", async () => {
    const asked: UnknownItem[] = [];
    const decide = (item: UnknownItem): "ignore" => {
      asked.push(item);
      return "ignore";
    };
    await play(decide, [[streamRecord({ after: visit }), streamRecord({ after: order })]]);
    expect(asked).toEqual([visit]);
  });

  test("is rejected if the function rejects it, and the message names no value", async () => {
    const { letters, routes } = await play(ordersOnly, [[streamRecord({ after: brokenOrder })]]);
    expect(routes).toEqual([everyRoute({ received: 1, rejected: 1 })]);
    expect(letters.map(([, code]) => code)).toEqual(Array(4).fill("RECORD_MISMATCH"));
    expect(JSON.stringify(letters)).not.toContain("confidential");
  });

  test.each<[string, string, unknown]>([
    ["gives no answer", "RECORD_MISMATCH", () => undefined],
    ["gives another answer", "RECORD_MISMATCH", () => true],
    [
      "throws",
      "MAPPING_FAILED",
      () => {
        throw new TypeError("confidential");
      },
    ],
  ])("is rejected if the function %s", async (_name, code, decide) => {
    const { letters } = await play(decide as OnMismatch, [[streamRecord({ after: visit })]]);
    expect(letters.map(([, found]) => found)).toEqual(Array(4).fill(code));
  });

  test("fails the invocation if the function is asynchronous", async () => {
    const decide = async (): Promise<never> => {
      throw new Error("a lookup failed");
    };
    await expect(play(decide as never, [[streamRecord({ after: visit })]])).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("onMismatch"),
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe("an ignored item", () => {
  const table = tableHistory();
  const large = { ...order, total: 500 };

  test("leaves the copies when it stops matching the schema, and comes back when it matches again", async () => {
    const put = [table.put(large), table.put(visit), table.put({ ...large, total: 600 })];
    for (const [batches, totals] of [
      [[put.slice(0, 1)], [500]],
      [[put.slice(0, 2)], []],
      [[put.slice(0, 1), put.slice(1, 2)], []],
      [put.map((record) => [record]), [600]],
      [[put], [600]],
    ] as const) {
      const played = await play(ordersOnly, batches);
      expect([...played.rows.held().values()]).toEqual(totals);
      expect([...played.large.held().values()]).toEqual(totals);
      expect(played.letters).toEqual([]);
    }
  });

  test("has no `before` when it begins to match the schema", async () => {
    const { events, letters } = await play(ordersOnly, [[streamRecord({ before: visit, after: order })]]);
    expect(events.taken.map(({ message }) => message)).toEqual([["modify", undefined]]);
    expect(letters).toEqual([]);
  });

  test("costs no write when it changes, and its removal still reaches the copies", async () => {
    const other = tableHistory();
    const history = [other.put(visit), other.put({ ...visit, page: 2 }), other.remove({ pk: "a", sk: "1" })];
    const { rows, events, sums, routes, letters } = await play(ordersOnly, [history]);
    const deliveries = rows.calls.flat() as UpsertDelivery<unknown>[];
    expect(deliveries).toMatchObject([{ change: { kind: "remove" }, message: undefined, isPrecaution: true }]);
    expect([...events.taken, ...sums.taken]).toEqual([]);
    expect(routes[0]?.events).toEqual({ received: 3, filtered: 3 });
    expect(letters).toEqual([]);
  });

  test("is removed like a rejected one, whose copy of an earlier time must go", async () => {
    for (const before of [visit, brokenOrder]) {
      const { rows, letters } = await play(ordersOnly, [[streamRecord({ before })]]);
      expect(rows.taken).toMatchObject([{ change: { kind: "remove" }, message: undefined }]);
      // An append route reads the old image, so it rejects a broken order.
      expect(letters).toHaveLength(before === visit ? 0 : 2);
    }
  });
});

test("a schema with the output undefined has the same effect", async () => {
  const rows = scriptedSink({ writes: "upsert" });
  const schema = z.object({ kind: z.string() }).transform((item) => (item.kind === "order" ? item : undefined));
  const handler = pipeline("p", { onReject: "block", logger: recordingLogger(), schema })
    .to(rows, () => 1)
    .handler();
  await handler(streamEvent([streamRecord({ after: visit })]));
  expect(rows.calls).toEqual([]);
});

interface Step {
  readonly pk: string;
  /** The item's new state, or undefined for its removal. */
  readonly state: UnknownItem | undefined;
}

/** Records of a table in which these steps happen. A removal of an item that does not exist makes no record. */
const recordsOf = (steps: readonly Step[]): StreamRecord[] => {
  const table = tableHistory();
  const existing = new Set<string>();
  return steps.flatMap(({ pk, state }, step) => {
    if (state !== undefined) {
      existing.add(pk);
      return [table.put({ ...state, pk, step })];
    }
    return existing.delete(pk) ? [table.remove({ pk, sk: "1" })] : [];
  });
};

/** Totals of the orders that exist after these steps, ascending. */
const totalsAfter = (steps: readonly Step[]): number[] => {
  const last = new Map(steps.map(({ pk, state }) => [pk, state?.total]));
  return [...last.values()].filter((total) => typeof total === "number").sort((a, b) => a - b);
};

const held = (sink: { readonly held: () => Map<string, unknown> }): number[] =>
  ([...sink.held().values()] as number[]).sort((a, b) => a - b);

test("for random histories and batches, a copy holds exactly the items that match the schema", async () => {
  const state = fc.constantFrom(order, { ...order, total: 500 }, visit, undefined);
  const steps = fc.array(fc.record({ pk: fc.constantFrom("a", "b"), state }), { minLength: 1, maxLength: 12 });
  const decisions = fc.constantFrom<OnMismatch>("ignore", ordersOnly);
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 5 }), decisions, async (steps, size, decide) => {
      const batches = chunk(recordsOf(steps), { maxEntries: size });
      const { rows, large, letters, failures } = await play(decide, [...batches]);
      expect(held(rows)).toEqual(totalsAfter(steps));
      expect(held(large)).toEqual(totalsAfter(steps).filter((total) => total > 100));
      expect([...letters, ...failures]).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
