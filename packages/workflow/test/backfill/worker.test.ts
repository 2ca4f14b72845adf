// The worker of a backfill, in memory: checkpoints, repeats, limits and the rate.

import { describe, expect, test } from "@jest/globals";
import type { InvocationContext } from "@sluice/core/sink-kit";
import type { UnitProgress } from "../../src/backfill/unit-progress.ts";
import { type BackfillWorkerOptions, backfillWorker, type TurnEvent, type WorkerPipeline } from "../../src/index.ts";
import { memoryObjects, memoryPipeline, memoryTable, onePlan, someItems, testClock, unit } from "./memory-run.ts";
import { silent } from "./orders.ts";

interface Options extends BackfillWorkerOptions {
  readonly items?: number;
  readonly refused?: readonly number[];
  /** Wraps the pipeline's handler. */
  readonly around?: (handler: ReturnType<WorkerPipeline["handler"]>) => ReturnType<WorkerPipeline["handler"]>;
}

const pageSize = 5;

const rig = ({ items = 20, refused = [], around = (handler) => handler, ...options }: Options = {}) => {
  const objects = memoryObjects();
  const table = memoryTable(someItems(items), pageSize);
  const { pipeline, target } = memoryPipeline(refused);
  const { clock, advance } = testClock();
  const clients = { s3: objects.client, dynamodb: table.client };
  const worker = backfillWorker(
    { ...pipeline, handler: () => around(pipeline.handler()) },
    { checkpointMs: 0, clock, logger: silent, clients, ...options },
  );
  const turn = (changes: Partial<TurnEvent> = {}, context?: InvocationContext) =>
    worker({ plan: onePlan(), unit, ...changes }, context);
  const progress = (): UnitProgress<{ records: number; rejected: number }> =>
    JSON.parse(objects.textOf(objects.named("units/")[0] ?? ""));
  return { objects, table, target, turn, progress, advance };
};

describe("a turn", () => {
  test("copies a unit, and leaves its counts", async () => {
    const { turn, target, progress, table } = rig();
    expect(await turn()).toEqual({ isDone: true, turns: 1, waitSeconds: 0 });
    expect(target.items().size).toBe(20);
    expect(progress()).toMatchObject({
      unit: "segment 0/1",
      isDone: true,
      turns: 1,
      counts: { records: 20 },
      lists: [],
    });
    expect(await turn()).toEqual({ isDone: true, turns: 1, waitSeconds: 0 });
    expect(table.scans).toHaveLength(4);
  });

  test("ends before the function's timeout, and the next one continues at its cursor", async () => {
    const { turn, table, progress } = rig({ timeoutBufferMs: 1_000 });
    let asked = 0;
    const getRemainingTimeInMillis = () => {
      asked += 1;
      return asked > 3 ? 999 : 2_000;
    };
    expect(await turn({}, { getRemainingTimeInMillis })).toEqual({ isDone: false, turns: 1, waitSeconds: 0 });
    const { records } = progress().counts;
    expect(records).toBeLessThan(20);
    table.scans.length = 0;
    expect(await turn()).toEqual({ isDone: true, turns: 2, waitSeconds: 0 });
    expect(table.scans[0]).toBe(`o-${String(records).padStart(2, "0")}`);
    expect(progress().counts.records).toBe(20);
  });

  test("refuses a function whose timeout is too short for any turn", async () => {
    const { turn } = rig();
    const context = { getRemainingTimeInMillis: () => 30_000 };
    await expect(turn({}, context)).rejects.toMatchObject({ name: "ConfigError", message: /timeoutBufferMs/ });
  });

  test.each([1, 2, 3, 4])("that dies after page %i is repeated from its last checkpoint", async (page) => {
    let requests = 0;
    const { turn, target, table, progress } = rig({
      around: (handler) => async (event, context) => {
        const response = await handler(event, context);
        requests += 1;
        if (requests === page) throw Object.assign(new Error("killed"), { name: "ConfigError" });
        return response;
      },
    });
    await expect(turn()).rejects.toThrow("killed");
    table.scans.length = 0;
    expect(await turn()).toMatchObject({ isDone: true, turns: 2 });
    expect(table.scans[0]).toBe(page === 1 ? "" : `o-${String((page - 1) * pageSize).padStart(2, "0")}`);
    expect(target.items().size).toBe(20);
    expect(progress().counts.records).toBe(20);
  });

  test("whose unit another worker has taken ends, and overwrites nothing", async () => {
    const objects = memoryObjects();
    const table = memoryTable(someItems(20), pageSize);
    const { pipeline, target } = memoryPipeline();
    const options = { checkpointMs: 0, clock: testClock().clock, logger: silent };
    const clients = { s3: objects.client, dynamodb: table.client };
    const successor = backfillWorker(pipeline, { ...options, clients });
    let zombieRequests = 0;
    const zombie = backfillWorker(
      {
        ...pipeline,
        handler: () => async (event, context) => {
          zombieRequests += 1;
          // While the zombie hangs, its successor copies the whole unit.
          if (zombieRequests === 2) await successor({ plan: onePlan(), unit });
          return pipeline.handler()(event, context);
        },
      } as typeof pipeline,
      { ...options, clients },
    );
    await expect(zombie({ plan: onePlan(), unit })).rejects.toMatchObject({
      name: "UnitInterruptedError",
      code: "UNIT_INTERRUPTED",
    });
    const progress = JSON.parse(objects.textOf(objects.named("units/")[0] ?? ""));
    expect(progress).toMatchObject({ isDone: true, turns: 2, counts: { records: 20 } });
    expect(target.items().size).toBe(20);
  });
});

