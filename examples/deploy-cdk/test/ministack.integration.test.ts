// Deploys the stack to ministack, with the bundles as AWS would get them. A change of the table must reach its targets.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines, startMinistack } from "@sluice/local";
import { App, DefaultStackSynthesizer } from "aws-cdk-lib";
import pg from "pg";
import { FanOutStack } from "../src/fan-out-stack.ts";
import { deployTo } from "./cloud-assembly.ts";

const wanted = { postgres: true, opensearch: true } as const;

const start = async () => {
  const engines = await startEngines(wanted);
  try {
    const ministack = await startMinistack();
    const stop = async (): Promise<void> => {
      await ministack.stop();
      await engines.stop();
    };
    return { ...engines, ministack, stop };
  } catch (error) {
    await engines.stop();
    throw error;
  }
};

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, start);

const until = async <Value>(read: () => Promise<Value | undefined>): Promise<Value> => {
  const endsAt = Date.now() + 60_000;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > endsAt) throw new Error("the change did not arrive within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
};

describeWithEngines("the stack on ministack", (engines: Engines<typeof wanted> & Awaited<ReturnType<typeof start>>) => {
  test("creates the targets' tables, and copies an order to every target", async () => {
    const url = await engines.postgres.createDatabase();
    const environment = { DATABASE_URL: url, OPENSEARCH_NODE: engines.opensearch.url };
    const app = new App({ postCliContext: { "@aws-cdk/core:enableTemplateValidation": false } });
    const stack = new FanOutStack(app, "FanOut", {
      env: { account: "000000000000", region: "us-east-1" },
      // ministack has no parameter with the version of a bootstrap stack.
      synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
      targets: () => [{ name: "local", environment, grant: () => undefined }],
      functionOptions: { bundling: { more: { esbuildArgs: { "--conditions": "@sluice/source" } } } },
    });
    const { Table = "" } = await deployTo(engines.ministack, stack);

    const pool = new pg.Pool({ connectionString: url });
    // `pool.end()` does not wait until all sockets are closed, so the server may still send an error.
    pool.on("error", () => undefined);
    const dynamodb = new DynamoDB(engines.ministack.clientConfig);
    const sqs = new SQS(engines.ministack.clientConfig);
    try {
      const order = {
        type: { S: "order" },
        customer: { S: "c-1" },
        total: { N: "12.25" },
        lines: { L: [{ S: "tea" }] },
      };
      await dynamodb.putItem({ TableName: Table, Item: { pk: { S: "ORDER#1" }, ...order } });
      const row = await until(async () => (await pool.query("SELECT * FROM orders")).rows[0]);
      expect(row).toEqual({ pk: "ORDER#1", customer: "c-1", total: "12.25", lines: ["tea"] });
      const document = await until(async () => {
        const answer = await fetch(`${engines.opensearch.url}/orders/_doc/${encodeURIComponent("ORDER#1")}`);
        return answer.ok ? ((await answer.json()) as { readonly _source: object })._source : undefined;
      });
      expect(document).toMatchObject({ customer: "c-1", total: 12.25, lines: ["tea"] });
      const { QueueUrls = [] } = await sqs.listQueues({});
      const QueueUrl = QueueUrls.find((queue) => queue.includes("Warehouse"));
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 20 });
      expect(Messages.map(({ Body = "" }) => JSON.parse(Body))).toEqual([{ pack: ["tea"], for: "ORDER#1" }]);
    } finally {
      await pool.end();
      dynamodb.destroy();
      sqs.destroy();
    }
  });
});
