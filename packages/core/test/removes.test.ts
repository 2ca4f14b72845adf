// Route option `removes`: copies of removed items are deleted, kept or marked.

import { describe, expect, test } from "@jest/globals";
import { memoryAppendSink, memoryUpsertSink, type SpecimenItem, streamEvent, tableHistory } from "@sluice/testing";
import fc from "fast-check";
import { pipeline, type RouteOptions } from "../src/index.ts";
import { withheldFrom } from "../src/intake/received.ts";
import { decodeRecord, type StreamRecord } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";

type Options = RouteOptions<SpecimenItem, string>;
type Removes = NonNullable<Options["removes"]>;

const key = { pk: "a", sk: "1" };
const item = (revision: number) => ({ ...key, revision });
const mark: Removes = ({ before }) => `removed ${before.revision}`;
const isEven = ({ revision }: SpecimenItem): boolean => revision % 2 === 0;

const routed = (removes: Removes | undefined, filter?: (item: SpecimenItem) => boolean) => {
  const sink = memoryUpsertSink<string>();
  const deadLetterQueue = memoryDeadLetterQueue();
  const base = pipeline<SpecimenItem>("p", { deadLetterQueue, logger: recordingLogger() });
  const built = (filter ? base.when(filter) : base).to(sink, ({ after }) => `${after.revision}`, {
    name: "r",
    ...(removes !== undefined && { removes }),
  });
  const handler = built.handler();
  return {
    send: async (...records: StreamRecord[]) => {
      for (const record of records) await handler(streamEvent([record]));
      return [...sink.items().values()];
    },
    sendBatch: async (records: readonly StreamRecord[]) => {
      await handler(streamEvent(records));
      return [...sink.items().values()];
    },
    codes: () => deadLetterQueue.envelopes.map(({ code }) => code),
    routes: built.routes,
  };
};

describe("option removes", () => {
  test.each<[unknown, string]>([
    ["hide", "removes is hide"],
    [null, "removes is object"],
    [{ byTtl: "hide" }, "removes.byTtl is hide"],
    [{ otherwise: 1 }, "removes.otherwise is number"],
    [{ byTTL: "keep" }, "byTTL"],
  ])("%j is refused", (removes, text) => {
    expect(() => routed(removes as Removes)).toThrow(text);
  });

  test("is refused for an append route", () => {
    const base = pipeline("p", { onReject: "block" });
    expect(() => base.to(memoryAppendSink<string>(), () => "x", { dedupe: "none", removes: "keep" })).toThrow(
      "removes is given, and the sink is an append sink",
    );
  });
});

