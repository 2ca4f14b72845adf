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

  test("says what it would do, and does nothing", async () => {
    const sink = dynamodbSink({ client: client(), table: "planned" });
    expect(await sink.ensure({ create, apply: false })).toEqual([
      "CreateTable planned: pk S, at N",
      "UpdateTimeToLive planned: _sluice_expires",
    ]);
    expect(proxy.calls()).toEqual({ DescribeTable: 1 });
  });

  test("makes a missing table on request, with TTL, and nothing the second time", async () => {
    const sink = dynamodbSink({ client: client(), table: "made" });
    expect(await sink.ensure({ create })).toEqual([
      "CreateTable made: pk S, at N",
      "UpdateTimeToLive made: _sluice_expires",
    ]);
    expect(await ttlOf("made")).toBe("_sluice_expires");
    expect(await sink.ensure({ create })).toEqual([]);
  });

  test("sets up TTL on a table that is there", async () => {
    const table = await createTable({ pk: "S" });
    const sink = dynamodbSink({ client: client(), table, ttlAttribute: "expiresAt" });
    expect(await sink.ensure()).toEqual([`UpdateTimeToLive ${table}: expiresAt`]);
    expect(await ttlOf(table)).toBe("expiresAt");
  });

  test("is a missing target without a table and without a request to make it", async () => {
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
      message: expect.stringContaining("pk S, at N; the table's is pk S, at S"),
    });
  });

  test("refuses a table whose TTL is on another attribute, as there can be only one", async () => {
    const table = await createTable({ pk: "S" });
    const TimeToLiveSpecification = { AttributeName: "ttl", Enabled: true };
    await direct.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }));
    await expect(dynamodbSink({ client: client(), table }).ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('"ttlAttribute"'),
    });
  });

  test("fails as a write does where a permission is missing", async () => {
    proxy.script(() => ({ status: 400, type: "AccessDeniedException" }));
    await expect(dynamodbSink({ client: client(), table: "denied" }).ensure()).rejects.toMatchObject({
      code: "SINK_DENIED",
    });
  });

  test("refuses to write a table whose key has the name of the guard", async () => {
    const table = await createTable({ _sluice: "S" });
    const sink = dynamodbSink({ client: client(), table });
    const change = { record: {} } as never;
    const writing = sink.write([{ change, message: {}, earlier: [] }], {
      signal: new AbortController().signal,
      remainingMs: () => 1,
    });
    await expect(writing).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("guardAttribute"),
    });
  });
});
