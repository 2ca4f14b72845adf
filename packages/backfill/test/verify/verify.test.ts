// Verifications of small tables: units in turns, samples, pending and ahead copies, mappers that read a clock, and limits.

import { randomBytes, randomInt } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { type Pipeline, pipeline } from "@sluice/core";
import { type Image, itemKeyOf } from "@sluice/core/envelope";
import { SinkError } from "@sluice/core/sink-kit";
import { lambdaContext, memoryAppendSink, memoryUpsertSink, streamRecord, toImage } from "@sluice/testing";
import {
  addTallies,
  backfillRecord,
  type Finding,
  type Invoke,
  type TaskAnswer,
  type VerifyOptions,
  type VerifyState,
  type VerifyTally,
  type VerifyUnit,
  verifyTable,
  verifyUnit,
  verifyUnits,
} from "../../src/index.ts";

interface Order {
  readonly id: string;
  readonly total: number;
}

const count = 12;
const orders: readonly Order[] = [...Array(count).keys()].map((total) => ({ id: `o-${total}`, total }));
const keyOf = (id: string): Image => ({ id: { S: id } });
const { signal } = new AbortController();
const origin = {
  run: "verify-1",
  streamArn: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678",
  keyNames: ["id"],
};
const epoch = "20260102030405678";
const silent = { info: () => undefined, warn: () => undefined };

const emptyPipeline = () => pipeline<Order>("orders", { onReject: "block", logger: silent });

const invokeOf = (one: Pipeline<Order>): Invoke => {
  const handler = one.handler();
  return async (event) => (await handler(event as never, lambdaContext())) as unknown as TaskAnswer;
};

/** Options for a table with these items, whose clock passes quickly. */
const optionsOf = (one: Pipeline<Order>, items: readonly Order[] = orders): VerifyOptions => {
  let now = Date.now();
  const images = new Map(items.map((order) => [itemKeyOf(keyOf(order.id)), toImage({ ...order })]));
  return {
    targets: one.targets(),
    origin,
    keyTypes: { id: "S" },
    clock: {
      now: () => now,
      random: () => 0.5,
      sleep: async (ms) => {
        now += ms;
      },
    },
    table: {
      read: async (keys) =>
        new Map(
          keys.flatMap((key) => {
            const image = images.get(itemKeyOf(key));
            return image === undefined ? [] : [[itemKeyOf(key), image] as const];
          }),
        ),
    },
    source: {
      name: "table Orders",
      units: async () => [{ kind: "segment", segment: 0, segments: 1 }],
      pages: async function* (_, after) {
        const all = [...images.values()];
        for (let from = Number(after ?? 0); from < all.length; from += 5) {
          const records = all.slice(from, from + 5).map((image) => backfillRecord(origin, image, "1800000000000000"));
          yield { records, cursor: from + 5 < all.length ? String(from + 5) : undefined, readUnits: 1 };
        }
      },
    },
  };
};

const fill = async (one: Pipeline<Order>, items: readonly Order[] = orders): Promise<void> => {
  const Records = items.map((after, index) =>
    streamRecord({ keyNames: ["id"], tableName: "Orders", after: { ...after }, position: index + 1 }),
  );
  await one.handler()({ Records } as never, lambdaContext());
};

/** A pipeline with one target in memory that has every item. */
const filled = async () => {
  const sink = memoryUpsertSink<object>({ name: "copies" });
  const one = emptyPipeline().to(sink, ({ after }) => ({ total: after.total }));
  await fill(one);
  const corrupt = (id: string, change: Parameters<typeof sink.corrupt>[1]) =>
    sink.corrupt(itemKeyOf(keyOf(id)), change);
  return { sink, one, options: optionsOf(one), corrupt };
};

const findingsOf = async (options: VerifyOptions) => {
  const findings: Finding[] = [];
  const report = await verifyTable(options, { signal, onFinding: (finding) => findings.push(finding) });
  return {
    report,
    found: findings.map(({ class: kind, keys, repair }) => [kind, Object.values(keys.id ?? {})[0], repair]),
  };
};