describe("the copy of a removed item", () => {
  const cases: readonly (readonly [string, Removes | undefined, readonly string[], readonly string[]])[] = [
    ["by default", undefined, [], []],
    ["with delete", "delete", [], []],
    ["with keep", "keep", ["1"], ["1"]],
    ["with a function", mark, ["removed 1"], ["removed 1"]],
    ["with a function that returns undefined", () => undefined, [], []],
    ["with keep by TTL", { byTtl: "keep" }, ["1"], []],
    ["with keep otherwise", { otherwise: "keep" }, [], ["1"]],
    ["with a mark by TTL, and keep", { byTtl: mark, otherwise: "keep" }, ["removed 1"], ["1"]],
  ];
  test.each(cases)("%s", async (_name, removes, byTtl, byUser) => {
    const one = tableHistory();
    expect(await routed(removes).send(one.put(item(1)), one.expire(key))).toEqual(byTtl);
    const other = tableHistory();
    expect(await routed(removes).send(other.put(item(1)), other.remove(key))).toEqual(byUser);
    const inOneBatch = tableHistory();
    expect(await routed(removes).sendBatch([inOneBatch.put(item(1)), inOneBatch.remove(key)])).toEqual(byUser);
  });

  test.each<[string, Removes, string]>([
    ["kept", "keep", "1"],
    ["marked", mark, "removed 1"],
  ])("is replaced by the copy of an item that is inserted again after it was %s", async (_name, removes, left) => {
    const table = tableHistory();
    const route = routed(removes);
    expect(await route.send(table.put(item(1)), table.expire(key))).toEqual([left]);
    expect(await route.send(table.put(item(2)))).toEqual(["2"]);
  });

  test("stays at its newest state, if an older change is delivered after a kept removal", async () => {
    const table = tableHistory();
    const [first, second, removal] = [table.put(item(1)), table.put(item(2)), table.remove(key)];
    expect(await routed("keep").send(second, removal, first)).toEqual(["2"]);
    expect(await routed(mark).send(second, removal, first)).toEqual(["removed 2"]);
    expect(await routed(mark).send(removal, first, second)).toEqual(["removed 2"]);
  });

  test("is deleted if the item leaves the filter, and is not brought back by a mark", async () => {
    const table = tableHistory();
    const route = routed(mark, isEven);
    expect(await route.send(table.put(item(2)), table.put(item(3)))).toEqual([]);
    expect(await route.send(table.remove(key))).toEqual([]);
  });

  test.each<[string, Removes]>([
    ["kept", "keep"],
    ["marked", mark],
  ])("is deleted if the item was %s and is inserted again, and the filter refuses it", async (_name, removes) => {
    const table = tableHistory();
    const route = routed(removes, isEven);
    expect(await route.send(table.put(item(2)), table.remove(key), table.put(item(3)))).toEqual([]);
  });

  test("stays, and the removal is rejected, if the function throws or returns a promise", async () => {
    const broken: readonly Removes[] = [
      () => {
        throw new TypeError("broken");
      },
      (async () => "x") as unknown as Removes,
    ];
    for (const removes of broken) {
      const table = tableHistory();
      const route = routed(removes);
      expect(await route.send(table.put(item(1)), table.remove(key))).toEqual(["1"]);
      expect(route.codes()).toEqual(["MAPPING_FAILED"]);
    }
  });

  test("stays, and the removal is rejected, if the stream has no old image for the function", async () => {
    const table = tableHistory({ viewType: "NEW_IMAGE" });
    const route = routed(mark);
    expect(await route.send(table.put(item(1)), table.remove(key))).toEqual(["1"]);
    expect(route.codes()).toHaveLength(1);
  });

  test("stays, and the removal is rejected, if the filter has no old image or throws", async () => {
    const constant: Removes = () => "removed";
    const blind = tableHistory({ viewType: "NEW_IMAGE" });
    const route = routed(constant, isEven);
    expect(await route.send(blind.put(item(2)), blind.remove(key))).toEqual(["2"]);
    let isBroken = false;
    const throwing = routed(constant, () => {
      if (isBroken) throw new TypeError("broken");
      return true;
    });
    const table = tableHistory();
    await throwing.send(table.put(item(1)));
    isBroken = true;
    expect(await throwing.send(table.remove(key))).toEqual(["1"]);
  });
});

describe("routes with one target", () => {
  const shared = (even: Removes, all: Removes) => {
    const sink = memoryUpsertSink<string>();
    const deadLetterQueue = memoryDeadLetterQueue();
    const handler = pipeline<SpecimenItem>("p", { deadLetterQueue, logger: recordingLogger() })
      .to(sink, ({ after }) => (isEven(after) ? undefined : `odd ${after.revision}`), { name: "odd", removes: all })
      .when(isEven)
      .to(sink, ({ after }) => `even ${after.revision}`, { name: "even", removes: even })
      .handler();
    return async (...records: StreamRecord[]) => {
      for (const record of records) await handler(streamEvent([record]));
      return [...sink.items().values()];
    };
  };
  const throwing: Removes = () => {
    throw new TypeError("broken");
  };
  test.each<[string, Removes, Removes, readonly string[], readonly string[]]>([
    ["keep, delete", "keep", "delete", ["even 2"], []],
    ["delete, keep", "delete", "keep", [], ["odd 1"]],
    ["mark, delete", mark, "delete", ["removed 2"], []],
    ["mark, keep", mark, "keep", ["removed 2"], ["odd 1"]],
    ["throwing, delete", throwing, "delete", ["even 2"], []],
  ])("make one decision: %s", async (_name, even, odd, afterEven, afterOdd) => {
    const one = tableHistory();
    expect(await shared(even, odd)(one.put(item(2)), one.remove(key))).toEqual(afterEven);
    const other = tableHistory();
    expect(await shared(even, odd)(other.put(item(1)), other.remove(key))).toEqual(afterOdd);
  });
});

