import { DynamoDB, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@sluice/core/sink-kit";
import { type DynamodbClient, type DynamodbSinkOptions, dynamodbSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

describe("options", () => {
  test("have defaults", () => {
    expect(checkOptions({ table: "orders" })).toEqual({
      name: "dynamodb",
      table: "orders",
      client: undefined,
      key: undefined,
      movingKey: undefined,
      guardAttribute: "_sluice",
      ttlAttribute: "_sluice_expires",
      tombstoneSeconds: 30 * 86_400,
      concurrency: 32,
      now: Date.now,
    });
  });

  test("are copied and frozen", () => {
    const key = ["pk"];
    const settings = checkOptions({ table: "orders", key });
    key.push("sk");
    expect(settings.key).toEqual(["pk"]);
    expect([settings, settings.key].every(Object.isFrozen)).toBe(true);
  });

  test("take a table by name or by ARN", () => {
    const arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders";
    expect(checkOptions({ table: arn }).table).toBe(arn);
  });

  const wrong: readonly (readonly [string, Partial<Record<keyof DynamodbSinkOptions, unknown>>])[] = [
    ["table", { table: undefined }],
    ["table", { table: "no" }],
    ["table", { table: "arn:aws:s3:::bucket" }],
    ["client", { client: {} }],
    ["client", { client: null }],
    ["key", { key: [] }],
    ["key", { key: {} }],
    ["key", { key: "pk" }],
    ["key", { key: { pk: "" } }],
    ["key", { key: null }],
    ["movingKey", { movingKey: "pk" }],
    ["movingKey", { key: ["pk"], movingKey: () => ({ pk: "1" }) }],
    ["guardAttribute", { guardAttribute: "" }],
    ["guardAttribute", { guardAttribute: "__proto__" }],
    ["ttlAttribute", { ttlAttribute: "" }],
    ["ttlAttribute", { guardAttribute: "x", ttlAttribute: "x" }],
    ["tombstoneDays", { tombstoneDays: 28 }],
    ["tombstoneDays", { tombstoneDays: 29.5 }],
    ["concurrency", { concurrency: 0 }],
    ["concurrency", { concurrency: Number.POSITIVE_INFINITY }],
    ["name", { name: "" }],
    ["now", { now: 5 }],
  ];

  test.each(wrong)("are refused with the name %s in %j", (option, given) => {
    const make = () => dynamodbSink({ table: "orders", ...given } as DynamodbSinkOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    expect(make).toThrow(`option "${option}"`);
  });
});

test("that are unknown are refused by name", () => {
  expect(() => dynamodbSink({ table: "orders", tabel: "x" } as never)).toThrow('dynamodbSink has no option "tabel"');
  const sink = dynamodbSink({ table: "orders", client: { send: () => undefined } as never });
  return Promise.all([
    expect(sink.ensure({ aply: false } as never)).rejects.toThrow('ensure has no option "aply"'),
    expect(sink.ensure({ create: { partition: { name: "pk", type: "S" } } } as never)).rejects.toThrow(
      'ensure({ create }) has no option "partition"',
    ),
  ]);
});

test("accept the SDK's clients without an adapter", () => {
  const clients: readonly DynamodbClient[] = [
    new DynamoDBClient({ region: "eu-central-1" }),
    new DynamoDB({ region: "eu-central-1" }),
  ];
  for (const client of clients) expect(dynamodbSink({ client, table: "orders" }).name).toBe("dynamodb");
});