describe("an execution", () => {
  test("whose run another execution continues ends, and touches no unit", async () => {
    const { turn, objects, table } = rig();
    objects.objects.set("sluice/runs/r-1/execution.txt", { text: "r-2", etag: "x" });
    const error = {
      name: "UnitFailedError",
      message: 'the execution r-2 continues the run r-1 now; expected r-1: start an execution with { "run": "r-1" }',
    };
    await expect(turn()).rejects.toMatchObject(error);
    await expect(turn({ error: { Error: "UnitFailedError", Cause: "" } })).rejects.toMatchObject(error);
    expect([table.scans, objects.named("units/")]).toEqual([[], []]);
    expect(await turn({ plan: onePlan({ execution: "r-2" }) })).toMatchObject({ isDone: true });
  });

  test("that continues a run counts its own turns", async () => {
    const { turn } = rig({ timeoutBufferMs: 1_000 });
    let asked = 0;
    const getRemainingTimeInMillis = () => {
      asked += 1;
      return asked > 5 ? 999 : 2_000;
    };
    expect(await turn({}, { getRemainingTimeInMillis })).toMatchObject({ isDone: false, turns: 1 });
    expect(await turn({ plan: onePlan({ execution: "r-2" }) })).toMatchObject({ isDone: true, turns: 1 });
  });
});

describe("failures", () => {
  test("of records are listed with their keys and codes, and without other values", async () => {
    const { turn, objects, progress } = rig({ refused: [3, 7] });
    expect(await turn()).toMatchObject({ isDone: true });
    expect(progress()).toMatchObject({ counts: { records: 20, rejected: 2 } });
    const lines = progress().lists.flatMap((list) => objects.textOf(list).trim().split("\n"));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { keys: { id: { S: "o-04" } }, kind: "rejected", code: "MAPPING_FAILED" },
      { keys: { id: { S: "o-08" } }, kind: "rejected", code: "MAPPING_FAILED" },
    ]);
    expect(lines.join()).not.toContain("total");
  });

  test("that are too many fail the unit at the page, which is repeated when the run continues", async () => {
    const { turn, progress, table } = rig({ refused: [5, 6, 7], maxFailures: 2 });
    await expect(turn()).rejects.toMatchObject({
      name: "UnitFailedError",
      code: "UNIT_FAILED",
      message: expect.stringMatching(/^3 records of the unit were rejected; expected at most 2\..*3 MAPPING_FAILED/),
    });
    expect(progress()).toMatchObject({ isDone: false, counts: { records: 5, rejected: 0 } });
    table.scans.length = 0;
    await expect(turn()).rejects.toThrow("3 records");
    expect(table.scans[0]).toBe("o-05");
  });

  test("of the target interrupt the turn, and no record is left behind", async () => {
    const { turn, target, progress } = rig();
    target.fail({ kind: "down" });
    await expect(turn()).rejects.toMatchObject({
      name: "UnitInterruptedError",
      message: expect.stringContaining("5 records could not be written: 5 SINK_UNAVAILABLE"),
    });
    expect(progress()).toMatchObject({ isDone: false, counts: { records: 0 } });
    target.endFault();
    expect(await turn()).toMatchObject({ isDone: true });
    expect(target.items().size).toBe(20);
  });

  test("for good are noted for the report, until a later turn succeeds", async () => {
    const { turn, progress } = rig();
    const Cause = JSON.stringify({ errorType: "UnitFailedError", errorMessage: "no such\nfile", trace: [] });
    const error = { Error: "UnitFailedError", Cause };
    expect(await turn({ error })).toEqual({ isDone: false, turns: 0, waitSeconds: 0 });
    expect(progress()).toMatchObject({ isDone: false, error: "UnitFailedError: no such?file" });
    await turn();
    expect(progress().error).toBeUndefined();
  });
});