describe("a change that is too old", () => {
  test("is delivered if it is a plain removal, and rejected if it may be a mark", () => {
    const table = tableHistory();
    table.put(item(1));
    const record = table.remove(key);
    const change = decodeRecord(record, "redrive", undefined);
    const expiry = Object.assign(new Error("expired")) as never;
    const received = { change, error: undefined, record, envelope: undefined, source: 0, expiry };
    expect(withheldFrom("upsert", received, true)).toBeUndefined();
    expect(withheldFrom("upsert", received, false)).toBe(expiry);
  });
});

type Removal = "delete" | "keep" | typeof mark;

interface Step {
  readonly item: number;
  readonly kind: "put" | "remove" | "expire";
}

const isTaken = ({ revision }: Pick<SpecimenItem, "revision">): boolean => revision % 3 !== 0;

/** The copy of an item after a removal, by the model. Only an item that the filter takes has a copy. */
const copyAfter = (removal: Removal, copy: string | undefined, revision: number): string | undefined => {
  if (removal === "delete") return undefined;
  return removal === "keep" || !isTaken({ revision }) ? copy : `removed ${revision}`;
};

/** Plays steps on a table. Returns the records, and the copies that the model expects. */
const play = (steps: readonly Step[], removals: { readonly remove: Removal; readonly expire: Removal }) => {
  const table = tableHistory();
  const live = new Map<number, number>();
  const copies = new Map<number, string | undefined>();
  const records: StreamRecord[] = [];
  steps.forEach(({ item: which, kind }, revision) => {
    const keys = { pk: "a", sk: `${which}` };
    const last = live.get(which);
    if (kind === "put") {
      records.push(table.put({ ...keys, revision }));
      live.set(which, revision);
      copies.set(which, isTaken({ revision }) ? `${revision}` : undefined);
    } else if (last !== undefined) {
      records.push(table[kind](keys));
      live.delete(which);
      copies.set(which, copyAfter(removals[kind], copies.get(which), last));
    }
  });
  return { records, expected: [...copies.values()].filter((copy) => copy !== undefined).sort() };
};

describe("any history", () => {
  const steps = fc.array(
    fc.record({ item: fc.integer({ min: 0, max: 2 }), kind: fc.constantFrom<Step["kind"]>("put", "remove", "expire") }),
    { minLength: 1, maxLength: 15 },
  );
  const removals = fc.constantFrom<Removal>("delete", "keep", mark);

  test("ends with the copies of the model, with duplicates and in any order", async () => {
    const order = fc.array(fc.nat(), { maxLength: 40 });
    const plans = fc.record({ steps, expire: removals, remove: removals, order });
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { records, expected } = play(plan.steps, plan);
        const route = routed({ byTtl: plan.expire, otherwise: plan.remove } as Removes, isTaken);
        const shuffled = records
          .map((record, index) => ({ record, rank: plan.order[index] ?? index }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ record }) => record);
        const repeated = plan.order.flatMap((position) => records[position % Math.max(1, records.length)] ?? []);
        expect((await route.send(...shuffled, ...repeated)).sort()).toEqual(expected);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });
});
