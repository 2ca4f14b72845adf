// Several items with one row: keys that are equal only to Postgres, rows with a part of an item's key, key functions.

import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import type { Change, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { lambdaContext, type RecordOptions, streamEvent, streamRecord } from "@sluice/testing";
import { type PostgresRow, type PostgresSink, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  messagesOf,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

type Keys = { readonly [attribute: string]: unknown };
type Delivery = UpsertDelivery<PostgresRow>;

const put = (keys: Keys, position: number, state: string, more?: PostgresRow): Delivery =>
  upsertOf(changeOf(keys, position, { state }), { state, ...more });
const remove = (keys: Keys, position: number): Delivery => removalOf(changeOf(keys, position));
const precaution = (keys: Keys, position: number): Delivery => ({ ...remove(keys, position), onlyIfPresent: true });

const write = async (sink: PostgresSink, ...batch: readonly Delivery[]): Promise<string[]> => {
  const predicted = outcomesOf(batch, (await sink.dryRun?.(batch, invocation())) ?? []);
  const outcomes = outcomesOf(batch, await sink.write(batch, invocation()));
  expect(predicted).toEqual(outcomes);
  return outcomes;
};

const all = async ({ sql }: Database): Promise<unknown[]> =>
  (await sql("SELECT id::text AS id, state FROM items ORDER BY id")).map(({ id, state }) => [id, state]);

/** A table whose key column has this type, and a sink for the table. */
const openWith = async (
  engine: Parameters<typeof newDatabase>[0],
  type: string,
  setup = "",
): Promise<{ database: Database; sink: PostgresSink }> => {
  const database = await newDatabase(engine);
  await database.sql(`${setup}; CREATE TABLE items (id ${type} PRIMARY KEY, state text)`);
  const sink = postgresSink({ pool: database.pool, table: "items" });
  await sink.ensure();
  return { database, sink };
};

/** Spellings of a key that are one to Postgres and two to DynamoDB. */
const spellings: readonly (readonly [type: string, one: unknown, two: unknown, setup?: string])[] = [
  ["citext", "Ada@x.org", "ada@x.org", "CREATE EXTENSION citext"],
  ["caseless", "Ada@x.org", "ada@x.org", "CREATE EXTENSION citext; CREATE DOMAIN caseless AS citext"],
  [
    'text COLLATE "caseless"',
    "Ada@x.org",
    "ada@x.org",
    "CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
  ],
  ["uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"],
  ["char(8)", "a", "a   "],
  ["varchar(2)", "ab", "ab "],
  ["inet", "10.0.0.1", "10.0.0.1/32"],
  ["timestamptz", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"],
  ["timestamptz(0)", "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00Z"],
  ["date", "2026-01-01", "1 Jan 2026"],
  ["double precision", 0.1, "0.10000000000000000001"],
  ["real", 0.1, 0.100000001],
  ["numeric(9,2)", 1.001, 1.004],
  ["numeric", "01", "1"],
  ["integer", "01", "1"],
  ["name", `${"x".repeat(63)}1`, `${"x".repeat(63)}2`],
  ["boolean", "yes", "true"],
];

describeWithPostgres("keys that are equal to Postgres only", (engine) => {
  for (const [type, one, two, setup] of spellings) {
    const [a, b] = [{ id: one }, { id: two }];
    const shown = async (database: Database): Promise<unknown[]> =>
      (await all(database)).map((row) => (row as unknown[])[1]);

    test(`${type}: removing one of two items leaves the other item's row`, async () => {
      const { database, sink } = await openWith(engine, type, setup);
      await write(sink, put(a, 1, "A"));
      await write(sink, put(b, 2, "B"));
      expect(await shown(database)).toEqual(["B"]);
      await write(sink, remove(a, 3));
      expect(await shown(database)).toEqual(["B"]);
      await write(sink, put(a, 4, "A4"));
      expect(await shown(database)).toEqual(["A4"]);
      expect(await write(sink, remove(b, 5), put({ id: one }, 2, "late"))).toEqual(["delivered", "superseded"]);
      expect(await shown(database)).toEqual(["A4"]);
      await database.close();
    });

    test(`${type}: an item that comes while the other leaves, in one batch, is written`, async () => {
      const { database, sink } = await openWith(engine, type, setup);
      await write(sink, put(a, 1, "A"));
      expect(await write(sink, put(b, 2, "B"), remove(a, 3))).toEqual(["delivered", "delivered"]);
      expect(await shown(database)).toEqual(["B"]);
      expect(await write(sink, remove(b, 4), put(a, 5, "A5"))).toEqual(["delivered", "delivered"]);
      expect(await shown(database)).toEqual(["A5"]);
      await database.close();
    });

    test(`${type}: when the newest item leaves, the older item's content returns, also within one batch`, async () => {
      const { database, sink } = await openWith(engine, type, setup);
      await write(sink, put(a, 1, "A"), put(b, 2, "B"));
      expect(await shown(database)).toEqual(["B"]);
      await write(sink, remove(b, 3));
      expect(await shown(database)).toEqual(["A"]);
      await write(sink, put(b, 4, "B4"), remove(a, 5));
      expect(await shown(database)).toEqual(["B4"]);
      await write(sink, remove(b, 6));
      expect(await shown(database)).toEqual([]);
      expect(await write(sink, put(a, 5, "late"), put(b, 5, "late"))).toEqual(["delivered", "superseded"]);
      await database.close();
    });
  }

  test("the row has the spelling of the item that it shows, and all its values exactly", async () => {
    const database = await newDatabase(engine);
    await database.sql(`CREATE EXTENSION citext;
      CREATE TABLE items (id citext PRIMARY KEY, state text, n numeric, f double precision, b bytea, j json, jb jsonb,
        t text[], at timestamptz, more text DEFAULT 'kept')`);
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    const values = {
      n: "12345678901234567890.120",
      f: 0.1 + 0.2,
      b: new Uint8Array([0, 92, 255]),
      j: { z: 1, a: [1.5, null, "\\\"'\n\u{1f600}"] },
      jb: "text",
      t: ['a"b', "c,d", "\\", null, ""],
      at: new Date(1_767_225_600_123),
    };
    const read = async () => (await database.sql("SELECT items::text AS row FROM items")).map(({ row }) => row);
    await write(sink, put({ id: "Ada" }, 1, "A", values));
    const before = await read();
    await write(sink, put({ id: "ADA" }, 2, "B"));
    expect(await all(database)).toEqual([["ADA", "B"]]);
    await write(sink, remove({ id: "ADA" }, 3));
    expect(await read()).toEqual(before);
    await write(sink, put({ id: "ada" }, 4, "C"));
    await write(sink, put({ id: "Ada" }, 3, "A3", values), remove({ id: "ada" }, 5));
    expect(await all(database)).toEqual([["Ada", "A3"]]);
    await database.close();
  });

  test("a content that does not fit its column is refused at once, also if it is not shown", async () => {
    const database = await newDatabase(engine);
    await database.sql(
      "CREATE EXTENSION citext; CREATE TABLE items (id citext PRIMARY KEY, state text, n int, t int[])",
    );
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    await sink.write([put({ id: "a" }, 9, "shown")], invocation());
    const older = [put({ id: "A" }, 1, "bad", { t: ["x"] })];
    expect(outcomesOf(older, await sink.write(older, invocation()))).toEqual(["SINK_REJECTED"]);
    const batch = [
      put({ id: "A" }, 1, "bad", { n: "many" }),
      put({ id: "b" }, 1, "good"),
      put({ id: "B" }, 2, "bad", { state: "nul\0" }),
    ];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual([
      "SINK_REJECTED",
      expect.stringMatching(/delivered|superseded/),
      "SINK_REJECTED",
    ]);
    expect(await all(database)).toEqual([
      ["a", "shown"],
      ["b", "good"],
    ]);
    await database.close();
  });
});

describeWithPostgres("keys that are proved to be different", (engine) => {
  const exact: readonly (readonly [type: string, value: unknown, setup?: string])[] = [
    ["text", "a"],
    ["varchar", "a"],
    ["label", "a", "CREATE TYPE label AS ENUM ('a', 'b')"],
    ["checked", "a", "CREATE DOMAIN checked AS text CHECK (VALUE <> '')"],
    ["numeric", 1.5],
    ["bigint", 5],
    ["text", 5],
    ["bytea", new Uint8Array([1])],
    ["text", new Uint8Array([1])],
  ];
  test.each(exact.map(([type, value, setup = ""]) => [type, value, setup] as const))(
    "%s with %p stores no owner",
    async (type, value, setup) => {
      const { database, sink } = await openWith(engine, type, setup);
      await write(sink, put({ id: value }, 1, "A"));
      await write(sink, remove({ id: value }, 2));
      expect(await database.sql("SELECT sluice_owner, sluice_claims FROM items_sluice")).toEqual([
        { sluice_owner: null, sluice_claims: null },
      ]);
      await database.close();
    },
  );

  test("items with other key attributes end the proof", async () => {
    const { database, sink } = await openWith(engine, "text");
    await write(sink, put({ id: "1" }, 1, "S"));
    await write(sink, put({ id: 1 }, 2, "N"));
    await write(sink, put({ id: "2" }, 3, "S"));
    const owners = await database.sql("SELECT id, sluice_owner IS NULL AS free FROM items_sluice ORDER BY id");
    expect(owners).toEqual([
      { id: "1", free: false },
      { id: "2", free: false },
    ]);
    await database.close();
  });

  test("with guard inline, a key that is not proved is refused with a reason and a way out", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items_with_tombstones (id uuid PRIMARY KEY, state text)");
    const sink = postgresSink({ pool: database.pool, table: "items", guard: "inline" });
    await sink.ensure();
    const batch = [put({ id: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" }, 1, "A")];
    await expect(sink.write(batch, invocation())).rejects.toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringMatching(/key column "id" \(uuid\).*"version-table"/),
    });
    const key = (keys: Change["keys"]) => ({ id: String(keys.id) });
    expect(() => postgresSink({ pool: database.pool, table: "items", guard: "inline", key })).toThrow(
      /option "key".*inline/,
    );
    await database.close();
  });

  test("a version table without the columns for owners, or with another key type, is refused if it needs owners", async () => {
    const { database, sink } = await openWith(engine, "uuid");
    const batch = [put({ id: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" }, 1, "A")];
    await database.sql("ALTER TABLE items_sluice DROP COLUMN sluice_owner");
    await expect(sink.write(batch, invocation())).rejects.toThrow(/no columns for owners; ensure\(\)/);
    await sink.ensure();
    await database.sql("ALTER TABLE items_sluice ALTER COLUMN id TYPE text");
    await expect(sink.write(batch, invocation())).rejects.toThrow(
      /"id" is uuid in "items", but text in "items_sluice"/,
    );
    await database.sql("ALTER TABLE items_sluice ALTER COLUMN id TYPE uuid USING id::uuid");
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await database.close();
  });
});

describeWithPostgres("a row with a part of the item's key", (engine) => {
  const customer = { PK: "CUSTOMER#1", SK: "PROFILE" };
  const order = { PK: "CUSTOMER#1", SK: "ORDER#9" };

  const open = async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (id text PRIMARY KEY, state text)");
    const pool = watch(database.pool);
    const sink = postgresSink({ pool, table: "items", key: { id: "PK" } });
    await sink.ensure();
    return { database, sink, pool };
  };

  test("only the customer's own changes remove the customer's row", async () => {
    const { database, sink } = await open();
    await write(sink, put(customer, 1, "customer"));
    expect(await write(sink, precaution(order, 2))).toEqual(["superseded"]);
    expect(await write(sink, remove(order, 3))).toEqual(["delivered"]);
    expect(await all(database)).toEqual([["CUSTOMER#1", "customer"]]);
    expect(await write(sink, put(customer, 4, "changed"))).toEqual(["delivered"]);
    expect(await all(database)).toEqual([["CUSTOMER#1", "changed"]]);
    await write(sink, remove(customer, 5));
    expect(await all(database)).toEqual([]);
    await database.close();
  });

  for (const viewType of ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"] as const) {
    test(`${viewType}: a route that takes only customers keeps them when their orders change and go`, async () => {
      const { database, sink } = await open();
      const logger = { info: () => undefined, warn: () => undefined };
      const handler = pipeline("shop", { onReject: "block", logger })
        .when(({ SK }) => SK === "PROFILE")
        .to(sink, ({ after }) => ({ state: String(after.state) }))
        .handler();
      let position = 0;
      const send = async (...records: readonly RecordOptions[]): Promise<void> => {
        const event = streamEvent(
          records.map((record) => streamRecord({ ...record, viewType, keyNames: ["PK", "SK"], position: ++position })),
        );
        expect(await handler(event as never, lambdaContext())).toEqual({ batchItemFailures: [] });
      };
      const [one, two] = [
        { ...order, state: "1" },
        { ...order, state: "2" },
      ];
      await send({ after: { ...customer, state: "Ada" } });
      await send({ after: one });
      await send({ before: one, after: two });
      expect(await all(database)).toEqual([["CUSTOMER#1", "Ada"]]);
      await send({ before: two });
      expect(await all(database)).toEqual([["CUSTOMER#1", "Ada"]]);
      const before = { ...customer, state: "Ada" };
      await send({ after: one }, { before, after: { ...customer, state: "Eve" } }, { before: one });
      expect(await all(database)).toEqual([["CUSTOMER#1", "Eve"]]);
      await send({ before: { ...customer, state: "Eve" } });
      expect(await all(database)).toEqual([]);
      await database.close();
    });
  }

  test("an order's removal before the customer arrives leaves no trace on the customer", async () => {
    const { database, sink } = await open();
    await write(sink, remove(order, 3));
    expect(await write(sink, put(customer, 1, "customer"))).toEqual(["delivered"]);
    expect(await write(sink, put(order, 2, "late order"))).toEqual(["superseded"]);
    expect(await all(database)).toEqual([["CUSTOMER#1", "customer"]]);
    await database.close();
  });

  test("a precaution for an item without an entry writes nothing, in one query", async () => {
    const { database, sink, pool } = await open();
    await write(sink, put(customer, 1, "customer"));
    const orders = Array.from({ length: 50 }, (_, index) => precaution({ PK: "CUSTOMER#1", SK: `O${index}` }, 2));
    const stored = "SELECT xmin::text, xmax::text, sluice_claims FROM items_sluice";
    const before = await database.sql(stored);
    const count = pool.queries.length;
    const outcomes = outcomesOf(orders, await sink.write(orders, invocation()));
    expect(new Set(outcomes)).toEqual(new Set(["superseded"]));
    expect(pool.queries.length - count).toBe(1);
    expect(await database.sql(stored)).toEqual(before);
    await database.close();
  });

  test("rows from before the owners belong to the item that writes next, but not to one that probably had no row", async () => {
    const { database, sink } = await open();
    await write(sink, put(customer, 1, "customer"));
    await database.sql("UPDATE items_sluice SET sluice_owner = NULL");
    expect(await write(sink, precaution(order, 2))).toEqual(["superseded"]);
    expect(await write(sink, put(customer, 3, "changed"))).toEqual(["delivered"]);
    expect(await write(sink, remove(order, 4))).toEqual(["delivered"]);
    expect(await all(database)).toEqual([["CUSTOMER#1", "changed"]]);
    await database.close();
  });

  test("purge forgets old departures, and keeps the contents of live items", async () => {
    const { database, sink } = await open();
    await write(sink, put(customer, 1, "customer"));
    await write(sink, remove(order, 2), put({ PK: "CUSTOMER#1", SK: "OTHER" }, 3, "other"));
    const age = (days: number) =>
      database.sql(`UPDATE items_sluice SET sluice_claims = (
        SELECT jsonb_object_agg(key, CASE WHEN value ? 'x' THEN
          jsonb_set(value, '{x}', to_jsonb(extract(epoch from now()) - ${days} * 86400)) ELSE value END)
        FROM jsonb_each(sluice_claims))`);
    await age(29.5);
    expect(await sink.purge()).toBe(0);
    await age(30.5);
    expect(await sink.purge()).toBe(1);
    expect(await sink.purge()).toBe(0);
    await write(sink, remove({ PK: "CUSTOMER#1", SK: "OTHER" }, 4));
    expect(await all(database)).toEqual([["CUSTOMER#1", "customer"]]);
    await write(sink, remove(customer, 5));
    await database.sql("UPDATE items_sluice SET sluice_removed_at = now() - interval '40 days'");
    expect(await sink.purge()).toBe(1);
    expect(await database.sql("SELECT FROM items_sluice")).toEqual([]);
    await database.close();
  });
});

describeWithPostgres("a changed key mapping", (engine) => {
  const options = { table: "items", columns: { a: "text", b: "text", state: "text" } } as const;
  const keys = { p: "1", q: "2" };
  const image = { p: { S: "1" }, q: { S: "2" }, state: { S: "x" } };

  test("is refused by write, dryRun and ensure until the tables are empty", async () => {
    const database = await newDatabase(engine);
    const pool = database.pool;
    const old = postgresSink({ pool, ...options, key: { a: "p", b: "q" } });
    await old.ensure();
    const batch = [upsertOf(changeOf(keys, 1, {}), image)];
    expect(outcomesOf(batch, await old.write(batch, invocation()))).toEqual(["delivered"]);
    const changed = postgresSink({ pool, ...options, key: { a: "q", b: "p" } });
    const refusal = {
      code: "SINK_MISSING",
      message: expect.stringMatching(/key mapping \{"a":"p","b":"q"\}.* now \{"a":"q","b":"p"\}; empty .* ensure\(\)/),
    };
    await expect(changed.write(batch, invocation())).rejects.toMatchObject(refusal);
    await expect(changed.dryRun?.(batch, invocation())).rejects.toMatchObject(refusal);
    await expect(changed.ensure()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    const byFunction = postgresSink({ pool, ...options, key: ({ p, q }) => ({ a: String(p), b: String(q) }) });
    await expect(byFunction.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.sql("TRUNCATE items, items_sluice");
    await changed.ensure();
    expect(outcomesOf(batch, await changed.write(batch, invocation()))).toEqual(["delivered"]);
    await expect(old.ensure()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await database.sql("TRUNCATE items, items_sluice");
    expect((await byFunction.ensure()).join()).toContain("items_sluice_owner");
    expect(await byFunction.ensure()).toEqual([]);
    expect(outcomesOf(batch, await byFunction.write(batch, invocation()))).toEqual(["delivered"]);
    await database.close();
  });

  test("a list, an object and the default that say the same are one mapping", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (a text, b text, state text, PRIMARY KEY (b, a))");
    const sinks = [undefined, ["a", "b"], { b: "b", a: "a" }].map((key) =>
      postgresSink({ pool: database.pool, table: "items", ...(key && { key }) }),
    );
    await sinks[0]?.ensure();
    for (const [index, sink] of sinks.entries()) {
      expect(await sink.ensure()).toEqual([]);
      expect(await write(sink, put({ a: "1", b: "2" }, index + 1, "x"))).toEqual(["delivered"]);
    }
    await database.close();
  });

  test("with guard inline is refused, too", async () => {
    const database = await newDatabase(engine);
    const old = postgresSink({ pool: database.pool, ...options, guard: "inline", key: { a: "p", b: "q" } });
    await old.ensure();
    const changed = postgresSink({ pool: database.pool, ...options, guard: "inline", key: { a: "q", b: "p" } });
    const batch = [upsertOf(changeOf(keys, 1, {}), image)];
    await expect(changed.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.close();
  });

  test("of a function: the item's next change, or its removal, reaches the old row", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (id text PRIMARY KEY, state text UNIQUE)");
    const sinkOf = (prefix: string) =>
      postgresSink({ pool: database.pool, table: "items", key: ({ id }) => ({ id: prefix + String(id) }) });
    const [old, changed] = [sinkOf("old-"), sinkOf("new-")];
    await old.ensure();
    await write(old, put({ id: "a" }, 1, "A"), put({ id: "b" }, 1, "B"), put({ id: "c" }, 1, "C"));
    expect(await write(changed, put({ id: "a" }, 1, "A"))).toEqual(["superseded"]);
    // The new row has the old row's unique value, so the old row must go first.
    const outcomes = outcomesOf(
      [],
      await changed.write([put({ id: "a" }, 2, "A"), remove({ id: "b" }, 2)], invocation()),
    );
    expect(outcomes).toEqual([]);
    expect(await all(database)).toEqual([
      ["new-a", "A"],
      ["old-c", "C"],
    ]);
    expect(await write(old, put({ id: "a" }, 1, "late"), put({ id: "b" }, 1, "late"))).toEqual([
      "superseded",
      "superseded",
    ]);
    expect(await all(database)).toEqual([
      ["new-a", "A"],
      ["old-c", "C"],
    ]);
    expect(await changed.write([precaution({ id: "c" }, 2)], invocation())).toHaveLength(1);
    expect(await all(database)).toEqual([["new-a", "A"]]);
    await database.close();
  });

  test("of a function: an old copy that is not shown does not return", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (id text PRIMARY KEY, state text)");
    const sinkOf = (length: number) =>
      postgresSink({ pool: database.pool, table: "items", key: ({ id }) => ({ id: String(id).slice(0, length) }) });
    const [old, changed] = [sinkOf(1), sinkOf(2)];
    await old.ensure();
    await write(old, put({ id: "a1" }, 1, "A1"), put({ id: "a2" }, 2, "A2"));
    await changed.write([put({ id: "a1" }, 3, "A1")], invocation());
    await changed.write([put({ id: "a2" }, 4, "A2")], invocation());
    expect(await all(database)).toEqual([
      ["a1", "A1"],
      ["a2", "A2"],
    ]);
    await database.close();
  });
});

describeWithPostgres("two routes on one table", (engine) => {
  test("with different filters, an item that moves from one to the other keeps its row, in either order", async () => {
    const { database, sink } = await openWith(engine, "text");
    const other = postgresSink({ pool: database.pool, table: "items" });
    expect(sink.target).toBe(other.target);
    await write(sink, put({ id: "a" }, 1, "one"), put({ id: "b" }, 1, "one"));
    await write(sink, remove({ id: "a" }, 2));
    expect(await write(other, put({ id: "a" }, 2, "two"))).toEqual(["delivered"]);
    await write(other, put({ id: "b" }, 2, "two"));
    expect(await write(sink, remove({ id: "b" }, 2))).toEqual(["superseded"]);
    expect(await all(database)).toEqual([
      ["a", "two"],
      ["b", "two"],
    ]);
    await database.close();
  });

  test("target names the table and the database, and no credential", () => {
    const targets = (...urls: readonly string[]) =>
      urls.map(
        (connectionString) => postgresSink({ connection: { connectionString }, table: "t", schema: "s" }).target,
      );
    const [one, two, three] = targets(
      "postgresql://me:secret@localhost/shop",
      "postgres://you:other@localhost:5432/shop",
      "postgres://you:other@localhost:5433/shop",
    );
    expect(one).toBe('postgres://localhost:5432/shop "s"."t"');
    expect(two).toBe(one);
    expect(three).not.toBe(one);
    const connection = { host: "localhost", database: "shop", user: "me", password: "secret" };
    expect(postgresSink({ connection, table: "t", schema: "s" }).target).toBe(one);
  });
});

describeWithPostgres("messages of errors", (engine) => {
  test("quote no values of a contested row", async () => {
    const database = await newDatabase(engine);
    await database.sql(
      "CREATE EXTENSION citext; CREATE TABLE items (id citext PRIMARY KEY, state text CHECK (state <> 'secret-1'))",
    );
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    await sink.write([put({ id: "key-7" }, 1, "fine")], invocation());
    const results = await sink.write([put({ id: "KEY-7" }, 2, "secret-1")], invocation());
    expect(messagesOf(results)).toHaveLength(1);
    expect(messagesOf(results).join()).not.toMatch(/secret-1|key-7/i);
    await database.close();
  });
});
