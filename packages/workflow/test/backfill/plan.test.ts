// The plan and the report of a run, in memory.

import { describe, expect, test } from "@jest/globals";
import { memoryBucket, writeExport } from "@sluice/testing";
import {
  backfillPlan,
  backfillReport,
  backfillWorker,
  type PlanOptions,
  verifyPlan,
  verifyReport,
  verifyWorker,
} from "../../src/index.ts";
import {
  bucket,
  mapping,
  memoryObjects,
  memoryPipeline,
  memoryTable,
  planEvent,
  someItems,
  startMs,
  streamArn,
  testClock,
  withDates,
} from "./memory-run.ts";
import { silent } from "./orders.ts";

const rig = (
  options: Partial<PlanOptions> & {
    readonly refused?: readonly number[];
    readonly items?: number;
    readonly listsKeys?: boolean;
  } = {},
) => {
  const { refused = [], items = 20, listsKeys = true, ...given } = options;
  const objects = memoryObjects();
  const table = memoryTable(someItems(items), 5);
  const { clock, advance } = testClock();
  const { pipeline, target } = memoryPipeline(refused, listsKeys);
  const clients = {
    s3: objects.client,
    dynamodb: withDates(table.client, clock.now, advance),
    lambda: mapping(),
    ...given.clients,
  };
  const common = { logger: silent, clock, clients };
  const planOptions = { table: "orders", bucket, ...common, ...given, clients } as PlanOptions;
  return {
    ...{ objects, pipeline, target, clock, advance, clients },
    plan: backfillPlan(pipeline, planOptions),
    planVerify: verifyPlan(pipeline, planOptions),
    worker: backfillWorker(pipeline, { ...common, checkpointMs: 0 }),
    report: backfillReport(common),
    verifier: verifyWorker(pipeline, { ...common, graceMs: 60_000 }),
    verifierReport: (writeMetric: (line: string) => void) =>
      verifyReport({ ...common, writeMetric, functionName: "orders-report" }),
  };
};

