import { writeFileSync } from "node:fs";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { expect, test } from "@jest/globals";
import { startMinistack } from "@sluice/local";
import { App, CfnOutput, DefaultStackSynthesizer, Duration, Stack } from "aws-cdk-lib";
import * as ddb from "aws-cdk-lib/aws-dynamodb";
import { Runtime, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { deployTo } from "./support/cloud-assembly.ts";

process.env.CDK_VALIDATION = "false";
test("x", async () => {
  const engine = await startMinistack();
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
  const target = new sqs.Queue(stack, "Target");
  const dead = new sqs.Queue(stack, "Dead");
  writeFileSync(
    "/work/main/packages/cdk/test/x-entry.ts",
    `import { pipeline, sqsDeadLetterQueue } from "@sluice/core"; import { sqsSink } from "@sluice/sink-sqs";
export const handler = pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl: process.env.DEAD! }) }).to(sqsSink({ queueUrl: process.env.TARGET! }), (c) => ({ body: { id: c.keys } }), { dedupe: "none" }).handler();`,
  );
  const fn = new NodejsFunction(stack, "F", {
    entry: "/work/main/packages/cdk/test/x-entry.ts",
    runtime: Runtime.NODEJS_20_X,
    timeout: Duration.seconds(30),
    environment: { TARGET: target.queueUrl, DEAD: dead.queueUrl },
    bundling: { externalModules: [], format: OutputFormat.CJS, esbuildArgs: { "--conditions": "@sluice/source" } },
  });
  fn.addEventSource(
    new DynamoEventSource(table, {
      startingPosition: StartingPosition.TRIM_HORIZON,
      reportBatchItemFailures: true,
      batchSize: 10,
    }),
  );
  new CfnOutput(stack, "Table", { value: table.tableName });
  new CfnOutput(stack, "Queue", { value: target.queueUrl });
  const out = await deployTo(engine, stack);
  console.log(out);
  const db = new DynamoDB(engine.clientConfig);
  const q = new SQS(engine.clientConfig);
  await db.putItem({ TableName: out.Table, Item: { pk: { S: "a" } } });
  const got = await q.receiveMessage({ QueueUrl: out.Queue, WaitTimeSeconds: 20 });
  console.log(JSON.stringify(got.Messages));
  const { Lambda } = await import("@aws-sdk/client-lambda");
  const l = new Lambda(engine.clientConfig);
  const fs = await l.listFunctions({});
  const name = fs.Functions?.[0]?.FunctionName;
  console.log(
    JSON.stringify(fs.Functions?.[0]),
    JSON.stringify((await l.listEventSourceMappings({})).EventSourceMappings),
  );
  const r = await l.invoke({ FunctionName: name!, LogType: "Tail", Payload: JSON.stringify({ Records: [] }) });
  console.log(Buffer.from(r.Payload!).toString(), Buffer.from(r.LogResult ?? "", "base64").toString());
  await engine.stop();
  db.destroy();
  q.destroy();
  expect(got.Messages).toHaveLength(1);
});
