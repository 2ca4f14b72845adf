// Backfills by Step Functions, on ministack: a table or an export is copied to Postgres by workers that die.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import pg from "pg";
import { type BackfillReport, backfillStateMachine } from "../../src/index.ts";
import { ministackRig } from "./ministack-rig.ts";
import { ordersSink } from "./orders.ts";

const seed = Number(process.env.SEED ?? 20_261_128);

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

describeWithEngines("a backfill by Step Functions", ({ postgres, rig }) => {
  const { s3, dynamodb } = rig;
  let deaths: string;

  beforeAll(async () => {
    deaths = await mkdtemp(join(tmpdir(), "sluice-deaths-"));
    await s3.createBucket({ Bucket: bucket });
    await dynamodb.createTable({
      TableName: "orders",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    });
  });

  afterAll(() => rm(deaths, { recursive: true, force: true }));

  const put = async (items: readonly Record<string, object>[]): Promise<void> => {
    for (let from = 0; from < items.length; from += 25) {
      const orders = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
      await dynamodb.batchWriteItem({ RequestItems: { orders: orders as never } });
    }
  };

  test("copies a table in segments, with workers that die", async () => {
    await put(Array.from({ length: 400 }, (_, n) => ({ id: { S: `o-${n}` }, total: { N: String(n) } })));
    const database = await postgres.createDatabase();
    const pool = new pg.Pool({ connectionString: database });
    await ordersSink(pool).ensure();
    const functions = await rig.deploy(
      { PlanFunctionArn: "plan", WorkerFunctionArn: "worker", ReportFunctionArn: "report" },
      {
        DATABASE_URL: database,
        DEATHS: deaths,
        DEATH_SEED: String(seed),
        SLUICE_RUN_BUCKET: bucket,
        SLUICE_SOURCE_TABLE: "orders",
      },
    );
    const ended = await rig.run(backfillStateMachine({ maxConcurrency: 8 }), functions, { segments: 20 });
    console.log(JSON.stringify(ended, null, 1), await readdir(deaths));
    const { rows } = await pool.query("SELECT count(*)::int AS n FROM orders");
    await pool.end();
    console.log(rows);
  });
});