describe("the plan of a backfill", () => {
  test("has the stream, the keys, the time and the units, and less than two kilobytes", async () => {
    const { plan, objects } = rig();
    const planned = await plan(planEvent({ segments: 3, readUnitsPerSecond: 100, routes: ["copy"] }));
    expect(planned).toMatchObject({
      ...{ mode: "backfill", run: "r-1", pipeline: "orders", keyTypes: { id: "S" }, routes: ["copy"] },
      source: { kind: "table", table: "orders", segments: 3, asOf: expect.stringMatching(/^\d{16}$/) },
      origin: { run: "r-1", streamArn, keyNames: ["id"] },
      items: { bucket, key: "sluice/runs/r-1/units.jsonl" },
    });
    expect(objects.textOf("units.jsonl").trim().split("\n")).toHaveLength(3);
    expect(JSON.parse(objects.textOf("rate.json"))).toEqual({ concurrency: 3, readUnitsPerSecond: 100 });
    expect(JSON.stringify(planned).length).toBeLessThan(2_000);
  });

  test.each<[string, object, number | undefined]>([
    ["a fifth of the provisioned units", { ProvisionedThroughput: { ReadCapacityUnits: 400 } }, 80],
    ["at least a unit", { ProvisionedThroughput: { ReadCapacityUnits: 2 } }, 1],
    [
      "no limit on demand",
      { BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" }, ProvisionedThroughput: { ReadCapacityUnits: 400 } },
      undefined,
    ],
  ])("has a rate by default: %s", async (_, billing, readUnitsPerSecond) => {
    const { plan, objects, clients } = rig();
    const { describeTable } = clients.dynamodb;
    const described = async (input: { TableName: string }) => ({
      Table: { ...(await describeTable(input)).Table, ...billing },
    });
    Object.assign(clients.dynamodb, { describeTable: described });
    expect((await plan(planEvent())).rate.readUnitsPerSecond).toBe(readUnitsPerSecond);
    await plan(planEvent({ run: "r-1" }, { execution: "r-2" }));
    expect(JSON.parse(objects.textOf("rate.json")).readUnitsPerSecond).toBe(readUnitsPerSecond);
    expect((await plan(planEvent({ run: "r-1", readUnitsPerSecond: 9 }))).rate.readUnitsPerSecond).toBe(9);
  });

  test("of an export uses the manifest's own list of files", async () => {
    const written = writeExport({
      ...{ items: someItems(20), files: 3, bucket, tableArn: "arn:aws:dynamodb:us-east-1:123456789012:table/orders" },
      exportTime: new Date(startMs - 3_600_000).toISOString(),
    });
    const objects = memoryObjects();
    const exported = memoryBucket(written);
    const s3 = {
      ...objects.client,
      getObject: async (place: { Bucket: string; Key: string }) =>
        place.Key.startsWith("AWSDynamoDB/")
          ? exported.getObject(place)
          : objects.client.getObject(place, undefined as never),
    };
    const { plan } = rig({ clients: { s3: s3 as never } });
    const key = written.manifest.replace(`s3://${bucket}/`, "").replace("summary", "files");
    expect(await plan(planEvent({ manifest: written.manifest }))).toMatchObject({
      source: { kind: "export", manifest: written.manifest },
      items: { bucket, key },
    });
  });

  test.each<[string, Parameters<typeof rig>[0], RegExp]>([
    ["is disabled", { clients: { lambda: mapping({ State: "Disabled" }) } }, /is Disabled; enable it first/],
    [
      "has started at LATEST a minute ago",
      { clients: { lambda: mapping({ StartingPosition: "LATEST", LastModified: new Date(startMs - 60_000) }) } },
      /starts at LATEST/,
    ],
    [
      "does not exist",
      { clients: { lambda: { listEventSourceMappings: async () => ({}) } } },
      /no function reads the stream/,
    ],
  ])("refuses to start if the event source mapping %s", async (_name, options, message) => {
    const { plan, objects } = rig(options);
    await expect(plan(planEvent())).rejects.toMatchObject({ name: "ConfigError", message });
    expect(objects.named("units")).toEqual([]);
    const { plan: careless } = rig({ ...options, skipChecks: ["live"] });
    await expect(careless(planEvent())).resolves.toMatchObject({ run: "r-1" });
  });

  test("refuses to start if the pipeline rejects all items of a sample", async () => {
    const { plan } = rig({ refused: Array.from({ length: 20 }, (_, n) => n) });
    await expect(plan(planEvent())).rejects.toThrow(/would fail.*MAPPING_FAILED.*skipChecks: \["sample"\]/);
  });

  test.each<[string, unknown]>([
    ["input", []],
    ["typo", { typo: 1 }],
    ["manifest", { manifest: "" }],
    ["run", { run: "../other" }],
    ["segments", { segments: 0 }],
    ["routes", { routes: "copy" }],
    ["readUnitsPerSecond", { readUnitsPerSecond: "fast" }],
  ])("refuses an input that is wrong: %s", async (name, input) => {
    await expect(rig().plan(planEvent(input as object))).rejects.toThrow(`"${name}"`);
  });

  test("refuses wrong options", () => {
    expect(() => rig({ skipChecks: ["all" as never] })).toThrow('"skipChecks"');
    expect(() => rig({ typo: 1 } as never)).toThrow('"typo"');
    expect(() => rig({ bucket: "" })).toThrow('"bucket"');
  });
});

describe("a run with the name of another", () => {
  test("is refused, because the units of that run would count as done", async () => {
    const { plan, planVerify } = rig();
    await plan(planEvent());
    const later = { startedAt: new Date(startMs + 1).toISOString() };
    const message =
      /there is a run r-1 already: a backfill of the pipeline orders.*another name, or the input \{"run":"r-1"\}/;
    await expect(plan(planEvent({}, later))).rejects.toMatchObject({ name: "ConfigError", message });
    await expect(planVerify(planEvent())).rejects.toMatchObject({ name: "ConfigError", message });
  });

  test("is the same run, if Step Functions repeats the attempt, and has the same time", async () => {
    const { plan } = rig();
    const first = await plan(planEvent());
    expect(await plan(planEvent())).toEqual(first);
  });
});

describe("errors that no repeat can help", () => {
  test("of an export have the name that is not retried", async () => {
    const { plan } = rig();
    await expect(plan(planEvent({ manifest: "s3://runs/AWSDynamoDB/01/manifest-summary.json" }))).rejects.toMatchObject(
      {
        name: "UnitFailedError",
      },
    );
  });

  test.each(["AccessDenied", "NoSuchBucket"])("of the bucket have it, too: %s", async (name) => {
    const objects = memoryObjects();
    const getObject = async () => {
      throw Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 403 } });
    };
    const { plan } = rig({ clients: { s3: { ...objects.client, getObject } as never } });
    await expect(plan(planEvent())).rejects.toMatchObject({ name: "UnitFailedError" });
  });

  test("of a verify that differs too much have it, too", async () => {
    const { planVerify, pipeline, clients, clock } = rig();
    const plan = await planVerify(planEvent({ segments: 1 }));
    const strict = verifyWorker(pipeline, { logger: silent, clock, clients, maxSuspects: 3 });
    const unit = { kind: "items", unit: { kind: "segment", segment: 0, segments: 1 } };
    const message = /^differs too much/;
    await expect(strict({ plan, unit })).rejects.toMatchObject({ name: "UnitFailedError", message });
  });
});