describe("a unit in turns", () => {
  test("ends after each page, waits outside, and agrees with the whole run", async () => {
    const { options, corrupt, one } = await filled();
    corrupt("o-2", () => undefined);
    corrupt("o-7", (held) => held && { ...held, message: { total: -1 } });
    corrupt("ghost", () => ({ version: `${epoch}-${"0".repeat(40)}`, message: { total: 1 }, keys: keyOf("ghost") }));
    const repairing = { ...options, repair: invokeOf(one) };
    let tally: VerifyTally = {};
    const findings: Finding[] = [];
    let turns = 0;
    for (const unit of await verifyUnits(repairing, 2)) {
      let state: VerifyState | undefined;
      for (let isDone = false; !isDone; turns += 1) {
        const request = { unit: JSON.parse(JSON.stringify(unit)) as VerifyUnit, signal, waits: false };
        // A turn that may not wait ends when its suspects are not due; a turn that is over after each page ends earlier.
        const answer = await verifyUnit(repairing, {
          ...request,
          ...(state && { state }),
          ...(state?.isRead !== true && { isOver: () => true }),
        });
        if (answer.dueAt !== undefined) await options.clock?.sleep(60_000, signal);
        state = JSON.parse(JSON.stringify(answer.state)) as VerifyState;
        tally = addTallies(tally, answer.tally);
        findings.push(...answer.findings);
        isDone = answer.isDone;
        expect(turns).toBeLessThan(50);
      }
    }
    expect(turns).toBeGreaterThan(6);
    expect(findings.map(({ class: kind, repair }) => [kind, repair]).sort()).toEqual([
      ["different", "repaired"],
      ["ghost", "repaired"],
      ["missing", "repaired"],
    ]);
    expect(tally.copies?.counts).toEqual({ equal: count - 2, missing: 1, different: 1, ghost: 1 });
    expect((await findingsOf(options)).report).toMatchObject({
      isEqual: true,
      tally: { copies: { counts: { equal: count } } },
    });
  });

  test("stops with too many suspects", async () => {
    const sink = memoryUpsertSink<object>({ name: "copies" });
    const options = optionsOf(emptyPipeline().to(sink, ({ after }) => ({ total: after.total })));
    const { report } = await findingsOf({ ...options, maxSuspects: 4 });
    expect(report).toMatchObject({
      isComplete: false,
      isEqual: false,
      stopped: expect.stringContaining("differs too much"),
    });
  });
});

