// Backfills and verifications by Step Functions, on ministack: a table or an export is copied to Postgres, by workers that die.
// The table is in ministack's DynamoDB.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Finding } from "@sluice/backfill";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { writeExport } from "@sluice/testing";
import pg from "pg";
import {
  type BackfillReport,
  backfillStateMachine,
  type VerifyRunReport,
  verifyStateMachine,
} from "../../src/index.ts";
import { type Functions, ministackRig } from "./ministack-rig.ts";
import { ordersSink } from "./orders.ts";

const seed = process.env.SEED ?? "20261128";

jest.setTimeout(150_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, async () => {
  const postgres = await startPostgres();
  const rig = await ministackRig().catch(async (error: unknown) => {
    await postgres.stop();
    throw error;
  });
  const stop = async (): Promise<void> => {
    await Promise.all([postgres.stop(), rig.stop()]);
  };
  return { postgres, rig, stop };
});

const bucket = "sluice-runs";
const tableArn = "arn:aws:dynamodb:us-east-1:000000000000:table/orders";
const versions = "orders_sluice";

const order = (n: number) => ({ id: { S: `o-${n}` }, total: { N: String(n) }, note: { S: "x".repeat(n % 50) } });

const ordersFrom = (count: number) => Array.from({ length: count }, (_, n) => order(n));

const manifestFiles = (manifest: string): string =>
  manifest.replace(`s3://${bucket}/`, "").replace("manifest-summary.json", "manifest-files.json");