describe("a run that continues another", () => {
  test("may have any name that Step Functions allows", async () => {
    const { plan } = rig();
    const execution = "2026.11.29+(läufe)=1@a!'";
    await plan(planEvent({}, { execution }));
    expect(await plan(planEvent({ run: execution }, { execution: "r-2" }))).toMatchObject({ run: execution });
  });

  test("has its plan, and another rate", async () => {
    const { plan, objects } = rig();
    const first = await plan(planEvent({ segments: 3 }));
    const second = await plan(
      planEvent({ run: "r-1", readUnitsPerSecond: 7 }, { execution: "r-2", maxConcurrency: 9 }),
    );
    const rate = { concurrency: 3, readUnitsPerSecond: 7 };
    expect(second).toEqual({ ...first, execution: "r-2", rate });
    expect(JSON.parse(objects.textOf("rate.json"))).toEqual(rate);
  });

  test.each<[string, object, RegExp]>([
    ["with other segments", { run: "r-1", segments: 4 }, /number of segments, which is 3; expected 4/],
    ["with other routes", { run: "r-1", routes: ["copy"] }, /the routes all; expected copy/],
    ["of an export", { run: "r-1", manifest: "s3://b/manifest-summary.json" }, /the manifest no export/],
    ["that does not exist", { run: "r-9" }, /no run r-9/],
  ])("is refused %s", async (_name, input, message) => {
    const { plan } = rig();
    await plan(planEvent({ segments: 3 }));
    await expect(plan(planEvent(input, { execution: "r-2" }))).rejects.toThrow(message);
  });

  test("is refused after 14 days, and by a verify", async () => {
    const { plan, planVerify, advance } = rig();
    await plan(planEvent());
    await expect(planVerify(planEvent({ run: "r-1" }))).rejects.toThrow(/the mode backfill; expected verify/);
    advance(15 * 86_400_000);
    await expect(plan(planEvent({ run: "r-1" }))).rejects.toThrow(/within 14 days/);
  });
});

