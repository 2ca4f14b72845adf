import { DescribeTimeToLiveCommand, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { dynamodbSink } from "../src/index.ts";
import { startEngine } from "./support/engine.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, startEngine);

const create = { partitionKey: { name: "pk", type: "S" }, sortKey: { name: "at", type: "N" } } as const;

describeWithDynamodb("ensure", ({ client, createTable, direct, proxy }) => {
  afterEach(() => proxy.reset());

  const ttlOf = async (table: string): Promise<string | undefined> =>
    (await direct.send(new DescribeTimeToLiveCommand({ TableName: table }))).TimeToLiveDescription?.AttributeName;

  test("with apply: false returns the missing changes without making them", async () => {
    const sink = dynamodbSink({ client: client(), table: "planned" });
    expect(await sink.ensure({ create, apply: false })).toEqual([
      "CreateTable planned: pk S, at N",
      "UpdateTimeToLive planned: _sluice_expires",
    ]);
    expect(proxy.calls()).toEqual({ DescribeTable: 1 });
  });

  test("creates a missing table on request, with TTL, and does nothing the second time", async () => {
    const sink = dynamodbSink({ client: client(), table: "created" });
    expect(await sink.ensure({ create })).toEqual([
      "CreateTable created: pk S, at N",
      "UpdateTimeToLive created: _sluice_expires",
    ]);
    expect(await ttlOf("created")).toBe("_sluice_expires");
    expect(await sink.ensure({ create })).toEqual([]);
  });

  test("turns on TTL on an existing table", async () => {
    const table = await createTable({ pk: "S" });
    const sink = dynamodbSink({ client: client(), table, ttlAttribute: "expiresAt" });
    expect(await sink.ensure()).toEqual([`UpdateTimeToLive ${table}: expiresAt`]);
    expect(await ttlOf(table)).toBe("expiresAt");
  });

  test('rejects with SINK_MISSING without a table, unless "create" is given', async () => {
    const sink = dynamodbSink({ client: client(), table: "absent" });
    await expect(sink.ensure()).rejects.toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringContaining("create"),
    });
  });

  test("refuses a table with another key schema", async () => {
    const table = await createTable({ pk: "S", at: "S" });
    const ensuring = dynamodbSink({ client: client(), table }).ensure({ create });
    await expect(ensuring).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("pk S, at N; the table has the key pk S, at S"),
    });
  });

  test("refuses a table whose TTL is on another attribute, because a table has only one", async () => {
    const table = await createTable({ pk: "S" });
    const TimeToLiveSpecification = { AttributeName: "ttl", Enabled: true };
    await direct.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }));
    await expect(dynamodbSink({ client: client(), table }).ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('"ttlAttribute"'),
    });
  });

  test("rejects with SINK_DENIED without a permission, as a write does", async () => {
    proxy.script(() => ({ status: 400, type: "AccessDeniedException" }));
    await expect(dynamodbSink({ client: client(), table: "denied" }).ensure()).rejects.toMatchObject({
      code: "SINK_DENIED",
    });
  });

  test("refuses to write to a table with a key attribute of the guard's name", async () => {
    const table = await createTable({ _sluice: "S" });
    const sink = dynamodbSink({ client: client(), table });
    const change = { record: {} } as never;
    const writing = sink.write([{ change, message: {}, earlier: [] }], {
      signal: new AbortController().signal,
      remainingMs: () => 1,
    });
    await expect(writing).rejects.toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringContaining("guardAttribute"),
    });
  });
});
