// What the functions of a run call is what the README's table of rights allows. @sluice/cdk compares its policies with the same table.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { memoryBucket, type WrittenExport, writeExport } from "@sluice/testing";
import {
  backfillPlan,
  backfillReport,
  backfillWorker,
  type CopyClients,
  type Plan,
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
  testClock,
  withDates,
} from "./memory-run.ts";
import { silent } from "./orders.ts";

const codesIn = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

const [, section = ""] = readFileSync("packages/workflow/README.md", "utf8").split("### Rights and costs of both");

/** Rows as `function action on`, for a kind of run. The rights of targets and of keys are tested elsewhere. */
const allowed = (conditions: readonly string[]): readonly string[] =>
  section
    .split("\n")
    .filter((line) => /^\| (plan|worker|report)/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1)
        .map((cell) => cell.trim()),
    )
    .filter(([, when = ""]) => when === "always" || when.split(", ").every((one) => conditions.includes(one)))
    .flatMap(([functions = "", , actions = "", on = ""]) =>
      functions
        .split(", ")
        .filter((name) => name !== "state machine")
        .flatMap((name) => codesIn(actions).map((action) => `${name} ${action} ${on}`)),
    );

const actions: Readonly<Record<string, string>> = {
  describeTable: "dynamodb:DescribeTable the table",
  scan: "dynamodb:Scan the table",
  batchGetItem: "dynamodb:BatchGetItem the table",
  getMetricData: "cloudwatch:GetMetricData `*`: the action has no narrower resource",
  listEventSourceMappings: "lambda:ListEventSourceMappings `*`: the action has no narrower resource",
  putObject: "s3:PutObject the objects of runs",
  listObjectsV2: "s3:ListBucket the bucket of runs",
};

const isOfRun = (key: string): boolean => key.startsWith("sluice/runs/");

const callOf = (name: string, method: string, key: string): string => {
  if (method !== "getObject") return `${name} ${actions[method]}`;
  if (isOfRun(key)) return `${name} s3:GetObject the objects of runs`;
  const isList = name === "report" && key.endsWith("/manifest-files.json");
  return `${name} s3:GetObject ${isList ? "`manifest-files.json` of exports" : "the objects of exports"}`;
};

const rig = (exported?: WrittenExport) => {
  const calls = new Set<string>();
  const objects = memoryObjects();
  const files = exported && memoryBucket(exported);
  const { clock, advance } = testClock();
  const getObject = async (place: { Bucket: string; Key: string }) => {
    if (isOfRun(place.Key)) return objects.client.getObject(place, undefined as never);
    const object = await files?.getObject(place);
    const transformToString = async () => Buffer.from(exported?.objects.get(place.Key) ?? []).toString();
    return { ...object, Body: Object.assign(object?.Body ?? {}, { transformToString }) };
  };
  const clients = {
    s3: { ...objects.client, getObject },
    dynamodb: withDates(memoryTable(someItems(20), 5).client, clock.now, advance),
    lambda: mapping(),
    cloudwatch: { getMetricData: async () => ({}) },
  };
  const noted = <Client extends object>(name: string, client: Client): Client =>
    new Proxy(client, {
      get: (target, method: string) => {
        const call = Reflect.get(target, method) as unknown;
        if (typeof call !== "function") return call;
        return async (input: { readonly Key?: string }, ...more: unknown[]) => {
          const { Key = "" } = input;
          calls.add(callOf(name, method, Key));
          try {
            return await call.call(target, input, ...more);
          } catch (error) {
            // Without this right, S3 answers 403 instead of 404.
            if ((error as Error).name === "NoSuchKey" && isOfRun(Key))
              calls.add(`${name} s3:ListBucket the bucket of runs`);
            throw error;
          }
        };
      },
    });
  const clientsOf = (name: string) => {
    const all = Object.fromEntries(Object.entries(clients).map(([one, client]) => [one, noted(name, client)]));
    return { logger: silent, clock, clients: all as unknown as CopyClients };
  };
  const linesIn = (items: Plan["items"] | undefined): readonly unknown[] => {
    if (items === undefined) return [];
    const text = objects.objects.get(items.key)?.text ?? Buffer.from(exported?.objects.get(items.key) ?? []).toString();
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  };
  return { calls, clientsOf, linesIn, advance };
};

const place = { table: "orders", bucket };

const written = (): WrittenExport =>
  writeExport({
    ...{ items: someItems(20), files: 3, bucket, tableArn: "arn:aws:dynamodb:us-east-1:123456789012:table/orders" },
    exportTime: new Date(startMs - 3_600_000).toISOString(),
  });

describe("the calls of", () => {
  test.each<[string, readonly string[], WrittenExport | undefined]>([
    ["a backfill", ["of a backfill", "with a live function"], undefined],
    ["a backfill of an export", ["of a backfill", "with a live function", "with exports"], written()],
  ])("%s are those of the table", async (_, conditions, exported) => {
    const { calls, clientsOf, linesIn } = rig(exported);
    const { pipeline } = memoryPipeline([7]);
    const plan = backfillPlan(pipeline, { ...place, ...clientsOf("plan") });
    const worker = backfillWorker(pipeline, { ...clientsOf("worker"), liveFunction: "orders" });
    const input = exported === undefined ? { segments: 1 } : { manifest: exported.manifest };
    const planned = await plan(planEvent(input));
    for (const unit of linesIn(planned.items)) await worker({ plan: planned, unit });
    await plan(planEvent({ run: "r-1" }, { execution: "r-2" }));
    expect(await backfillReport(clientsOf("report"))({ plan: planned, state: {} })).toMatchObject({
      counts: { records: 20 },
      unfinished: [],
    });
    // A run of an export scans nothing, but the function may also be asked for a scan.
    const scans = exported === undefined ? [] : ["plan dynamodb:Scan the table", "worker dynamodb:Scan the table"];
    expect([...calls, ...scans].sort()).toEqual([...new Set(allowed(conditions))].sort());
  });

  test("a verify are those of the table", async () => {
    const { calls, clientsOf, linesIn, advance } = rig();
    const { pipeline } = memoryPipeline();
    const planned = await verifyPlan(pipeline, { ...place, ...clientsOf("plan") })(planEvent({ segments: 1 }));
    const worker = verifyWorker(pipeline, { ...clientsOf("worker"), graceMs: 0 });
    for (const unit of [...linesIn(planned.copies), ...linesIn(planned.items)]) {
      while (!(await worker({ plan: planned, unit })).isDone) advance(60_000);
    }
    const report = verifyReport({ ...clientsOf("report"), writeMetric: () => undefined });
    expect(await report({ plan: planned, state: {} })).toMatchObject({ outcome: "complete", differing: 20 });
    expect([...calls].sort()).toEqual([...new Set(allowed(["of a verify"]))].sort());
  });
});
