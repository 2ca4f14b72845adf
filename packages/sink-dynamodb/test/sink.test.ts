// Tests what the conformance kit does not: number and capacity of calls, `movingKey`, and a target that is the source.

import { setTimeout } from "node:timers/promises";
import {
  DeleteTableCommand,
  PutItemCommand,
  type PutItemCommandInput,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { type Change, type DeadLetterQueue, pipeline, type UnknownItem } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import {
  type AttributeValue,
  ConfigError,
  decodeRecord,
  type StreamRecord,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { engineOrSkip } from "@sluice/local";
import { lambdaContext, streamChange, streamEvent, streamRecord, tableHistory } from "@sluice/testing";
import { attributeValues, type DynamodbSink, type DynamodbSinkOptions, dynamodbSink } from "../src/index.ts";
import { type Engine, startEngine, withoutGuard } from "./support/engine.ts";
import type { ProxyAnswer } from "./support/faulty-proxy.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, startEngine);

const silent = { info: () => undefined, warn: () => undefined };
const context = () => ({ signal: new AbortController().signal, remainingMs: () => 30_000 });

/** Writes removals with `onlyIfPresent`, as core does for an item that probably never had a copy. */
const removeIfPresent = (sink: DynamodbSink, changes: readonly Change[]) =>
  sink.write(
    changes.map((change) => ({ change, message: undefined, earlier: [], onlyIfPresent: true })),
    context(),
  );

const write = (sink: DynamodbSink, changes: readonly Change[], earlier: readonly Change[] = []) =>
  sink.write(
    changes.map((change) => ({ change, message: change.after, earlier })),
    context(),
  );

const outcomes = (results: readonly WriteResult[]): string[] =>
  results.map((one) => (one.outcome === "failed" ? one.error.code : one.outcome));

const items = (count: number): Change[] =>
  Array.from({ length: count }, (_, index) =>
    streamChange({ after: { pk: `item-${index}`, sk: "1" }, position: index + 1 }),
  );

const changeOf = (record: StreamRecord): Change => decodeRecord(record);

const untilCalled = async (isCalled: () => boolean): Promise<void> => {
  for (let polls = 0; polls < 1_000 && !isCalled(); polls += 1) await setTimeout(5);
};

const byUsername = {
  movingKey: ({ username }: UnknownItem) => (username === undefined ? undefined : { username: String(username) }),
} satisfies Partial<DynamodbSinkOptions>;

interface UsernameTable {
  readonly sink: DynamodbSink;
  readonly userOf: () => Promise<Readonly<Record<string, unknown>>>;
}

/** Creates a table whose key is the username, a sink for this table, and a function that reads each username's user. */
const openUsernames = async (engine: Engine, options: Partial<DynamodbSinkOptions> = {}): Promise<UsernameTable> => {
  const table = await engine.createTable({ username: "S" });
  const sink = dynamodbSink({ client: engine.client(), table, ...byUsername, ...options });
  const userOf = async () =>
    Object.fromEntries(
      (await engine.scan(table, sink.liveFilter)).map(withoutGuard).map(({ username, pk }) => [username, pk]),
    );
  return { sink, userOf };
};

describe("the target of a sink", () => {
  const [client, other] = [{ send: async () => ({}) }, { send: async () => ({}) }];
  const key = ({ pk }: Change["keys"]) => ({ pk: String(pk) });
  const targetOf = (options: Partial<DynamodbSinkOptions>) => dynamodbSink({ table: "orders", ...options }).target;

  test.each<readonly [string, Partial<DynamodbSinkOptions>]>([
    ["no option", {}],
    ["a client", { client }],
    ["names of the key", { key: { id: "pk", at: "sk" } }],
    ["a function", { key }],
  ])("is equal for sinks with the same options: %s", (_what, options) => {
    expect(targetOf({ ...options, name: "a" })).toBe(targetOf({ ...options, name: "b" }));
  });

  test("does not depend on the order of the names of the key", () => {
    expect(targetOf({ key: { id: "pk", at: "sk" } })).toBe(targetOf({ key: { at: "sk", id: "pk" } }));
  });

  test("differs for another table, client, key or guard", () => {
    const targets = [
      {},
      { table: "customers" },
      { client },
      { client: other },
      { key },
      { key: ["pk"] },
      { movingKey: () => ({ pk: "1" }) },
      { guardAttribute: "g" },
    ].map(targetOf);
    expect(new Set(targets).size).toBe(targets.length);
  });
});

const dryRun = async (sink: DynamodbSink, changes: readonly Change[], message?: unknown) => {
  const deliveries = changes.map((change) => ({ change, message: message ?? change.after, earlier: [] }));
  return outcomes((await sink.dryRun?.(deliveries as never, context())) ?? []);
};

describeWithDynamodb("a dry run", (engine) => {
  const { proxy } = engine;
  afterEach(() => proxy.reset());

  test("reads one guard for each change, and rejects a message that does not fit the key", async () => {
    const table = await engine.createTable({ pk: "S", sk: "S" });
    const sink = dynamodbSink({ client: engine.client(), table });
    await write(sink, items(1));
    proxy.reset();
    expect(await dryRun(sink, items(2))).toEqual(["superseded", "delivered"]);
    expect(proxy.calls()).toEqual({ GetItem: 2 });
    expect(await dryRun(sink, items(1), { pk: "another" })).toEqual(["SINK_REJECTED"]);
  });

  test("with a key that moves distinguishes the owner's versions from other items' versions", async () => {
    const { sink, userOf } = await openUsernames(engine);
    const ada = streamChange({ after: { pk: "ada", sk: "1", username: "s" }, position: 20 });
    await write(sink, [ada]);
    const early = streamChange({ after: { pk: "bob", sk: "1", username: "s" }, position: 10 });
    const late = streamChange({ after: { pk: "bob", sk: "1", username: "s" }, position: 30 });
    expect(await dryRun(sink, [ada])).toEqual(["superseded"]);
    expect(await dryRun(sink, [early, late])).toEqual(["delivered", "delivered"]);
    await write(sink, [early]);
    expect(await dryRun(sink, [ada, early, late])).toEqual(["superseded", "superseded", "delivered"]);
    expect(await userOf()).toEqual({ s: "ada" });
  });
});

describeWithDynamodb("the sink", (engine) => {
  const { proxy } = engine;
  afterEach(() => proxy.reset());

  const own = async (options: Partial<DynamodbSinkOptions> = {}) => {
    const table = await engine.createTable({ pk: "S", sk: "S" });
    return { table, sink: dynamodbSink({ client: engine.client(), table, ...options }) };
  };

  describe("by its calls", () => {
    test("sends one DescribeTable, one PutItem for each change, and no other call", async () => {
      const { sink } = await own();
      const changes = items(40);
      await write(sink, changes);
      const removal = streamChange({ before: { pk: "item-0", sk: "1" }, position: 100 });
      await write(sink, [removal]);
      expect(outcomes(await write(sink, changes))).toEqual(Array(40).fill("superseded"));
      expect(proxy.calls()).toEqual({ DescribeTable: 1, PutItem: 81 });
    });

    test("sends two PutItems for an item that moves, and reads a key only if another item owned it", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      const at = (pk: string, username: string) => ({ pk, username });
      const changes = [table.put(at("ann", "1")), table.put(at("ann", "2"))].map((record) => changeOf(record));
      for (const change of changes) await write(sink, [change]);
      expect(proxy.calls()).toEqual({ DescribeTable: 1, PutItem: 3 });
      await write(sink, [changeOf(table.put(at("bob", "1")))]);
      expect(proxy.calls()).toEqual({ DescribeTable: 1, PutItem: 5, GetItem: 1 });
      expect(await userOf()).toEqual({ "1": "bob", "2": "ann" });
    });

    test('writes several items at once, and at most as many as option "concurrency" allows', async () => {
      const { sink } = await own({ concurrency: 5 });
      await write(sink, items(60));
      // On a slow machine, fewer than five calls may overlap at the proxy.
      expect(proxy.peak()).toBeLessThanOrEqual(5);
      expect(proxy.peak()).toBeGreaterThan(1);
    });

    test("consumes at most half of the capacity that a transaction consumes for the same guarded item", async () => {
      const { table, sink } = await own();
      await write(sink, items(1));
      const put = { TableName: table, Item: { pk: { S: "x" }, sk: { S: "1" } } } satisfies PutItemCommandInput;
      const guard = { ConditionExpression: "attribute_not_exists(pk)", ReturnConsumedCapacity: "TOTAL" } as const;
      const single = await engine.direct.send(new PutItemCommand({ ...put, ...guard }));
      const Put = { ...put, Item: { ...put.Item, sk: { S: "2" } }, ConditionExpression: "attribute_not_exists(pk)" };
      const transaction = await engine.direct.send(
        new TransactWriteItemsCommand({ TransactItems: [{ Put }], ReturnConsumedCapacity: "TOTAL" }),
      );
      expect(single.ConsumedCapacity?.CapacityUnits).toBe(1);
      // A transaction consumes 2 units on AWS, but DynamoDB Local reports 4.
      expect(transaction.ConsumedCapacity?.[0]?.CapacityUnits).toBeGreaterThanOrEqual(2);
    });

    test("with onlyIfPresent reads an item that never had a copy, and writes only over an older copy", async () => {
      const { table, sink } = await own();
      const [present, absent] = items(2) as [Change, Change];
      await write(sink, [present]);
      const leave = (before: unknown, position: number) => streamChange({ before: before as never, position });
      proxy.reset();
      const removals = [leave(present.after, 50), leave(absent.after, 51)];
      expect(outcomes(await removeIfPresent(sink, removals))).toEqual(["delivered", "superseded"]);
      expect(proxy.calls()).toEqual({ GetItem: 2, PutItem: 1 });
      proxy.reset();
      expect(outcomes(await removeIfPresent(sink, removals))).toEqual(["superseded", "superseded"]);
      expect(proxy.calls()).toEqual({ GetItem: 2 });
      expect((await engine.scan(table)).map(({ pk }) => pk)).toEqual([{ S: "item-0" }]);
    });

    test("with onlyIfPresent removes an item without a guard, which another program has put", async () => {
      const { table, sink } = await own();
      await engine.direct.send(new PutItemCommand({ TableName: table, Item: { pk: { S: "a" }, sk: { S: "1" } } }));
      const removal = streamChange({ before: { pk: "a", sk: "1" } });
      expect(outcomes(await removeIfPresent(sink, [removal]))).toEqual(["delivered"]);
      expect(await engine.scan(table, sink.liveFilter)).toEqual([]);
    });

    test("a removal of an item that never had a copy costs 1 read unit instead of 1 write unit", async () => {
      const table = await engine.createTable({ pk: "S", sk: "S" });
      const capacity: unknown[] = [];
      const measured = {
        send: async (command: { readonly input: object }, options?: object) => {
          Object.assign(command.input, { ReturnConsumedCapacity: "TOTAL" });
          const answer = await engine.direct.send(command as never, { ...options });
          const { ConsumedCapacity } = answer as { readonly ConsumedCapacity?: { readonly CapacityUnits?: number } };
          if (ConsumedCapacity !== undefined) capacity.push([command.constructor.name, ConsumedCapacity.CapacityUnits]);
          return answer;
        },
      };
      const sink = dynamodbSink({ client: measured as never, table });
      const removal = streamChange({ before: { pk: "a", sk: "1" } });
      await removeIfPresent(sink, [removal]);
      await write(sink, [removal]);
      expect(capacity).toEqual([
        ["GetItemCommand", 1],
        ["PutItemCommand", 1],
      ]);
    });

    test("starts no write after the signal has aborted, and fails the rest with DEADLINE_EXCEEDED", async () => {
      const { sink } = await own({ concurrency: 2 });
      await write(sink, items(1));
      const invocation = new AbortController();
      proxy.reset();
      proxy.script((operation) => {
        if (operation === "PutItem") invocation.abort();
        return undefined;
      });
      const deliveries = items(20).map((change) => ({ change, message: change.after, earlier: [] }));
      const results = await sink.write(deliveries, { signal: invocation.signal, remainingMs: () => 0 });
      expect(proxy.calls().PutItem).toBeLessThanOrEqual(2);
      expect(new Set(outcomes(results.slice(2)))).toEqual(new Set(["DEADLINE_EXCEEDED"]));
    });
  });

  describe("against refusals", () => {
    const failOne = (name: string, answer: ProxyAnswer): void =>
      proxy.script((operation, body) => (operation === "PutItem" && body.includes(name) ? answer : undefined));

    test.each([
      ["ItemCollectionSizeLimitExceededException", "SINK_REJECTED"],
      ["ValidationException", "SINK_REJECTED"],
      ["ProvisionedThroughputExceededException", "SINK_THROTTLED"],
      ["TransactionConflictException", "SINK_CONFLICT"],
    ])("with %s fails only the item itself", async (type, code) => {
      const { sink } = await own();
      failOne("item-1", { status: 400, type, message: "the value secret-7" });
      const results = await write(sink, items(4));
      expect(outcomes(results)).toEqual(["delivered", code, "delivered", "delivered"]);
    });

    test("fails an item over 400 KB with SINK_TOO_LARGE", async () => {
      const { sink } = await own();
      const large = streamChange({ after: { pk: "large", sk: "1", text: "x".repeat(420_000) }, position: 9 });
      expect(outcomes(await write(sink, [...items(2), large]))).toEqual(["delivered", "delivered", "SINK_TOO_LARGE"]);
    });

    test("in a pipeline, a throttled item is written by a retry, and a rejected item is dead-lettered", async () => {
      const { table, sink } = await own();
      const envelopes: Envelope[] = [];
      const deadLetterQueue: DeadLetterQueue = {
        write: async (written) => {
          envelopes.push(...written);
          return { stored: new Set(written), errors: [] };
        },
      };
      const handler = pipeline("test", { deadLetterQueue, logger: silent }).to(sink).handler();
      let throttled = 0;
      proxy.script((operation, body) => {
        if (operation !== "PutItem" || !body.includes("item-1")) return undefined;
        throttled += 1;
        return throttled === 1 ? { status: 400, type: "ThrottlingException" } : undefined;
      });
      const bad = streamRecord({ after: { pk: "bad", sk: "1", text: "x".repeat(420_000) }, position: 9 });
      const records = [...items(3).map(({ record }) => record), bad];
      expect(await handler(streamEvent(records), lambdaContext({ remainingMs: 30_000 }))).toEqual({
        batchItemFailures: [],
      });
      expect((await engine.scan(table)).length).toBe(3);
      expect(envelopes.map(({ code, record }) => [code, record])).toEqual([["SINK_TOO_LARGE", bad]]);
    });

    test("rejects only the items that are nested too deeply, for DynamoDB, for the client or for the sink", async () => {
      const { sink } = await own();
      const nested = (levels: number) =>
        attributeValues({
          deep: Array.from({ length: levels }).reduce<AttributeValue>((L) => ({ L: [L] }), { S: "x" }),
        });
      const changes = items(10);
      const deliveries = changes.map((change, index) => ({
        change,
        message: index === 0 ? {} : nested(index * 1_000),
        earlier: [],
      }));
      expect(outcomes(await sink.write(deliveries, context()))).toEqual([
        "delivered",
        ...Array(9).fill("RECORD_MALFORMED"),
      ]);
    });

    test("never rejects items when DynamoDB refuses to describe the table", async () => {
      const { sink } = await own();
      proxy.script((operation) =>
        operation === "DescribeTable" ? { status: 400, type: "ValidationException" } : undefined,
      );
      await expect(write(sink, items(2))).rejects.toMatchObject({ code: "SINK_MISSING" });
    });

    test.each([["KMSDisabledException"], ["KMSAccessDeniedException"], ["SomethingNewException"]])(
      "with %s for the whole table rejects no item",
      async (type) => {
        const { sink } = await own();
        await write(sink, items(1));
        proxy.script((operation) => (operation === "PutItem" ? { status: 400, type } : undefined));
        const codes = outcomes(await write(sink, items(3)));
        expect(codes).not.toContain("SINK_REJECTED");
      },
    );

    test("rejects with SINK_MISSING without a table, so that nothing is dead-lettered", async () => {
      const sink = dynamodbSink({ client: engine.client(), table: "nowhere" });
      await expect(write(sink, items(2))).rejects.toMatchObject({ code: "SINK_MISSING" });
    });
  });

  describe("with a table that is created again under a warm function", () => {
    const recreate = async (table: string, keys: Readonly<Record<string, "S" | "N">>) => {
      await engine.direct.send(new DeleteTableCommand({ TableName: table }));
      await engine.createTable(keys, table);
    };

    test.each([
      ["another key attribute", { id: "S" }],
      ["another type", { pk: "N", sk: "S" }],
      ["another sort key", { pk: "S", at: "S" }],
    ] as const)("rejects no item when the key has %s, and recovers with the table", async (_what, keys) => {
      const { table, sink } = await own();
      await write(sink, items(1));
      await recreate(table, keys);
      expect(outcomes(await write(sink, items(3)))).toEqual(Array(3).fill("SINK_MISSING"));
      await recreate(table, { pk: "S", sk: "S" });
      expect(outcomes(await write(sink, items(3)))).toEqual(Array(3).fill("delivered"));
    });

    test("notices within a minute a key that the old items also fit", async () => {
      let now = Date.now();
      const { table, sink } = await own({ now: () => now });
      await write(sink, items(1));
      await recreate(table, { pk: "S" });
      now += 60_000;
      expect(outcomes(await write(sink, items(3)))).toEqual(Array(3).fill("SINK_MISSING"));
      expect(await engine.scan(table)).toEqual([]);
    });

    test("goes on with the old description if DynamoDB does not answer the new request for it", async () => {
      let now = Date.now();
      const { sink } = await own({ now: () => now });
      await write(sink, items(1));
      proxy.script((operation) =>
        operation === "DescribeTable" ? { status: 400, type: "ThrottlingException" } : undefined,
      );
      now += 60_000;
      expect(outcomes(await write(sink, items(3)))).toEqual(["superseded", "delivered", "delivered"]);
    });

    test("writes with the new key in the same call if the options fit it", async () => {
      const table = await engine.createTable({ first: "S" });
      const key = ({ pk }: Change["keys"]) => ({ first: String(pk), second: "1" });
      const picky = ({ pk }: Change["keys"]) => (usesSecond ? key({ pk: pk as string }) : { first: String(pk) });
      let usesSecond = false;
      const sink = dynamodbSink({ client: engine.client(), table, key: picky });
      await write(sink, items(1));
      await recreate(table, { first: "S", second: "S" });
      usesSecond = true;
      expect(outcomes(await write(sink, items(3)))).toEqual(Array(3).fill("delivered"));
      expect(proxy.calls().DescribeTable).toBe(2);
    });

    test("does not stop the other routes of the pipeline when the table contradicts an option", async () => {
      const table = await engine.createTable({ id: "S" });
      const [wrong, right] = [dynamodbSink({ client: engine.client(), table, name: "wrong" }), (await own()).sink];
      const handler = pipeline("test", { onReject: "block", logger: silent }).to(wrong).to(right).handler();
      const records = items(2).map(({ record }) => record);
      const answer = await handler(streamEvent(records), lambdaContext({ remainingMs: 30_000 }));
      expect(answer.batchItemFailures.length).toBeGreaterThan(0);
      expect(outcomes(await write(right, items(2)))).toEqual(["superseded", "superseded"]);
    });
  });

  describe("against a loop", () => {
    const streamOf = (table: string): string =>
      `arn:aws:dynamodb:ddblocal:000000000000:table/${table}/stream/2026-01-02T03:04:05.678`;
    const from = (eventSourceARN: string): StreamRecord => ({
      ...streamRecord({ after: { pk: "a", sk: "1" } }),
      eventSourceARN,
    });

    test("refuses a target that is its source, at the first invocation and before any write", async () => {
      const { table, sink } = await own();
      const handler = pipeline("test", { onReject: "block", logger: silent }).to(sink).handler();
      const invocation = handler(streamEvent([from(streamOf(table))]), lambdaContext());
      await expect(invocation).rejects.toThrow(ConfigError);
      await expect(invocation).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining('"table"'),
      });
      expect(proxy.calls()).toEqual({ DescribeTable: 1 });
    });

    test("accepts a table whose name only begins like the name of the source", async () => {
      const { table, sink } = await own();
      expect(outcomes(await write(sink, [changeOf(from(streamOf(`${table}-2`)))]))).toEqual(["delivered"]);
    });

    test("accepts a table of the same name in another account", async () => {
      const { table, sink } = await own();
      const elsewhere = streamOf(table).replace("000000000000", "123456789012");
      expect(outcomes(await write(sink, [changeOf(from(elsewhere))]))).toEqual(["delivered"]);
    });
  });

  describe("with the item's own key", () => {
    test("copies an item unchanged if the route has no mapper", async () => {
      const { table, sink } = await own();
      const item = {
        pk: "a",
        sk: "1",
        empty: "",
        exact: 12345678901234567890123456789012345678n,
        sizes: new Set([1, 2]),
        parts: new Set([Uint8Array.from([1, 2]), Uint8Array.from([3])]),
        deep: { list: [{ bytes: Uint8Array.from([255]) }, null, true] },
      };
      const handler = pipeline("test", { onReject: "block", logger: silent }).to(sink).handler();
      await handler(streamEvent([streamRecord({ after: item })]), lambdaContext());
      const [held] = await engine.scan(table);
      const { _sluice: _, ...copy } = held ?? {};
      expect(copy).toEqual({
        pk: { S: "a" },
        sk: { S: "1" },
        empty: { S: "" },
        exact: { N: "12345678901234567890123456789012345678" },
        sizes: { NS: expect.arrayContaining(["1", "2"]) },
        parts: { BS: expect.arrayContaining([Uint8Array.from([1, 2]), Uint8Array.from([3])]) },
        deep: { M: { list: { L: [{ M: { bytes: { B: Uint8Array.from([255]) } } }, { NULL: true }, { BOOL: true }] } } },
      });
    });

    test("removes an item if its remove record has only the key", async () => {
      const { table, sink } = await own();
      const before = { pk: "a", sk: "1", total: 5 };
      await write(sink, [streamChange({ after: before, viewType: "NEW_IMAGE" })]);
      await write(sink, [streamChange({ before, position: 2, viewType: "NEW_IMAGE" })]);
      expect(await engine.scan(table, sink.liveFilter)).toEqual([]);
      expect((await engine.scan(table)).map(withoutGuard)).toEqual([{ pk: "a", sk: "1" }]);
    });

    test("sets the TTL of a tombstone, and removes it when the item exists again", async () => {
      const now = 1_767_323_045_000;
      const { table, sink } = await own({ now: () => now, tombstoneDays: 40 });
      const item = { pk: "a", sk: "1" };
      await write(sink, [streamChange({ before: item, position: 2 })]);
      expect((await engine.scan(table))[0]?._sluice_expires).toEqual({ N: String(now / 1000 + 40 * 86_400) });
      await write(sink, [streamChange({ after: item, position: 3 })]);
      expect((await engine.scan(table))[0]?._sluice_expires).toBeUndefined();
    });

    test("replaces an item without a guard, which another program has put", async () => {
      const { table, sink } = await own();
      const Item = { pk: { S: "item-0" }, sk: { S: "1" }, stale: { BOOL: true } };
      await engine.direct.send(new PutItemCommand({ TableName: table, Item }));
      expect(outcomes(await write(sink, items(1)))).toEqual(["delivered"]);
      expect((await engine.scan(table)).map(withoutGuard)).toEqual([{ pk: "item-0", sk: "1" }]);
    });

    test("creates its own client if the options have none, and can be closed", async () => {
      const table = await engine.createTable({ pk: "S", sk: "S" });
      const environment = {
        AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
      };
      const saved = { ...process.env };
      Object.assign(process.env, environment);
      try {
        const sink = dynamodbSink({ table });
        proxy.script((operation, body) =>
          operation === "PutItem" && body.includes("item-0") ? { status: 400, type: "ThrottlingException" } : undefined,
        );
        expect(outcomes(await write(sink, items(2)))).toEqual(["SINK_THROTTLED", "delivered"]);
        expect(proxy.calls()).toEqual({ DescribeTable: 1, PutItem: 2 });
        await sink.close();
      } finally {
        for (const name of Object.keys(environment)) {
          if (saved[name] === undefined) delete process.env[name];
          else process.env[name] = saved[name];
        }
      }
    });
  });

  describe("with a key that several items can have", () => {
    const customer = { pk: "CUSTOMER#1", sk: "PROFILE", name: "Ada" };
    const order = { pk: "CUSTOMER#1", sk: "ORDER#9", total: 5 };
    const byPartition = { key: { id: "pk" } } satisfies Partial<DynamodbSinkOptions>;

    const openCustomers = async (options: Partial<DynamodbSinkOptions> = byPartition) => {
      const table = await engine.createTable({ id: "S" });
      const sink = dynamodbSink({ client: engine.client(), table, ...options });
      const names = async () =>
        (await engine.scan(table, sink.liveFilter)).map(withoutGuard).map(({ name, total }) => name ?? total);
      return { table, sink, names };
    };

    test.each([
      ["NEW_IMAGE", byPartition],
      ["NEW_AND_OLD_IMAGES", byPartition],
      ["NEW_IMAGE", { key: ({ pk }: Change["keys"]) => ({ id: pk as string }) }],
      ["NEW_AND_OLD_IMAGES", { movingKey: ({ pk }: UnknownItem) => ({ id: pk as string }) }],
    ] as const)("keeps a customer when one of its orders changes or is removed (%s)", async (viewType, options) => {
      const { sink, names } = await openCustomers(options);
      const table = tableHistory({ viewType });
      const handler = pipeline("test", { onReject: "block", logger: silent })
        .when((item): item is UnknownItem => item.sk === "PROFILE")
        .to(sink, ({ after }) => ({ name: after.name }))
        .handler();
      const deliver = async (record: StreamRecord) => {
        expect((await handler(streamEvent([record]), lambdaContext())).batchItemFailures).toEqual([]);
      };
      await deliver(table.put(customer));
      for (const record of [table.put(order), table.put({ ...order, total: 6 }), table.remove(order)]) {
        await deliver(record);
        expect(await names()).toEqual(["Ada"]);
      }
      await deliver(table.put({ ...customer, name: "Eve" }));
      expect(await names()).toEqual(["Eve"]);
      await deliver(table.remove(customer));
      expect(await names()).toEqual([]);
    });

    test("with onlyIfPresent leaves no trace of an item that never had the key", async () => {
      const { table, sink, names } = await openCustomers();
      await write(sink, [streamChange({ after: customer, position: 1 })]);
      const [before] = await engine.scan(table);
      proxy.reset();
      const removal = streamChange({ before: order, position: 2 });
      expect(outcomes(await removeIfPresent(sink, [removal]))).toEqual(["superseded"]);
      expect(proxy.calls()).toEqual({ GetItem: 1 });
      expect(await engine.scan(table)).toEqual([before]);
      expect(await names()).toEqual(["Ada"]);
    });

    test("shows the newest copy, and the older copy again when the newer item leaves", async () => {
      const { table, sink, names } = await openCustomers();
      const bytes = new Set([Uint8Array.from([1, 255])]);
      await write(sink, [streamChange({ after: { ...customer, bytes }, position: 1 })]);
      const [before] = await engine.scan(table);
      await write(sink, [streamChange({ after: order, position: 2 })]);
      expect(await names()).toEqual([5]);
      await write(sink, [streamChange({ before: order, position: 3 })]);
      expect(await names()).toEqual(["Ada"]);
      const { _sluice: _, ...copy } = before ?? {};
      expect((await engine.scan(table)).map(({ _sluice: __, ...item }) => item)).toEqual([copy]);
    });

    test("rejects a copy if it and the hidden copies are larger than 400 KB, and names the other items", async () => {
      const { sink, names } = await openCustomers();
      await write(sink, [streamChange({ after: { ...customer, text: "x".repeat(250_000) }, position: 1 })]);
      const large = streamChange({ after: { ...order, text: "x".repeat(250_000) }, position: 2 });
      const [result] = await write(sink, [large]);
      expect(result).toMatchObject({
        outcome: "failed",
        error: { code: "SINK_TOO_LARGE", message: expect.stringContaining("the entry for 1 other source item") },
      });
      expect(await names()).toEqual(["Ada"]);
    });

    test("lets a message replace a tombstone of the same version, and not the reverse", async () => {
      const { sink, names } = await openCustomers();
      await write(sink, [streamChange({ after: customer, position: 1 })]);
      const change = streamChange({ before: customer, after: { ...customer, name: "Eve" }, position: 2 });
      const leaving = { change, message: undefined, earlier: [] };
      const staying = { change, message: change.after, earlier: [] };
      expect(outcomes(await sink.write([leaving], context()))).toEqual(["delivered"]);
      expect(outcomes(await sink.write([staying], context()))).toEqual(["delivered"]);
      expect(outcomes(await sink.write([leaving], context()))).toEqual(["superseded"]);
      expect(await names()).toEqual(["Eve"]);
    });

    test("sends one PutItem for each change while one item has the key", async () => {
      const { sink } = await openCustomers();
      await write(sink, [streamChange({ after: customer, position: 1 })]);
      await write(sink, [streamChange({ after: { ...customer, name: "Eve" }, position: 2 })]);
      await write(sink, [streamChange({ before: customer, position: 3 })]);
      await write(sink, [streamChange({ after: customer, position: 4 })]);
      expect(proxy.calls()).toEqual({ DescribeTable: 1, PutItem: 4 });
    });
  });

  describe("with a key that moves", () => {
    test("keeps an item at a key that a newer item had and left", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      const records = [
        table.put({ pk: "A", username: "k1" }),
        table.put({ pk: "B", username: "k2" }),
        table.put({ pk: "A", username: "k2" }),
        table.put({ pk: "B", username: "k2", note: "changed" }),
        table.put({ pk: "B", username: "k1" }),
      ];
      const changes = records.map(changeOf);
      for (const change of changes) await write(sink, [change]);
      expect(await userOf()).toEqual({ k1: "B", k2: "A" });
      for (const change of changes.reverse()) expect(outcomes(await write(sink, [change]))).toEqual(["superseded"]);
      expect(await userOf()).toEqual({ k1: "B", k2: "A" });
    });

    test("repairs a crash between item and tombstone when the change is redelivered", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      const [first, second] = [table.put({ pk: "ann", username: "1" }), table.put({ pk: "ann", username: "2" })].map(
        changeOf,
      ) as [Change, Change];
      await write(sink, [first]);
      proxy.script((operation, body) =>
        operation === "PutItem" && body.includes('"removed":{"BOOL"') ? "hang" : undefined,
      );
      const invocation = new AbortController();
      const crashed = sink.write([{ change: second, message: second.after, earlier: [] }], {
        signal: invocation.signal,
        remainingMs: () => 0,
      });
      await untilCalled(() => (proxy.calls().PutItem ?? 0) === 3);
      invocation.abort();
      expect(outcomes(await crashed)).toEqual(["SINK_TIMEOUT"]);
      expect(await userOf()).toEqual({ "1": "ann", "2": "ann" });
      proxy.script(undefined);
      await write(sink, [second]);
      expect(await userOf()).toEqual({ "2": "ann" });
    });

    test("does not restore the item at its old key when a stale change is redriven", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      const changes = [
        table.put({ pk: "ann", username: "1" }),
        table.put({ pk: "ann", username: "2" }),
        table.remove({ pk: "ann" }),
      ];
      const [first, second, third] = changes.map(changeOf) as [Change, Change, Change];
      await write(sink, [first]);
      await write(sink, [second]);
      expect(outcomes(await write(sink, [first]))).toEqual(["superseded"]);
      expect(await userOf()).toEqual({ "2": "ann" });
      await write(sink, [third]);
      expect(outcomes([...(await write(sink, [second])), ...(await write(sink, [first]))])).toEqual([
        "superseded",
        "superseded",
      ]);
      expect(await userOf()).toEqual({});
    });

    test.each([[false], [true]])("lets two items swap their keys (second item first: %j)", async (isReversed) => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      const start = [table.put({ pk: "ann", username: "1" }), table.put({ pk: "bob", username: "2" })].map(changeOf);
      const swap = [table.put({ pk: "ann", username: "2" }), table.put({ pk: "bob", username: "1" })].map(changeOf);
      await write(sink, start);
      for (const change of isReversed ? swap.reverse() : swap) await write(sink, [change]);
      expect(await userOf()).toEqual({ "1": "bob", "2": "ann" });
      expect(outcomes(await write(sink, start))).toEqual(["superseded", "superseded"]);
      expect(await userOf()).toEqual({ "1": "bob", "2": "ann" });
    });

    test("clears the old key of an item that the target rejects", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      await write(sink, [changeOf(table.put({ pk: "ann", username: "1" }))]);
      const large = changeOf(table.put({ pk: "ann", username: "2", text: "x".repeat(420_000) }));
      expect(outcomes(await write(sink, [large]))).toEqual(["SINK_TOO_LARGE"]);
      expect(await userOf()).toEqual({});
    });

    test("keeps the item at its old key until it can be written at its new key", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      await write(sink, [changeOf(table.put({ pk: "ann", username: "1" }))]);
      proxy.script((operation) => (operation === "PutItem" ? { status: 400, type: "ThrottlingException" } : undefined));
      expect(outcomes(await write(sink, [changeOf(table.put({ pk: "ann", username: "2" }))]))).toEqual([
        "SINK_THROTTLED",
      ]);
      expect(await userOf()).toEqual({ "1": "ann" });
    });

    test("removes the item at every key when the filter excludes it", async () => {
      const { sink, userOf } = await openUsernames(engine);
      const table = tableHistory({ keyNames: ["pk"] });
      const handler = pipeline("test", { onReject: "block", logger: silent })
        .when((item): item is UnknownItem => item.isActive === true)
        .to(sink, ({ after }) => after)
        .handler();
      for (const isActive of [true, false]) {
        const record = table.put({ pk: "ann", username: isActive ? "1" : "2", isActive });
        await handler(streamEvent([record]), lambdaContext());
        expect(await userOf()).toEqual(isActive ? { "1": "ann" } : {});
      }
    });

    test("rejects a stream without old images, and names the view type that it needs", async () => {
      const { sink } = await openUsernames(engine);
      const change = streamChange({
        before: { pk: "ann", username: "1" },
        after: { pk: "ann", username: "2" },
        keyNames: ["pk"],
        viewType: "NEW_IMAGE",
      });
      const [result] = await write(sink, [change]);
      expect(result).toMatchObject({
        outcome: "failed",
        error: { code: "RECORD_INCOMPLETE", message: expect.stringContaining("NEW_AND_OLD_IMAGES") },
      });
    });
  });
});
