import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect, test } from "@jest/globals";
import { type DynamodbDedupeOptions, dynamodbDedupe } from "../src/index.ts";

test.each([
  ["no table", "tableName", {}],
  ["an empty table name", "tableName", { tableName: "" }],
  ["a client that is none", "client", { tableName: "t", client: {} }],
  ["a client that Powertools would not take", "client", { tableName: "t", client: { send: () => undefined } }],
])("refuses %s", (_name, option, options) => {
  const make = (): unknown => dynamodbDedupe(options as unknown as DynamodbDedupeOptions);
  expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  expect(make).toThrow(option);
});

test("closes twice, and leaves the user's client open", async () => {
  const client = new DynamoDBClient({ region: "us-east-1" });
  let destroyed = 0;
  client.destroy = () => {
    destroyed += 1;
  };
  const store = dynamodbDedupe({ tableName: "t", client });
  await store.close();
  await store.close();
  expect(destroyed).toBe(0);
});
