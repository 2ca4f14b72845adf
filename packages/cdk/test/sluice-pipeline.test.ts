import { expect, test } from "@jest/globals";
import { AttributeType, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { SluicePipeline } from "../src/index.ts";
import { templateOf, testStack } from "./support/stack.ts";
test("x", () => {
  const stack = testStack();
  const table = new Table(stack, "T", { partitionKey: { name: "pk", type: AttributeType.STRING }, stream: StreamViewType.NEW_AND_OLD_IMAGES });
  new SluicePipeline(stack, "Orders", { table, entry: "examples/fan-out/src/handler.ts", sinks: [], dedupe: true, payloads: true, functionSettings: { bundling: { esbuildArgs: { "--conditions": "@sluice/source" } } } });
  const t = templateOf(stack);
  console.log(JSON.stringify(t.toJSON(), null, 1));
  expect(t).toBeDefined();
});