describe("the report of a backfill", () => {
  test("adds up all units", async () => {
    const { plan, worker, report, objects } = rig({ refused: [7] });
    const planned = await plan(planEvent({ segments: 1 }));
    await worker({ plan: planned, unit: { kind: "segment", segment: 0, segments: 1 } });
    const result = await report({ plan: planned, state: {} });
    expect(result).toMatchObject({
      outcome: "incomplete",
      reason:
        "1 records were rejected: see the lists in the report. When the cause is mended, a verify with repairs copies them",
      units: { total: 1, done: 1 },
      counts: { records: 20, delivered: 19, rejected: 1 },
      ...{ lists: 1, report: "s3://runs/sluice/runs/r-1/report.json" },
    });
    expect(JSON.parse(objects.textOf("report.json"))).toMatchObject({ lists: [expect.stringMatching(/^lists\//)] });
  });

  test("names units that failed, and counts those that were never begun", async () => {
    const { plan, worker, report } = rig();
    const planned = await plan(planEvent({ segments: 30 }));
    const error = { Error: "UnitFailedError", Cause: '{"errorMessage":"the file is damaged"}' };
    await worker({ plan: planned, unit: { kind: "segment", segment: 3, segments: 30 }, error });
    const stopped = { Error: "States.ExceedToleratedFailureThreshold", Cause: "" };
    const { reason, unfinished } = await report({ plan: planned, state: { error: stopped } });
    expect(reason).toBe(
      "the run stopped: States.ExceedToleratedFailureThreshold: . 30 of 30 units are not done. segment 3/30: UnitFailedError: the file is damaged. " +
        'To go on, start an execution with the input {"run":"r-1"}',
    );
    expect(unfinished).toHaveLength(10);
  });
});

describe("a verify", () => {
  test("reads copies and items, waits outside of the function, and reports classes and a metric", async () => {
    const { plan, worker, planVerify, verifier, verifierReport, target, advance, objects } = rig();
    const filled = await plan(planEvent({ segments: 1 }));
    await worker({ plan: filled, unit: { kind: "segment", segment: 0, segments: 1 } });
    const [lost = "", changed = ""] = target.items().keys();
    target.corrupt(lost, () => undefined);
    target.corrupt(changed, (held) => held && { ...held, message: { id: "o-02", total: -1 } });

    objects.objects.clear();
    const planned = await planVerify(planEvent({ segments: 1 }, { maxConcurrency: 1 }));
    expect(planned).toMatchObject({ mode: "verify", limits: [], copies: { key: "sluice/runs/r-1/copies.jsonl" } });
    const linesOf = (name: string) =>
      objects
        .textOf(name)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    const [copies, items] = [linesOf("copies.jsonl"), linesOf("units.jsonl")];
    expect([copies.length, items.length]).toEqual([1, 1]);
    expect(await verifier({ plan: planned, unit: copies[0] })).toMatchObject({ isDone: true });
    const first = await verifier({ plan: planned, unit: items[0] });
    expect(first).toMatchObject({ isDone: false, turns: 1 });
    expect(first.waitSeconds).toBeGreaterThan(50);
    advance(first.waitSeconds * 1_000);
    expect(await verifier({ plan: planned, unit: items[0] })).toMatchObject({ isDone: true, turns: 2, waitSeconds: 0 });

    const lines: string[] = [];
    const report = await verifierReport((line) => lines.push(line))({ plan: planned, state: {} });
    expect(report).toMatchObject({ outcome: "complete", differing: 2, units: { total: 2, done: 2 } });
    const { examples } = JSON.parse(objects.textOf("report.json"));
    expect(examples.map((finding: { class: string }) => finding.class).sort()).toEqual(["different", "missing"]);
    // Step Functions keeps an output for 90 days, so the output has no key of an item.
    expect(JSON.stringify(report)).not.toContain("o-0");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        // The alarm watches all targets, by the first set of dimensions.
        _aws: { CloudWatchMetrics: [{ Namespace: "Sluice", Dimensions: [["function"], ["function", "route"]] }] },
        ...{ function: "orders-report", route: "copy", pipeline: "orders", Differing: 2 },
      },
    ]);
  });

  test("that is incomplete writes no metric", async () => {
    const { planVerify, verifierReport } = rig();
    const planned = await planVerify(planEvent({ segments: 2 }));
    const lines: string[] = [];
    const report = await verifierReport((line) => lines.push(line))({ plan: planned, state: {} });
    expect(report).toMatchObject({ outcome: "incomplete", units: { done: 0 } });
    expect(lines).toEqual([]);
  });

  test("of an empty table writes a metric of zero", async () => {
    const { planVerify, verifier, verifierReport, objects } = rig({ items: 0 });
    const planned = await planVerify(planEvent({ segments: 1 }, { maxConcurrency: 1 }));
    const lines: string[] = [];
    for (const name of ["copies.jsonl", "units.jsonl"]) {
      await verifier({ plan: planned, unit: JSON.parse(objects.textOf(name)) });
    }
    await verifierReport((line) => lines.push(line))({ plan: planned, state: {} });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ route: "copy", Differing: 0, classes: {} }]);
  });

  test("of a target that cannot list its copies has a unit without keys, and says what is not searched", async () => {
    const { planVerify, verifier, verifierReport, objects } = rig({ listsKeys: false });
    const planned = await planVerify(planEvent({ segments: 1 }));
    const unit = JSON.parse(objects.textOf("copies.jsonl"));
    expect(unit).toEqual({ kind: "keys", keys: [] });
    expect(await verifier({ plan: planned, unit })).toMatchObject({ isDone: true });
    const { limits } = await verifierReport(() => undefined)({ plan: planned, state: {} });
    expect(limits).toEqual(["copy: ghosts are not searched, because the sink cannot list its keys"]);
  });

  test("without a target that can be read is refused", async () => {
    const { planVerify } = rig();
    await expect(planVerify(planEvent({ routes: ["other"] }))).rejects.toThrow(/nothing to compare/);
  });

  test("refuses an export", async () => {
    await expect(rig().planVerify(planEvent({ manifest: "s3://b/manifest-summary.json" }))).rejects.toThrow("manifest");
  });
});