describe("the rate", () => {
  /** Milliseconds that 20 pages of 100 units take. `change` may write another rate after a sleep. */
  const durationWith = async (rate: object, change?: (objects: ReturnType<typeof memoryObjects>) => void) => {
    const objects = memoryObjects();
    const place = { Bucket: "runs", Key: "sluice/runs/r-1/rate.json" };
    await objects.client.putObject({ ...place, Body: JSON.stringify(rate) });
    let slept = 0;
    const { clock } = testClock((ms) => {
      slept += ms;
      if (slept > 20_000) change?.(objects);
    });
    const { pipeline } = memoryPipeline();
    const clients = { s3: objects.client, dynamodb: memoryTable(someItems(100 - 1), pageSize).client };
    const worker = backfillWorker(pipeline, { clock, logger: silent, clients, checkpointMs: 1_000 });
    const from = clock.now();
    await worker({ plan: onePlan(), unit });
    return clock.now() - from;
  };

  test("is the worker's share of the run's rate", async () => {
    const [whole, half] = [
      await durationWith({ readUnitsPerSecond: 40, concurrency: 2 }),
      await durationWith({ readUnitsPerSecond: 40, concurrency: 4 }),
    ];
    expect(half / whole).toBeGreaterThan(1.6);
    expect(half / whole).toBeLessThan(2.4);
  });

  test("changes while a turn is working", async () => {
    const steady = await durationWith({ readUnitsPerSecond: 40, concurrency: 4 });
    const raised = await durationWith({ readUnitsPerSecond: 40, concurrency: 4 }, ({ objects }) => {
      const text = JSON.stringify({ readUnitsPerSecond: 4_000, concurrency: 4 });
      objects.set("sluice/runs/r-1/rate.json", { text, etag: "x" });
    });
    expect(raised).toBeLessThan(steady / 2);
  });

  /** Turns of a function with a timeout of 15 minutes, until the unit is done. */
  const turnsAt = async (readUnitsPerSecond: number, pages: number, text?: string) => {
    const objects = memoryObjects();
    if (text !== undefined) objects.objects.set("sluice/runs/r-1/rate.json", { text, etag: "x" });
    const { clock, advance } = testClock();
    const { pipeline, target } = memoryPipeline();
    const clients = { s3: objects.client, dynamodb: memoryTable(someItems(pages * pageSize), pageSize).client };
    const worker = backfillWorker(pipeline, { clock, logger: silent, clients });
    const plan = onePlan({ rate: { readUnitsPerSecond, concurrency: 1 } });
    const start = clock.now();
    const tookMs: number[] = [];
    for (;;) {
      const from = clock.now();
      const context = { getRemainingTimeInMillis: () => from + 900_000 - clock.now() };
      const { isDone, waitSeconds } = await worker({ plan, unit }, context);
      tookMs.push(clock.now() - from);
      advance(waitSeconds * 1_000);
      if (isDone && waitSeconds === 0) return { tookMs, allMs: clock.now() - start, items: target.items().size };
    }
  };

  test("that is low ends a turn before the function's timeout, and keeps every page", async () => {
    // A page of 100 units takes 1,000 seconds, which is more than a function has.
    const { tookMs, allMs, items } = await turnsAt(0.1, 4);
    expect(items).toBe(20);
    expect(Math.max(...tookMs)).toBeLessThan(900_000);
    expect(allMs).toBeGreaterThan(3_900_000);
    expect(allMs).toBeLessThan(6_000_000);
  });

  test("also holds for units of one page", async () => {
    const { allMs, tookMs } = await turnsAt(2, 1);
    expect(allMs).toBeGreaterThanOrEqual(50_000);
    // The state machine waits, and not the function.
    expect(Math.max(...tookMs)).toBeLessThan(49_000);
  });

  test.each([["{}"], ["fast"]])("that cannot be read at the start is the planned one: %s", async (text) => {
    expect((await turnsAt(2, 1, text)).allMs).toBeGreaterThanOrEqual(50_000);
  });

  test("that was lowered does not hold for what was read before", async () => {
    const objects = memoryObjects();
    const setRate = (readUnitsPerSecond: number) => {
      const text = JSON.stringify({ readUnitsPerSecond, concurrency: 1 });
      objects.objects.set("sluice/runs/r-1/rate.json", { text, etag: "x" });
    };
    setRate(20);
    const table = memoryTable(someItems(99), pageSize);
    const { clock } = testClock(() => {
      if (table.scans.length > 18) setRate(1);
    });
    const { pipeline } = memoryPipeline();
    const clients = { s3: objects.client, dynamodb: table.client };
    const worker = backfillWorker(pipeline, { clock, logger: silent, clients, checkpointMs: 1_000 });
    const start = clock.now();
    const { isDone, waitSeconds } = await worker({ plan: onePlan(), unit });
    expect(isDone).toBe(true);
    // At the lower rate, the 1,800 units before would take half an hour.
    expect((clock.now() - start) / 1_000 + waitSeconds).toBeGreaterThan(150);
    expect((clock.now() - start) / 1_000 + waitSeconds).toBeLessThan(500);
  });

  test("that cannot be read is ignored", async () => {
    const steady = await durationWith({ readUnitsPerSecond: 40, concurrency: 4 });
    const broken = await durationWith({ readUnitsPerSecond: 40, concurrency: 4 }, ({ objects }) => {
      objects.set("sluice/runs/r-1/rate.json", { text: '{"readUnitsPerSecond":"fast"}', etag: "x" });
    });
    expect(broken / steady).toBeGreaterThan(0.8);
  });
});

