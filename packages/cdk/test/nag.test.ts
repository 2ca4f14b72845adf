import { expect, test } from "@jest/globals";
import { App, Stack, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { Topic } from "aws-cdk-lib/aws-sns";
import * as ddb from "aws-cdk-lib/aws-dynamodb";
import { SluicePipeline } from "../src/index.ts";
process.env.CDK_VALIDATION = "false";
test("x", () => {
  const app = new App();
  const stack = new Stack(app, "S", { env: { account: "123456789012", region: "eu-west-1" } });
  const table = new ddb.TableV2(stack, "T", { partitionKey: { name: "pk", type: ddb.AttributeType.STRING }, dynamoStream: ddb.StreamViewType.NEW_AND_OLD_IMAGES });
  new SluicePipeline(stack, "orders", { table, entry: "examples/fan-out/src/handler.ts", dedupe: true, payloads: true, sinks: [], ensure: { entry: "examples/fan-out/src/ensure-handler.ts" }, functionSettings: { bundling: { esbuildArgs: { "--conditions": "@sluice/source" } } } });
  const v = new AwsSolutionsChecks(app) as unknown as { validateScope: (s: unknown) => unknown };
  console.log(Object.getOwnPropertyNames(Object.getPrototypeOf(v)), typeof v.validateScope);
  const r = v.validateScope(app);
  console.log(JSON.stringify(r, null, 1).slice(0, 9000));
  expect(r).toBeDefined();
});