describe("classes", () => {
  test("a sample selects the same items for the table and for ghosts", async () => {
    const { options, corrupt } = await filled();
    for (const { id } of orders) corrupt(id, () => undefined);
    for (const { id } of orders) {
      const keys = keyOf(`ghost-${id}`);
      corrupt(`ghost-${id}`, () => ({ version: `${epoch}-${"0".repeat(40)}`, message: { total: 1 }, keys }));
    }
    const first = await findingsOf({ ...options, sample: 0.5 });
    const second = await findingsOf({ ...options, sample: 0.5 });
    expect(first.found.sort()).toEqual(second.found.sort());
    expect(first.found.length).toBeGreaterThan(2);
    expect(first.found.length).toBeLessThan(2 * count - 2);
    expect((await findingsOf(options)).found).toHaveLength(2 * count);
  });

  test("items with open dead letters are pending, copies of a later stream are ahead; neither is repaired", async () => {
    const { options, corrupt, one, sink } = await filled();
    corrupt("o-1", (held) => held && { ...held, message: { total: -1 } });
    corrupt(
      "o-2",
      (held) => held && { ...held, message: { total: -1 }, version: held.version.replace(epoch, "20990102030405678") },
    );
    corrupt("o-3", (held) => held && { ...held, message: { total: -1 } });
    const deadLetters = async () => [
      { keys: keyOf("o-1"), route: "copies" },
      { keys: keyOf("o-3"), route: "another" },
    ];
    const { found, report } = await findingsOf({ ...options, deadLetters, repair: invokeOf(one) });
    expect(found.sort()).toEqual([
      ["ahead", "o-2", undefined],
      ["different", "o-3", "repaired"],
      ["pending", "o-1", undefined],
    ]);
    expect(report.isEqual).toBe(false);
    expect(sink.items().get(itemKeyOf(keyOf("o-1")))).toEqual({ total: -1 });
  });

  test.each([
    ["no sequence number", epoch],
    ["no number", `${epoch}-abc`],
    ["a short number", `${epoch}-12`],
    ["the last fraction", `${epoch}-${"0".repeat(40)}.${"9".repeat(16)}`],
  ])("a copy whose version has %s is ahead, and the others are repaired", async (_, version) => {
    const { options, corrupt, one } = await filled();
    corrupt("o-1", (held) => held && { ...held, message: { total: -1 }, version });
    corrupt("o-2", (held) => held && { ...held, message: { total: -1 } });
    const { found, report } = await findingsOf({ ...options, repair: invokeOf(one) });
    expect(found.sort()).toEqual([
      ["ahead", "o-1", undefined],
      ["different", "o-2", "repaired"],
    ]);
    expect(report.isEqual).toBe(false);
  });

  test("repairs that do not reach the target have failed: the handler writes another target", async () => {
    const { options, corrupt } = await filled();
    corrupt("o-1", (held) => held && { ...held, message: { total: -1 } });
    corrupt("o-2", () => undefined);
    const elsewhere = emptyPipeline().to(memoryUpsertSink<object>({ name: "copies" }), ({ after }) => ({
      total: after.total,
    }));
    const { found, report } = await findingsOf({ ...options, repair: invokeOf(elsewhere) });
    expect(found.sort()).toEqual([
      ["different", "o-1", "failed"],
      ["missing", "o-2", "failed"],
    ]);
    expect(report.isEqual).toBe(false);
  });

  test("copies of removed items are kept where a route keeps them", async () => {
    const sink = memoryUpsertSink<object>({ name: "copies" });
    const one = emptyPipeline().to(sink, ({ after }) => ({ total: after.total }), { removes: "keep" });
    await fill(one);
    const { report } = await findingsOf(optionsOf(one, orders.slice(1)));
    expect(report).toMatchObject({ isEqual: true, tally: { copies: { counts: { equal: count - 1, kept: 1 } } } });
  });

  test("a handler with another mapper fails to repair", async () => {
    const { options, corrupt, sink } = await filled();
    corrupt("o-1", (held) => held && { ...held, message: { total: -1 } });
    const other = emptyPipeline().to(sink, ({ after }) => ({ total: after.total + 1_000 }));
    const { found } = await findingsOf({ ...options, repair: invokeOf(other) });
    expect(found).toEqual([["different", "o-1", "failed"]]);
  });

  test("a repair is sent again after the function has failed, and after its target was down", async () => {
    const { options, corrupt, one, sink } = await filled();
    corrupt("o-1", (held) => held && { ...held, message: { total: -1 } });
    const invoke = invokeOf(one);
    let calls = 0;
    const repair: Invoke = async (event, aborting) => {
      calls += 1;
      if (calls === 1) throw new Error("the function failed");
      if (calls === 2) sink.fail({ kind: "down" });
      else sink.endFault();
      return invoke(event, aborting);
    };
    expect((await findingsOf({ ...options, repair })).found).toEqual([["different", "o-1", "repaired"]]);
    expect(calls).toBe(3);
    corrupt("o-2", (held) => held && { ...held, message: { total: -1 } });
  });

  test("a function that stays broken ends the run with what was found, and what the repairs came to", async () => {
    const { options, corrupt, one } = await filled();
    corrupt("o-2", (held) => held && { ...held, message: { total: -1 } });
    corrupt("o-3", () => undefined);
    const broken: Invoke = async () => Promise.reject(new Error("the function is broken"));
    const { found, report } = await findingsOf({ ...options, repair: broken });
    expect(found.sort()).toEqual([
      ["different", "o-2", "failed"],
      ["missing", "o-3", "failed"],
    ]);
    expect(report).toMatchObject({ isComplete: false, isEqual: false, stopped: "the function is broken" });
    expect(report.tally.copies?.counts).toEqual({ equal: count - 2, different: 1, missing: 1 });
    // A worker in a state machine repeats its turn.
    const [unit] = (await verifyUnits(options, 1)).filter(({ kind }) => kind === "items");
    const request = { unit: unit as VerifyUnit, signal };
    await expect(verifyUnit({ ...options, repair: broken }, request)).rejects.toThrow("the function is broken");
    expect((await findingsOf({ ...options, repair: invokeOf(one) })).report.isEqual).toBe(true);
  });

  test("a repair whose function writes, and then times out, is proved by the next look", async () => {
    const { options, corrupt, one } = await filled();
    corrupt("o-2", (held) => held && { ...held, message: { total: -1 } });
    const invoke = invokeOf(one);
    let calls = 0;
    const late: Invoke = async (event, aborting) => {
      calls += 1;
      const answer = await invoke(event, aborting);
      if (calls === 1) throw new Error("Task timed out after 3.00 seconds");
      return answer;
    };
    const { found, report } = await findingsOf({ ...options, repair: late });
    expect(found).toEqual([["different", "o-2", "repaired"]]);
    expect(report).toMatchObject({ isEqual: true, tally: { copies: { repairs: { repaired: 1 } } } });
  });

  test("a target that the run is not about need not answer", async () => {
    const { sink } = await filled();
    const down = {
      ...memoryUpsertSink<object>({ name: "down" }),
      read: async () => Promise.reject(new SinkError("SINK_DENIED", "[down] no permission")),
    };
    const one = emptyPipeline()
      .to(sink, ({ after }) => ({ total: after.total }))
      .to(down, ({ after }) => ({ total: after.total }));
    sink.corrupt(itemKeyOf(keyOf("o-4")), (held) => held && { ...held, message: { total: -1 } });
    const { found } = await findingsOf({ ...optionsOf(one), routes: ["copies"] });
    expect(found).toEqual([["different", "o-4", undefined]]);
  });

  test("append routes and sinks without read are not compared, and this is said", async () => {
    const { read: _, ...blind } = memoryUpsertSink<object>({ name: "blind" });
    const one = emptyPipeline()
      .to(blind, ({ after }) => ({ total: after.total }))
      .to(memoryAppendSink<object>({ name: "sent" }), () => ({}), { dedupe: "none" });
    const { report } = await findingsOf(optionsOf(one));
    expect(report.tally).toEqual({});
    expect(report.limits).toEqual(["blind: nothing to compare, because the sink cannot read its target"]);
  });
});