describeWithEngines(`Step Functions (seed ${seed})`, ({ postgres, rig }) => {
  const { s3, dynamodb, lambda } = rig;
  let folder: string;
  let database: string;
  let pool: pg.Pool;
  let mortal: Functions;
  let immortal: Functions;

  const tables = {
    PlanFunctionArn: "plan",
    WorkerFunctionArn: "worker",
    ReportFunctionArn: "report",
  };

  const verifyTables = {
    PlanFunctionArn: "verifyPlanner",
    WorkerFunctionArn: "verifier",
    ReportFunctionArn: "verifyReporter",
  };

  const common = () => ({
    ...{ DATABASE_URL: database, SLUICE_RUN_BUCKET: bucket, SLUICE_SOURCE_TABLE: "orders", FOLDER: folder },
  });

  const put = async (items: readonly Record<string, object>[]): Promise<void> => {
    for (let from = 0; from < items.length; from += 25) {
      const orders = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
      await dynamodb.batchWriteItem({ RequestItems: { orders: orders as never } });
    }
  };

  /** An empty target. */
  const emptied = async (): Promise<void> => {
    await pool.query(`TRUNCATE orders, ${versions}`);
  };

  const rows = async (): Promise<readonly unknown[]> =>
    (await pool.query("SELECT id, total::int, note FROM orders ORDER BY total")).rows;

  /** The first letters of the kinds of all deaths: `f` for first, `h` for hangs, `m` for middle, `k` for killed, `l` for last. */
  const deaths = async (): Promise<string> => {
    const files = await readdir(folder);
    const kinds = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    await Promise.all(files.map((file) => rm(join(folder, file))));
    return kinds.join("");
  };

  /** The object that a run has left. */
  const objectOf = async (run: string, name: string): Promise<string> => {
    const { Body } = await s3.getObject({ Bucket: bucket, Key: `sluice/runs/${run}/${name}` });
    return (await Body?.transformToString()) ?? "";
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-deaths-"));
    database = await postgres.createDatabase();
    pool = new pg.Pool({ connectionString: database });
    pool.on("error", () => undefined);
    await ordersSink(pool).ensure();
    await s3.createBucket({ Bucket: bucket });
    await dynamodb.createTable({
      TableName: "orders",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    });
    mortal = await rig.deploy(tables, { ...common(), DEATH_SEED: seed }, 10);
    immortal = await rig.deploy(tables, common());
  });

  afterAll(async () => {
    await pool.end();
    await rm(folder, { recursive: true, force: true });
  });

  test("refuse a backfill while no function reads the stream", async () => {
    // ministack reports each error of a function under one name, so the error of a wrong configuration would be retried.
    const machine = JSON.parse(JSON.stringify(backfillStateMachine()), (name, value) =>
      name === "Retry" ? [] : value,
    );
    const { status, cause, children } = await rig.run(machine, immortal, { segments: 2 });
    expect({ status, children }).toEqual({ status: "FAILED", children: {} });
    expect(cause).toContain("no function reads the stream");
    expect(cause).toContain('the option skipChecks: [\\"live\\"]');
    const { live = "" } = await rig.deploy({ live: "live" }, {});
    const { Table } = await dynamodb.describeTable({ TableName: "orders" });
    const EventSourceArn = Table?.LatestStreamArn;
    await lambda.createEventSourceMapping({ EventSourceArn, FunctionName: live, StartingPosition: "TRIM_HORIZON" });
  });

  test("copy a table in 20 segments, 8 at once, with workers that die", async () => {
    const orders = ordersFrom(400);
    await put(orders);
    const machine = backfillStateMachine({ maxConcurrency: 8, readUnitsPerSecond: 1_000 });
    const ended = await rig.run(machine, mortal, { segments: 20 });
    const report = ended.output as BackfillReport;
    expect(ended).toMatchObject({ status: "SUCCEEDED", children: { SUCCEEDED: 20 } });
    expect(report).toMatchObject({ outcome: "complete", units: { total: 20, done: 20 }, unfinished: [] });
    expect(report.counts.records).toBe(400);
    expect(report.counts.delivered + report.counts.superseded).toBe(400);
    expect(report.counts.superseded).toBeGreaterThan(0);
    // Workers have died in every way.
    expect(new Set(await deaths())).toEqual(new Set("fhklm"));
    expect(ended.mostAtOnce).toBe(8);
    expect(await rows()).toEqual(
      orders.map(({ id, total, note }) => ({ id: id.S, total: Number(total.N), note: note.S })),
    );
  });

  test("copy an export of 20 files, 8 at once, with workers that die", async () => {
    await emptied();
    const orders = ordersFrom(5_000);
    const written = writeExport({
      ...{ items: orders, files: 18, emptyFiles: 2, bucket, prefix: "backups", tableArn, seed: Number(seed) },
      exportTime: new Date().toISOString(),
    });
    await Promise.all([...written.objects].map(([Key, Body]) => s3.putObject({ Bucket: bucket, Key, Body })));
    const { manifest } = written;
    const ended = await rig.run(backfillStateMachine({ maxConcurrency: 8 }), mortal, { manifest });
    const report = ended.output as BackfillReport;
    expect(ended).toMatchObject({ status: "SUCCEEDED", children: { SUCCEEDED: 20 }, mostAtOnce: 8 });
    expect(report).toMatchObject({ outcome: "complete", source: `export ${manifest}`, units: { total: 20, done: 20 } });
    expect(report.counts.records).toBe(5_000);
    expect(report.counts.delivered + report.counts.superseded).toBe(5_000);
    expect((await deaths()).length).toBeGreaterThan(5);
    expect(await rows()).toHaveLength(5_000);
    expect(JSON.parse(await objectOf(ended.name, "plan.json"))).toMatchObject({
      items: { key: manifestFiles(manifest) },
    });
  });

  test("name the unit that always fails, finish all others, and continue the run when the cause is mended", async () => {
    await emptied();
    const failing = "segment 3/10";
    await s3.putObject({ Bucket: bucket, Key: "failing", Body: failing });
    const machine = backfillStateMachine({ maxConcurrency: 4, toleratedFailurePercentage: 10 });
    const failed = await rig.run(machine, immortal, { segments: 10 });
    expect(failed).toMatchObject({
      status: "FAILED",
      error: "BackfillIncomplete",
      children: { SUCCEEDED: 9, FAILED: 1 },
    });
    expect(failed.cause).toBe(
      "1 of 10 units are not done. segment 3/10: Runtime.HandlerError: this unit always fails. " +
        `To go on, start an execution with the input {"run":"${failed.name}"}`,
    );
    const whole = JSON.parse(await objectOf(failed.name, "report.json")) as BackfillReport;
    expect(whole).toMatchObject({
      outcome: "incomplete",
      units: { total: 10, done: 9 },
      unfinished: [{ unit: failing }],
    });
    expect(await rows()).toHaveLength(whole.counts.records);
    expect(whole.counts.records).toBeLessThan(400);

    await s3.deleteObject({ Bucket: bucket, Key: "failing" });
    const continued = await rig.run(machine, immortal, { run: failed.name });
    const report = continued.output as BackfillReport;
    expect(report).toMatchObject({ outcome: "complete", run: failed.name, counts: { records: 400, delivered: 400 } });
    expect(await rows()).toHaveLength(400);
  });

  test("verify the copies, and log how many differ", async () => {
    await pool.query(`
      DELETE FROM orders WHERE id = 'o-1'; DELETE FROM ${versions} WHERE id = 'o-1';
      DELETE FROM orders WHERE id = 'o-2'; UPDATE ${versions} SET sluice_removed_at = now() WHERE id = 'o-2';
      UPDATE orders SET note = 'overwritten by hand' WHERE id IN ('o-3', 'o-4');
      INSERT INTO orders (id) VALUES ('ghost');
      INSERT INTO ${versions} (id, sluice_version) SELECT 'ghost', min(sluice_version) FROM ${versions}`);
    const functions = await rig.deploy(verifyTables, common());
    const ended = await rig.run(verifyStateMachine({ maxConcurrency: 4 }), functions, { segments: 8 });
    const report = ended.output as VerifyRunReport;
    expect(ended).toMatchObject({ status: "SUCCEEDED", children: { SUCCEEDED: 12 } });
    expect(report).toMatchObject({ outcome: "complete", differing: 5, units: { total: 12, done: 12 }, limits: [] });
    const counts = { equal: 396, missing: 1, "wrongly-removed": 1, different: 2, ghost: 1 };
    expect(report.counts.tally).toMatchObject({ postgres: { counts } });
    const { examples } = JSON.parse(await objectOf(ended.name, "report.json")) as { examples: readonly Finding[] };
    const found = examples.map(({ class: kind, keys }) => `${kind} ${(keys.id as { S: string }).S}`).sort();
    expect(found).toEqual(["different o-3", "different o-4", "ghost ghost", "missing o-1", "wrongly-removed o-2"]);
    const lines = (await readFile(join(folder, "metrics"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            {
              Namespace: "Sluice",
              Dimensions: [["function"], ["function", "route"]],
              Metrics: [{ Name: "Differing", Unit: "Count" }],
            },
          ],
        },
        function: expect.any(String),
        ...{ pipeline: "orders", route: "postgres", Differing: 5, run: ended.name, classes: counts },
      },
    ]);
  });

  test("verify and repair, until nothing differs", async () => {
    const repairing = await rig.deploy({ ...verifyTables, WorkerFunctionArn: "repairer" }, common());
    const machine = verifyStateMachine({ maxConcurrency: 4 });
    const repaired = await rig.run(machine, repairing, { segments: 8 });
    expect(repaired).toMatchObject({ status: "SUCCEEDED", output: { outcome: "complete", differing: 0 } });
    const { counts } = repaired.output as VerifyRunReport;
    expect(counts.tally).toMatchObject({ postgres: { repairs: { repaired: 5 } } });
    const again = await rig.run(machine, repairing, { segments: 8 });
    expect((again.output as VerifyRunReport).counts.tally).toMatchObject({
      postgres: { counts: { equal: 400 }, repairs: {} },
    });
    expect(await rows()).toHaveLength(400);
  });
});
