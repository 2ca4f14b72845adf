import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { expect, test } from "@jest/globals";
import { startEngines, startMinistack } from "@sluice/local";
import { App, CfnOutput, DefaultStackSynthesizer, Stack } from "aws-cdk-lib";
import * as ddb from "aws-cdk-lib/aws-dynamodb";
import * as sns from "aws-cdk-lib/aws-sns";
import * as sqs from "aws-cdk-lib/aws-sqs";
import pg from "pg";
import { SluicePipeline } from "../src/index.ts";
import { deployTo } from "./support/cloud-assembly.ts";

process.env.CDK_VALIDATION = "false";
test("x", async () => {
  const engine = await startMinistack();
  const engines = await startEngines({ postgres: true });
  const url = await engines.postgres.createDatabase();
  const app = new App();
  const stack = new Stack(app, "Deployed", {
    env: { account: "000000000000", region: "us-east-1" },
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });
  const table = new ddb.Table(stack, "T", {
    partitionKey: { name: "pk", type: ddb.AttributeType.STRING },
    stream: ddb.StreamViewType.NEW_AND_OLD_IMAGES,
    billingMode: ddb.BillingMode.PAY_PER_REQUEST,
  });
  const warehouse = new sqs.Queue(stack, "Target");
  const topic = new sns.Topic(stack, "Topic", { fifo: true });
  const environment = {
    DATABASE_URL: url,
    OPENSEARCH_NODE: "http://127.0.0.1:9",
    ORDER_EVENTS_TOPIC_ARN: topic.topicArn,
    WAREHOUSE_QUEUE_URL: warehouse.queueUrl,
  };
  const bundling = { esbuildArgs: { "--conditions": "@sluice/source" } };
  const p = new SluicePipeline(stack, "orders", {
    table,
    entry: "examples/fan-out/src/handler.ts",
    dedupe: true,
    sinks: [{ name: "x", environment, grant: () => undefined }],
    retryQueue: { fifo: true },
    ensure: { entry: "packages/cdk/test/x-ensure.ts" },
    functionSettings: { bundling },
  });
  new CfnOutput(stack, "Table", { value: table.tableName });
  const out = await deployTo(engine, stack);
  console.log(out);
  const pool = new pg.Pool({ connectionString: url });
  console.log(
    (await pool.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")).rows,
  );
  const db = new DynamoDB(engine.clientConfig);
  await db.putItem({
    TableName: out.Table,
    Item: { pk: { S: "ORDER#1" }, type: { S: "order" }, customer: { S: "c" }, total: { N: "1.5" }, lines: { L: [] } },
  });
  for (let i = 0; i < 20; i++) {
    await new Promise((r) => setTimeout(r, 1000));
    try {
      const { rows } = await pool.query("SELECT * FROM orders");
      if (rows.length) {
        console.log(i, rows);
        break;
      }
    } catch (e) {
      console.log(String(e));
    }
  }
  const { Lambda } = await import("@aws-sdk/client-lambda");
  const l = new Lambda(engine.clientConfig);
  console.log(
    JSON.stringify((await l.listEventSourceMappings({})).EventSourceMappings?.map((m) => m.LastProcessingResult)),
  );
  for (const f of (await l.listFunctions({})).Functions ?? []) {
    const r = await l.invoke({
      FunctionName: f.FunctionName!,
      LogType: "Tail",
      Payload: JSON.stringify({ Records: [] }),
    });
    console.log(
      f.FunctionName,
      Buffer.from(r.Payload!).toString().slice(0, 600),
      Buffer.from(r.LogResult ?? "", "base64")
        .toString()
        .slice(0, 300),
    );
  }
  await engine.stop();
  db.destroy();
  await pool.end();
  await engines.stop();
  expect(p).toBeDefined();
});