describe("a mapper that reads", () => {
  const readings: Readonly<Record<string, () => unknown>> = {
    "new Date": () => new Date().toISOString(),
    "the year": () => new Date().getFullYear(),
    "the hour": () => new Date().getHours(),
    "Date as a function": () => Date(),
    "Date.now": () => Math.floor(Date.now() / 86_400_000),
    "Math.random": () => Math.random() < 0.5,
    "performance.now": () => Math.floor(performance.now() / 1_000_000),
    "crypto.randomUUID": () => crypto.randomUUID(),
    "crypto.getRandomValues": () => crypto.getRandomValues(new Uint8Array(1))[0],
    "randomBytes of node:crypto": () => randomBytes(4).toString("hex"),
    "process.hrtime": () => process.hrtime()[1],
    "process.hrtime.bigint": () => process.hrtime.bigint(),
    "a counter": () => nextNumber(),
  };

  let latestNumber = 0;
  const nextNumber = (): number => {
    latestNumber += 1;
    return latestNumber % 2;
  };

  test.each(Object.entries(readings))("%s is found out, and the other members are compared", async (_, reading) => {
    const sink = memoryUpsertSink<object>({ name: "copies" });
    const written = emptyPipeline().to(sink, ({ after }) => ({ total: after.total, read: "another value" }));
    await fill(written);
    sink.corrupt(itemKeyOf(keyOf("o-4")), (held) => held && { ...held, message: { total: -1, read: "another value" } });
    const one = emptyPipeline().to(sink, ({ after }) => ({ total: after.total, read: reading() }));
    const { found, report } = await findingsOf(optionsOf(one));
    expect(found).toEqual([["different", "o-4", undefined]]);
    expect(report.examples[0]?.members).toEqual(["total"]);
    expect(report.tally.copies).toMatchObject({ counts: { unstable: count - 1 }, unstable: { copies: ["read"] } });
    expect(Date.now()).toBeLessThan(Date.parse("2026-01-01") + 50 * 365 * 86_400_000);
    expect(new Date(0).toISOString()).toBe("1970-01-01T00:00:00.000Z");
  });

  test("one of two values by chance is found out in every item", async () => {
    const many = [...Array(2_000).keys()].map((total) => ({ id: `o-${total}`, total }));
    const sink = memoryUpsertSink<object>({ name: "copies" });
    const one = emptyPipeline().to(sink, ({ after }) => ({ total: after.total, side: randomInt(2) }));
    await fill(one, many);
    const { found, report } = await findingsOf(optionsOf(one, many));
    expect(found).toEqual([]);
    expect(report).toMatchObject({ isEqual: true, tally: { copies: { unstable: { copies: ["side"] } } } });
  });

  test("a clock of the target is found out before the differences are too many", async () => {
    const memory = memoryUpsertSink<object>({ name: "copies" });
    let clock = 0;
    const sink: typeof memory = {
      ...memory,
      canonical: async (batch, context) => {
        clock += 1;
        const contents = (await memory.canonical?.(batch, context)) ?? [];
        return contents.map((content) => ({ ...content, ingested: String(clock) }));
      },
    };
    const one = emptyPipeline().to(sink, ({ after }) => ({ total: after.total }));
    await fill(one);
    memory.corrupt(itemKeyOf(keyOf("o-4")), (held) => held && { ...held, message: { total: -1 } });
    const { found, report } = await findingsOf({ ...optionsOf(one), maxSuspects: 1 });
    expect(found).toEqual([["different", "o-4", undefined]]);
    expect(report.examples[0]?.members).toEqual(["total"]);
    expect(report.tally.copies).toMatchObject({ counts: { unstable: count - 1 }, unstable: { copies: ["ingested"] } });
  });

  test("the clock in a filter is found out", async () => {
    const sink = memoryUpsertSink<object>({ name: "copies" });
    await fill(emptyPipeline().to(sink, ({ after }) => ({ total: after.total })));
    const later = Date.now() + 86_400_000;
    const one = emptyPipeline()
      .when(({ total }) => total > 0 || Date.now() > later)
      .to(sink, ({ after }) => ({ total: after.total }));
    const { report } = await findingsOf(optionsOf(one));
    expect(report.tally.copies).toMatchObject({
      counts: { equal: count - 1, unstable: 1 },
      unstable: { copies: ["whether the item has a copy"] },
    });
  });
});
