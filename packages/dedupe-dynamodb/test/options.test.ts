import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect, test } from "@jest/globals";
import { type DynamodbDedupeOptions, dynamodbDedupe } from "../src/index.ts";

test.each([
  ["a missing table name", "tableName", {}],
  ["an empty table name", "tableName", { tableName: "" }],
  ["an unknown option", '"tabelName"', { tableName: "t", tabelName: "t" }],
  ["a client without methods", "client", { tableName: "t", client: {} }],
  ["a client that Powertools would ignore", "client", { tableName: "t", client: { send: () => undefined } }],
])("%s throws an error that names the option", (_name, option, options) => {
  const make = (): unknown => dynamodbDedupe(options as unknown as DynamodbDedupeOptions);
  expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  expect(make).toThrow(option);
});

test("close can be called twice, and does not end the user's client", async () => {
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
