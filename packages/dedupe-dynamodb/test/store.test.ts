import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { dynamodbDedupe } from "../src/index.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const daySeconds = 86_400;
const signal = new AbortController().signal;
const sns = { pipeline: "orders", route: "sns" };
const version = (sequence: number): string => `20260102030405678-${String(sequence).padStart(40, "0")}`;
const entryOf = (sequence: number) => ({ idempotencyKey: `event-${sequence}:sns`, version: version(sequence) });
const range = (from: number, to: number) => ({ from: version(from), to: version(to) });
const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describeWithDynamodb("the table", ({ clientConfig }) => {
  const client = new DynamoDBClient(clientConfig);
  // The store gives each request 2 s, as an invocation must. A busy machine may pause for longer.
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  beforeAll(() => void jest.spyOn(AbortSignal, "timeout").mockImplementation((ms) => timeout(30 * ms)));
  afterAll(() => {
    jest.restoreAllMocks(); // The worker's other test files have the same AbortSignal.
    client.destroy();
  });
  let tables = 0;
  const openStore = async () => {
    tables += 1;
    const tableName = `dedupe-${tables}`;
    const store = dynamodbDedupe({ tableName, client });
    await store.ensure();
    return { store, tableName };
  };

  test("is created once", async () => {
    const { store } = await openStore();
    await expect(store.ensure()).resolves.toBeUndefined();
  });

  describe("as pending items", () => {
    const item = (name: string, sequence: number, owner = "one") => ({
      itemKey: name,
      version: version(sequence),
      owner,
    });

    test("finds many items with their last versions, in more than one request", async () => {
      const { store } = await openStore();
      const names = numbersTo(250).map((number) => `${"long".repeat(500)}${number}`);
      expect(await store.pendingItems.find(sns, names, signal)).toEqual(new Map());
      await store.pendingItems.add(
        sns,
        names.slice(0, 230).map((name) => item(name, 1)),
      );
      await store.pendingItems.add(sns, [item(names[0] ?? "", 5), item(names[0] ?? "", 3)]);
      const found = await store.pendingItems.find(sns, names, signal);
      expect(found.size).toBe(230);
      expect([found.get(names[0] ?? ""), found.get(names[1] ?? "")]).toEqual([version(5), version(1)]);
      expect(await store.pendingItems.find(sns, names.slice(230), signal)).toEqual(new Map());
      expect(await store.pendingItems.find(sns, [], signal)).toEqual(new Map());
    });

    test("releases an item for its last version or a later version, and not for an earlier version", async () => {
      const { store } = await openStore();
      await store.pendingItems.add(sns, [item("a", 5), item("b", 5), item("c", 5)]);
      await store.pendingItems.release(sns, [item("a", 4), item("b", 5), item("c", 6), item("never added", 1)]);
      expect(await store.pendingItems.find(sns, ["a", "b", "c"], signal)).toEqual(new Map([["a", version(5)]]));
    });

    test("returns the mark that each item had before, also if a later mark stays", async () => {
      const { store } = await openStore();
      expect(await store.pendingItems.add(sns, [item("a", 5), item("b", 5)])).toEqual(new Map());
      const before = await store.pendingItems.add(sns, [item("a", 5, "two"), item("b", 4, "two"), item("c", 1, "two")]);
      expect([...before.values()]).toEqual([item("a", 5), item("b", 5)]);
      expect(await store.pendingItems.find(sns, ["a", "b", "c"], signal)).toEqual(
        new Map([
          ["a", version(5)],
          ["b", version(5)],
          ["c", version(1)],
        ]),
      );
    });

    test("sets a mark back only if the mark still has the same version and owner", async () => {
      const { store } = await openStore();
      await store.pendingItems.add(
        sns,
        ["a", "b", "c", "d"].map((name) => item(name, 5)),
      );
      await store.pendingItems.add(sns, [item("b", 7), item("c", 5, "two")]);
      await store.pendingItems.restore(sns, [
        ...["a", "b", "c"].map((name) => ({ from: item(name, 5), to: item(name, 2, "zero") })),
        ...["d", "never added"].map((name) => ({ from: item(name, 5), to: undefined })),
      ]);
      expect(await store.pendingItems.find(sns, ["a", "b", "c", "d", "never added"], signal)).toEqual(
        new Map([
          ["a", version(2)],
          ["b", version(7)],
          ["c", version(5)],
        ]),
      );
      await store.pendingItems.restore(sns, [{ from: item("a", 2, "zero"), to: undefined }]);
      expect(await store.pendingItems.find(sns, ["a"], signal)).toEqual(new Map());
    });

    test("separates routes, and outlives every message of a queue", async () => {
      const { store, tableName } = await openStore();
      await store.pendingItems.add(sns, [item("a", 5)]);
      expect(await store.pendingItems.find({ ...sns, route: "sqs" }, ["a"], signal)).toEqual(new Map());
      const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName }));
      const keptDays = (Number(Items[0]?.expiration?.N) - Date.now() / 1_000) / daySeconds;
      expect(keptDays).toBeGreaterThan(14);
    });
  });

  describe("as a journal", () => {
    test("finds the entries of a range, including both ends", async () => {
      const { store } = await openStore();
      await store.journal.note(sns, numbersTo(10).map(entryOf));
      const found = await store.journal.find(sns, range(3, 5), signal);
      expect([...found].sort()).toEqual(["event-3:sns", "event-4:sns", "event-5:sns"]);
      expect(await store.journal.find(sns, range(11, 12), signal)).toEqual(new Set());
    });

    test("adds more entries than a request allows, and finds more than a page has", async () => {
      const { store } = await openStore();
      const count = 6_000;
      // A page holds at most 1 MiB. The entries have long keys, so that they need two pages.
      const entries = numbersTo(count).map((sequence) => ({
        ...entryOf(sequence),
        idempotencyKey: `${"x".repeat(150)}${sequence}`,
      }));
      await store.journal.note(sns, entries);
      expect((await store.journal.find(sns, range(1, count), signal)).size).toBe(count);
    });

    test("accepts an entry twice, in one request or in two", async () => {
      const { store } = await openStore();
      await store.journal.note(sns, [entryOf(1), entryOf(1)]);
      await store.journal.note(sns, [entryOf(1)]);
      expect(await store.journal.find(sns, range(1, 1), signal)).toEqual(new Set(["event-1:sns"]));
    });

    test("separates routes, whatever their names", async () => {
      const { store } = await openStore();
      await store.journal.note({ pipeline: "a#b", route: "c" }, [entryOf(1)]);
      await store.journal.note(sns, []);
      for (const other of [sns, { pipeline: "a", route: "b#c" }, { pipeline: "a#b", route: "d" }]) {
        expect(await store.journal.find(other, range(1, 9), signal)).toEqual(new Set());
      }
    });

    test("keeps an entry longer than the stream keeps its record, but not much longer", async () => {
      const { store, tableName } = await openStore();
      await store.journal.note(sns, [entryOf(1)]);
      const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName }));
      const keptForSeconds = Number(Items[0]?.expiration?.N) - Date.now() / 1000;
      expect(keptForSeconds).toBeGreaterThan(daySeconds);
      expect(keptForSeconds).toBeLessThan(2 * daySeconds);
    });

    test("rejects if the table is missing", async () => {
      const { journal } = dynamodbDedupe({ tableName: "nowhere", client });
      await expect(journal.note(sns, [entryOf(1)])).rejects.toMatchObject({ name: "ResourceNotFoundException" });
      await expect(journal.find(sns, range(1, 1), signal)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    });

    test("does not query after the signal has aborted", async () => {
      const { store } = await openStore();
      await expect(store.journal.find(sns, range(1, 1), AbortSignal.abort())).rejects.toThrow();
    });
  });

  describe("as leases", () => {
    test("lets only one of many callers acquire a delivery", async () => {
      const { store } = await openStore();
      const answers = await Promise.all(numbersTo(8).map(() => store.leases.acquire(sns, "event-1:sns", 60_000)));
      expect(answers.filter((answer) => answer === "acquired")).toHaveLength(1);
      for (const answer of answers.filter((one) => one !== "acquired")) {
        expect(answer).toEqual({ heldForMs: expect.any(Number) });
        expect((answer as { heldForMs: number }).heldForMs).toBeGreaterThan(30_000);
      }
    });

    test("never lets a completed delivery be acquired again, even after the lease has expired", async () => {
      const { store } = await openStore();
      await store.leases.acquire(sns, "event-1:sns", 1);
      await store.leases.complete(sns, "event-1:sns");
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await store.leases.acquire(sns, "event-1:sns", 60_000)).toBe("completed");
    });

    test("lets a delivery be acquired again after a release, and after its lease has expired", async () => {
      const { store } = await openStore();
      expect(await store.leases.acquire(sns, "released", 60_000)).toBe("acquired");
      await store.leases.release(sns, "released");
      expect(await store.leases.acquire(sns, "released", 60_000)).toBe("acquired");
      expect(await store.leases.acquire(sns, "crashed", 1)).toBe("acquired");
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await store.leases.acquire(sns, "crashed", 60_000)).toBe("acquired");
    });

    test("keeps a delivery completed if the holder of an expired lease releases the lease late", async () => {
      const { store } = await openStore();
      expect(await store.leases.acquire(sns, "event-1:sns", 1)).toBe("acquired");
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await store.leases.acquire(sns, "event-1:sns", 60_000)).toBe("acquired");
      await store.leases.complete(sns, "event-1:sns");
      await store.leases.release(sns, "event-1:sns");
      expect(await store.leases.acquire(sns, "event-1:sns", 60_000)).toBe("completed");
    });

    test("keeps the leases of routes separate that are used at once", async () => {
      const { store } = await openStore();
      const routes = ["a#b", "a", "email"].map((route) => ({ pipeline: "orders", route }));
      const keys = numbersTo(10).map(String);
      const all = routes.flatMap((route) => keys.map((key) => ({ route, key })));
      const first = await Promise.all(all.map(({ route, key }) => store.leases.acquire(route, key, 60_000)));
      await Promise.all(all.map(({ route, key }) => store.leases.complete(route, key)));
      const second = await Promise.all(all.map(({ route, key }) => store.leases.acquire(route, key, 60_000)));
      expect([new Set(first), new Set(second)]).toEqual([new Set(["acquired"]), new Set(["completed"])]);
    });

    test("stores leases in different partitions, and for longer than any dead letter", async () => {
      const { store, tableName } = await openStore();
      await Promise.all(numbersTo(5).map((key) => store.leases.acquire(sns, String(key), 60_000)));
      await store.leases.complete(sns, "1");
      const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName }));
      expect(new Set(Items.map(({ pk }) => pk?.S)).size).toBe(5);
      for (const { expiration } of Items) {
        expect(Number(expiration?.N) - Date.now() / 1000).toBeGreaterThan(29 * daySeconds);
      }
    });

    test("fails only with errors that cause a retry, and never with an error that rejects the delivery", async () => {
      const { leases } = dynamodbDedupe({ tableName: "nowhere", client });
      await expect(leases.acquire(sns, "1", 1_000)).rejects.toMatchObject({ name: "SinkError", code: "SINK_MISSING" });
      const wrongKeys = { ...sns, route: "x".repeat(3_000) };
      const { store } = await openStore();
      await expect(store.leases.acquire(wrongKeys, "1", 1_000)).rejects.toMatchObject({ code: "SINK_MISSING" });
    });
  });
});