describe("the live stream", () => {
  const lagging = (lags: readonly (number | undefined)[], options: Partial<BackfillWorkerOptions> = {}) => {
    const objects = memoryObjects();
    const { clock } = testClock();
    const { pipeline, target } = memoryPipeline();
    const asked: unknown[] = [];
    const cloudwatch = {
      getMetricData: async ({ MetricDataQueries }: { MetricDataQueries: readonly unknown[] }) => {
        const lag = lags[asked.push(MetricDataQueries[0]) - 1];
        return { MetricDataResults: [{ Values: lag === undefined ? [] : [lag] }] };
      },
    };
    const clients = { s3: objects.client, dynamodb: memoryTable(someItems(20), pageSize).client, cloudwatch };
    const worker = backfillWorker(pipeline, { clock, logger: silent, clients, liveFunction: "orders", ...options });
    const start = clock.now();
    const context = { getRemainingTimeInMillis: () => start + 900_000 - clock.now() };
    const turn = () => worker({ plan: onePlan(), unit }, context);
    return { turn, asked, target, tookMs: () => clock.now() - start };
  };

  test("that lags holds the worker back until it has caught up", async () => {
    const { turn, asked, tookMs } = lagging([90_000, 70_000, 1_000]);
    expect(await turn()).toMatchObject({ isDone: true });
    expect(tookMs()).toBeGreaterThanOrEqual(120_000);
    expect(JSON.stringify(asked[0])).toContain('{"Name":"FunctionName","Value":"orders"}');
  });

  test("that lags longer than a function lives ends the turn in time, and nothing is written", async () => {
    const { turn, target, tookMs } = lagging(Array.from({ length: 20 }, () => 90_000));
    expect(await turn()).toMatchObject({ isDone: false });
    expect(tookMs()).toBeLessThan(900_000);
    expect(target.items().size).toBe(0);
  });

  test.each<[string, readonly (number | undefined)[], Partial<BackfillWorkerOptions>]>([
    ["is idle", [], {}],
    ["lags less than yieldAboveMs", Array.from({ length: 20 }, () => 90_000), { yieldAboveMs: 100_000 }],
  ])("that %s holds no worker back", async (_, lags, options) => {
    const { turn, asked } = lagging(lags, options);
    expect(await turn()).toMatchObject({ isDone: true });
    expect(asked.length).toBeGreaterThan(0);
  });
});

describe("options", () => {
  const { pipeline } = memoryPipeline();
  test.each<[string, object]>([
    ["typo", { typo: true }],
    ["maxFailures", { maxFailures: -1 }],
    ["yieldAboveMs", { yieldAboveMs: -1 }],
    ["timeoutBufferMs", { timeoutBufferMs: 1_000_000 }],
    ["checkpointMs", { checkpointMs: "1" }],
    ["sns", { clients: { sns: {} } }],
  ])("that are wrong are refused with their name: %s", (name, options) => {
    expect(() => backfillWorker(pipeline, options)).toThrow(`"${name}"`);
  });
});
