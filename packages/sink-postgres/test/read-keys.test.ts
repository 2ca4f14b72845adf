// What `keys` lists, and what `read` answers about rows that several items share.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { Image, KeysRequest } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresKeyMap, postgresSink } from "../src/index.ts";
import { invocation, watch } from "./support/deliveries.ts";
import { randomOf } from "./support/random.ts";
import {
  allKeys,
  canonical,
  type Keys,
  openTable,
  poolWith,
  put,
  read,
  remove,
  sorted,
  write,
} from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const seed = Number(process.env.SLUICE_SEED ?? 20_261_128);

const imagesOf = async (...given: Parameters<typeof allKeys>): Promise<(Image | undefined)[]> =>
  (await allKeys(...given)).map(({ keys }) => keys);

describeWithPostgres("keys", (engine) => {
  test.each(guards)(`with guard %s list each live copy once, in any parts and pages (seed ${seed})`, async (guard) => {
    const random = randomOf(seed);
    const { database, sink } = await openTable(engine, guard, "b text, a numeric, state text, PRIMARY KEY (a, b)", {
      key: { b: "sk", a: "pk" },
    });
    const items = Array.from({ length: 60 }, (_, index) => ({
      pk: Math.floor(random() * 10) - 5,
      sk: `s${index} é"\\`,
    }));
    await write(sink, ...items.map((keys) => put(keys, 10, { state: "x" })));
    const gone = items.filter(() => random() < 0.3);
    await write(sink, ...gone.map((keys) => remove(keys, 20)));
    const live = items.filter((keys) => !gone.includes(keys));
    const expected = sorted(live.map(({ pk, sk }) => ({ pk: { N: String(pk) }, sk: { S: sk } })));
    for (const sizes of [
      { parts: 1, limit: 1_000 },
      { parts: 1, limit: 1 },
      { parts: 3, limit: 7 },
      { parts: 9, limit: 2 },
    ]) {
      const found = await allKeys(sink, { pk: "N", sk: "S" }, sizes);
      expect({ sizes, keys: sorted(found.map(({ keys }) => keys)) }).toEqual({ sizes, keys: expected });
      expect(new Set(found.map(({ version }) => version))).toEqual(
        new Set([put(items[0] as Keys, 10, {}).change.version]),
      );
    }
    const other = poolWith(database, "-c DateStyle=SQL,DMY -c enable_seqscan=off -c enable_sort=off");
    const pool = watch(other);
    const reader = postgresSink({ pool, table: "items", guard, key: { b: "sk", a: "pk" } });
    await allKeys(reader, { pk: "N", sk: "S" }, { limit: 20 });
    const { text = "", values = [] } = pool.queries.at(-1) ?? {};
    const plan = await other.query(`EXPLAIN ${text}`, values);
    expect(JSON.stringify(plan.rows)).toMatch(/Index Cond: \(ROW\(a, b\) >/);
    await other.end();
    await database.close();
  });

  test.each(guards)("with guard %s follow the key's index, also without statistics", async (guard) => {
    const { database, relation, versions } = await openTable(engine, guard, "id text PRIMARY KEY, state text");
    for (const table of new Set([relation, versions])) {
      await database.sql(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
      const columns = guard === "inline" || table === versions ? "id, sluice_version" : "id, state";
      await database.sql(`INSERT INTO ${table} (${columns}) SELECT 'i' || n, 'v' FROM generate_series(1, 30000) AS n`);
    }
    const pool = watch(database.pool);
    const reader = postgresSink({ pool, table: "items", guard });
    for (const request of [
      { part: 0, parts: 1, after: undefined },
      { part: 0, parts: 1, after: '["i2"]' },
      { part: 3, parts: 8, after: undefined },
      { part: 3, parts: 8, after: '["i2"]' },
    ]) {
      await reader.keys?.({ ...request, limit: 100, keyTypes: { id: "S" } }, invocation());
      const { text = "", values = [] } = pool.queries.at(-1) ?? {};
      const plan = JSON.stringify((await database.pool.query(`EXPLAIN ${text}`, values)).rows);
      expect(plan).toMatch(new RegExp(`Index (Only )?Scan using ${relation}_pkey on ${relation} `));
      expect(plan).not.toMatch(new RegExp(`Seq Scan on ${relation} `));
    }
    await database.close();
  });

  /** Types of a key column, the key's type, and keys of items. */
  const columns: readonly (readonly [
    column: string,
    type: "S" | "N" | "B",
    keys: readonly unknown[],
    images?: readonly Image[],
  ])[] = [
    ["text", "S", ["a", "", "null", " x ", "1.0"].filter((key) => key !== "")],
    ["varchar(9)", "S", ["a", "ab ", "B"]],
    ["char(4)", "S", ["a", "b "], [{ id: { S: "a" } }]],
    ["citext", "S", ["Ada", "bob"]],
    ['text COLLATE "caseless"', "S", ["Ada", "bob"]],
    ["uuid", "S", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]],
    ["timestamptz", "S", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01.000Z", "2026-01-01T00:00:02.120Z"]],
    ["timestamp", "S", ["2026-01-01T00:00:00", "2026-01-01T00:00:01.500Z"]],
    ["date", "S", ["2026-01-02", "1999-12-31"]],
    ["mood", "S", ["sad", "glad"]],
    ["numeric", "N", [1, -20, 1.5, 0.001]],
    ["numeric(9,2)", "N", [1, 1.5, -20]],
    ["integer", "N", [1, 100, -7]],
    ["bigint", "N", [1, 2 ** 40]],
    ["text", "N", [1, 1.5]],
    ["real", "N", [0.1, 0.10000001, 0.10000002], []],
    ["double precision", "N", [0.1, 0.10000000000000002, 1e-7, -1.5], []],
    ["bytea", "B", [Buffer.from("a"), Buffer.alloc(80, 7)]],
    ["text", "B", [Buffer.from("a"), Buffer.alloc(80, 7)]],
  ];
  const prepare = `CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;

  // Without a fourth value, Jest would pass a callback.
  const rows = columns.map(([column, type, keys, images]) => [column, type, keys, images] as const);
  test.each(rows)("of a %s column are the %s attributes of the items", async (column, type, keys, images) => {
    const { database, sink } = await openTable(
      engine,
      "version-table",
      `${prepare}; CREATE TABLE items (id ${column} PRIMARY KEY, state text)`,
    );
    const batch = keys.map((key) => put({ id: key }, 10, { state: "x" }));
    expect(await write(sink, ...batch)).toEqual(keys.map(() => "delivered"));
    // Postgres has removed the space at the end of a key.
    const lost = images === undefined ? [] : keys.slice(images.length).map(() => undefined);
    const expected = sorted([...(images ?? batch.map(({ change }) => change.record.dynamodb?.Keys)), ...lost]);
    expect(sorted(await imagesOf(sink, { id: type }))).toEqual(expected);
    const other = poolWith(
      database,
      "-c DateStyle=German,DMY -c TimeZone=Asia/Tokyo -c bytea_output=escape -c extra_float_digits=-3",
    );
    const reader = postgresSink({ pool: other, table: "items" });
    expect(sorted(await imagesOf(reader, { id: type }, { parts: 2, limit: 1 }))).toEqual(expected);
    // A page may end in a session with other settings than the session in which the next one starts.
    const request = { part: 0, parts: 1, limit: 1, keyTypes: { id: type } };
    const first = await sink.keys?.({ ...request, after: undefined }, invocation());
    const second = await reader.keys?.({ ...request, after: first?.next, limit: 9 }, invocation());
    expect(sorted([...(first?.keys ?? []), ...(second?.keys ?? [])].map((one) => one.keys))).toEqual(expected);
    const [held] = await read(reader, ...batch);
    expect(held?.content).toEqual((await canonical(sink, ...batch))[0]);
    await other.end();
    await database.close();
  });

  test("are unknown if the row does not tell them", async () => {
    const columns = "id text PRIMARY KEY, state text";
    const cases: readonly (readonly [PostgresKeyMap | undefined, Keys, KeysRequest["keyTypes"]])[] = [
      [({ id }) => ({ id: `x-${String(id)}` }), { id: "a" }, { id: "S" }],
      [{ id: "pk" }, { pk: "a", sk: "b" }, { pk: "S", sk: "S" }],
      [undefined, { id: "a" }, { other: "S" }],
    ];
    for (const [key, keys, keyTypes] of cases) {
      const { database, sink } = await openTable(engine, "version-table", columns, key === undefined ? {} : { key });
      const delivery = put(keys, 10, { state: "x" });
      expect(await write(sink, delivery)).toEqual(["delivered"]);
      expect(await allKeys(sink, keyTypes)).toEqual([{ keys: undefined, version: delivery.change.version }]);
      await database.close();
    }
  });

  test("of rows that another program made: only values that an item can have", async () => {
    const { database, sink } = await openTable(engine, "version-table", "id numeric PRIMARY KEY, state text");
    await database.sql(`INSERT INTO items VALUES ('NaN'), (1.50), (1e-131), (1${"0".repeat(40)}), (${"9".repeat(39)})`);
    const found = await allKeys(sink, { id: "N" });
    expect(sorted(found)).toEqual(
      sorted([
        { version: "" },
        { version: "" },
        { version: "" },
        { keys: { id: { N: "1.5" } }, version: "" },
        { keys: { id: { N: `1${"0".repeat(40)}` } }, version: "" },
      ]),
    );
    await database.close();
  });

  test("refuse a place that is not one of theirs", async () => {
    const { database, sink } = await openTable(engine, "version-table", "id text PRIMARY KEY, state text");
    for (const after of ["", "a", "[]", "[1]", '["a","b"]', "{}"]) {
      const request = { part: 0, parts: 1, after, limit: 1, keyTypes: { id: "S" } } as const;
      await expect(sink.keys?.(request, invocation())).rejects.toMatchObject({ code: "SINK_REJECTED" });
    }
    await database.close();
  });
});

describeWithPostgres("rows that several items share", (engine) => {
  test("tell each item its own state", async () => {
    const { database, sink } = await openTable(
      engine,
      "version-table",
      "CREATE EXTENSION citext; CREATE TABLE items (id citext PRIMARY KEY, state text)",
    );
    const [one, two, three] = [{ id: "ADA" }, { id: "Ada" }, { id: "ada" }] as const;
    await write(sink, put(one, 10, { state: "1" }));
    await write(sink, put(two, 20, { state: "2" }));
    await write(sink, put(three, 15, { state: "3" }));
    await write(sink, remove(three, 30));
    const held = await read(
      sink,
      put(one, 1, { state: "1" }),
      put(two, 1, { state: "2" }),
      put(three, 1, {}),
      put({ id: "aDA" }, 1, {}),
    );
    expect(held).toEqual([
      { version: put(one, 10, {}).change.version, state: "hidden" },
      { version: put(two, 20, {}).change.version, state: "live", content: { id: "Ada", state: "2" } },
      { version: remove(three, 30).change.version, state: "removed" },
      undefined,
    ]);
    expect(await imagesOf(sink, { id: "S" })).toEqual([{ id: { S: "Ada" } }]);
    // The owner of the row is known, so another spelling in the row is not taken for a key.
    await database.sql("UPDATE items SET id = 'aDA'");
    expect(await imagesOf(sink, { id: "S" })).toEqual([undefined]);
    expect((await read(sink, put(two, 1, { state: "2" })))[0]?.content).toEqual({ id: "aDA", state: "2" });
    await database.close();
  });

  test("tell an item with a key function what it has at another key", async () => {
    const { database } = await openTable(engine, "version-table", "id text PRIMARY KEY, state text", {
      key: ({ id }) => ({ id: `old-${String(id)}` }),
    });
    const sinkWith = (prefix: string) =>
      postgresSink({ pool: database.pool, table: "items", key: ({ id }) => ({ id: `${prefix}-${String(id)}` }) });
    const [before, after] = [sinkWith("old"), sinkWith("new")];
    const [a, b, c] = [
      put({ id: "a" }, 10, { state: "x" }),
      put({ id: "b" }, 10, { state: "x" }),
      put({ id: "c" }, 10, { state: "x" }),
    ];
    await write(before, a, b, c);
    await write(before, remove({ id: "b" }, 20));
    expect(await read(after, a, remove({ id: "a" }, 1), b, put({ id: "d" }, 1, {}))).toEqual([
      { version: a.change.version, state: "live", content: {} },
      { version: a.change.version, state: "live", content: {} },
      { version: remove({ id: "b" }, 20).change.version, state: "removed" },
      undefined,
    ]);
    expect(await write(after, put({ id: "a" }, 11, { state: "x" }), remove({ id: "c" }, 11))).toEqual([
      "delivered",
      "superseded",
    ]);
    expect((await read(after, a))[0]).toMatchObject({ state: "live", content: { id: "new-a", state: "x" } });
    expect(await database.sql("SELECT id FROM items")).toEqual([{ id: "new-a" }]);
    await database.close();
  });
});
