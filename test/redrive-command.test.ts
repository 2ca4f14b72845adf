// Follows a dead letter to its end. Postgres rejects a change, and a queue stores the dead letter. The mapper is fixed,
// and the command redrives the dead letter. If the row is newer than the dead letter, the change is superseded.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline, sqsDeadLetterQueue, type UnknownItem } from "@sluice/core";
import { engineOrSkip, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";
import pg from "pg";
import { root } from "./markdown.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, sqs: true }),
);

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
const program = join(dirname(require.resolve("@sluice/cli/package.json")), "bin/sluice.js");
const handler = fileURLToPath(new URL("redrive/handler.mjs", import.meta.url));

const sluice = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: process.env.PATH, ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (part) => {
    stdout += part;
  });
  child.stderr.on("data", (part) => {
    stderr += part;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
};

describeWithEngines("sluice redrive to Postgres", (engines) => {
  test("delivers changes that the fixed mapper accepts, and supersedes changes that are older than the row", async () => {
    execFileSync(process.execPath, [tsc, "-b", join(root, "packages/cli"), join(root, "packages/sink-postgres")]);
    const url = await engines.postgres.createDatabase();
    const pool = new pg.Pool({ connectionString: url });
    pool.on("error", () => undefined);
    await pool.query("CREATE TABLE orders (id text PRIMARY KEY, total int NOT NULL)");
    const sink = postgresSink({ pool, table: "orders" });
    await sink.ensure();
    const client = new SQS(engines.sqs.clientConfig);
    const { QueueUrl: queueUrl = "" } = await client.createQueue({ QueueName: "orders-dead-letters" });
    const silent = { info: () => undefined, warn: () => undefined };
    const broken = pipeline("shop", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl, client }), logger: silent })
      .to(sink, ({ after }) => ({ total: (after as UnknownItem).total as number }))
      .handler();

    const table = tableHistory({ keyNames: ["id"] });
    const records = [
      table.put({ id: "o-1", total: "12 EUR" }),
      table.put({ id: "o-2", total: "5 EUR" }),
      table.put({ id: "o-2", total: 7 }),
      table.put({ id: "o-3", total: "1 EUR" }),
      table.remove({ id: "o-3" }),
    ];
    // One record per batch, because in a batch the later change of an item would supersede the earlier change.
    for (const record of records) await broken(streamEvent([record]), lambdaContext());
    const rows = async () => (await pool.query("SELECT id, total FROM orders ORDER BY id")).rows;
    expect(await rows()).toEqual([{ id: "o-2", total: 7 }]);

    const env = {
      DATABASE_URL: url,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_REGION: "us-east-1",
    };
    const redrive = (...args: string[]) => sluice(["redrive", queueUrl, "--handler", handler, ...args], env);
    expect(await redrive("--dry-run")).toMatchObject({
      code: 0,
      stdout: "3 received = 1 would be delivered + 2 would be superseded\n",
    });
    expect(await rows()).toHaveLength(1);
    expect(await redrive("--max-messages", "1", "--key", '{"id":"o-3"}')).toMatchObject({
      code: 0,
      stdout: "3 received = 1 superseded + 2 not selected\n",
    });
    expect(await redrive()).toMatchObject({ code: 0, stdout: "2 received = 1 delivered + 1 superseded\n" });
    expect(await rows()).toEqual([
      { id: "o-1", total: 12 },
      { id: "o-2", total: 7 },
    ]);
    expect(await redrive()).toMatchObject({ code: 0, stdout: "0 received\n" });
    client.destroy();
    await pool.end();
  });
});
