// What `read` and `canonical` answer, also when another program has changed rows or versions, and that a repair
// heals each such corruption.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { Change, HeldCopy, WriteContext } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type PostgresGuard, type PostgresRow, type PostgresSink, postgresSink } from "../src/index.ts";
import { changeOf, invocation, newDatabase, removalOf, upsertOf, watch } from "./support/deliveries.ts";
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

/** A change whose version is the held one with a greater fraction, or the version of a backfill. */
const repairChange = (keys: Keys, held: HeldCopy | undefined, now: number, isRemoval: boolean): Change => {
  const [number = "0", fraction = "0"] = (held?.version || "x".repeat(18).concat("0")).slice(18).split(".");
  const micros = String(Math.max(now, Number(fraction) + 1)).padStart(16, "0");
  const keyNames = Object.keys(keys);
  return streamChange({
    ...(isRemoval ? { before: keys } : { after: keys }),
    keyNames,
    sequenceNumber: `${number}.${micros}`,
  });
};

/** Compares a copy with a row as verify does; undefined: the item does not exist. */
const isRight = async (sink: PostgresSink, keys: Keys, row: PostgresRow | undefined) => {
  const delivery = row === undefined ? remove(keys, 1) : put(keys, 1, row);
  const [held] = await read(sink, delivery);
  if (row === undefined) return { held, isEqual: held === undefined || held.state === "removed" };
  const [content] = await canonical(sink, delivery);
  return { held, isEqual: held?.state === "live" && JSON.stringify(held.content) === JSON.stringify(content) };
};

describeWithPostgres("read and canonical", (engine) => {
  test.each(guards)("with guard %s tell versions, states and contents", async (guard) => {
    const { database, sink } = await openTable(
      engine,
      guard,
      "id text PRIMARY KEY, state text, amount numeric, doc jsonb",
    );
    const a = put({ id: "a" }, 10, { state: "x", amount: 1.5, doc: { n: 1 } });
    const b = put({ id: "b" }, 20, { state: null, doc: null });
    const c = put({ id: "c" }, 30, { state: "x" });
    expect(await write(sink, a, b, c)).toEqual(["delivered", "delivered", "delivered"]);
    expect(await write(sink, remove({ id: "c" }, 40))).toEqual(["delivered"]);
    const batch = [put({ id: "c" }, 5, { state: "x" }), a, put({ id: "d" }, 5, {}), b, remove({ id: "a" }, 5)];
    const held = await read(sink, ...batch);
    expect(held).toEqual([
      { version: remove({ id: "c" }, 40).change.version, state: "removed" },
      { version: a.change.version, state: "live", content: { id: "a", state: "x", amount: "1.5", doc: '{"n": 1}' } },
      undefined,
      { version: b.change.version, state: "live", content: { id: "b" } },
      { version: a.change.version, state: "live" },
    ]);
    expect(await canonical(sink, a, b)).toEqual([held[1]?.content, held[3]?.content]);
    const texts = ["null", "", undefined].map((state) => put({ id: "b" }, 1, { state }));
    const contents = await canonical(sink, ...texts);
    expect(new Set(sorted(contents)).size).toBe(3);
    expect(contents[2]).toEqual(held[3]?.content);
    await database.close();
  });

  test.each(guards)("with guard %s send one statement each, which writes nothing", async (guard) => {
    const { database, sink } = await openTable(engine, guard, "id text PRIMARY KEY, state varchar(3)");
    const batch = Array.from({ length: 50 }, (_, index) => put({ id: `i${index}` }, 10, { state: "x" }));
    await write(sink, ...batch);
    const readOnly = poolWith(database, "-c default_transaction_read_only=on");
    const pool = watch(readOnly);
    const reader = postgresSink({ pool, table: "items", guard }) as PostgresSink;
    await read(reader, ...batch);
    const start = pool.queries.length;
    await read(reader, ...batch);
    await canonical(reader, ...batch);
    expect(await allKeys(reader, { id: "S" })).toHaveLength(50);
    expect(pool.queries.length - start).toBe(3);
    expect(await read(reader)).toEqual([]);
    expect(await canonical(reader)).toEqual([]);
    await readOnly.end();
    await database.close();
  });

  test.each(guards)("with guard %s restrict the content to the columns that the delivery writes", async (guard) => {
    const { database, relation } = await openTable(
      engine,
      guard,
      "id text PRIMARY KEY, a text, b text, c text DEFAULT 'z'",
    );
    const listed = postgresSink({ pool: database.pool, table: "items", guard, columns: ["a"] }) as PostgresSink;
    await write(listed, put({ id: "1" }, 10, { a: "x" }));
    await database.sql(`UPDATE ${relation} SET b = 'other', c = 'other'`);
    const fresh = (): PostgresSink => postgresSink({ pool: database.pool, table: "items", guard }) as PostgresSink;
    for (const sink of [listed, fresh()]) {
      const [held] = await read(sink, put({ id: "1" }, 10, { a: "x" }));
      expect(held?.content).toEqual({ id: "1", a: "x" });
    }
    // The write would empty `b`, because the other row names it.
    const both = await read(fresh(), put({ id: "1" }, 10, { a: "x" }), put({ id: "2" }, 10, { b: "y" }));
    expect(both[0]?.content).toEqual({ id: "1", a: "x", b: "other" });
    // The change has removed the attribute `b`.
    const change = streamChange({ before: { id: "1", b: "y" }, after: { id: "1" }, keyNames: ["id"], position: 20 });
    expect((await read(fresh(), upsertOf(change, { a: "x" })))[0]?.content).toEqual({ id: "1", a: "x", b: "other" });
    expect(await canonical(fresh(), upsertOf(change, { a: "x" }))).toEqual([{ id: "1", a: "x" }]);
    await database.close();
  });

  test("compare JSON by value, and a text as a text", async () => {
    const columns = "id text PRIMARY KEY, doc jsonb, raw json, map text, note text";
    const { database, sink } = await openTable(engine, "version-table", columns);
    const one = { b: 1.5, a: { y: [1], x: "1.0" } };
    const two = { a: { x: "1.0", y: [1] }, b: 1.5 };
    const rowOf = (value: object): PostgresRow => ({ doc: value, raw: value, map: value, note: JSON.stringify(one) });
    await write(sink, put({ id: "1" }, 10, rowOf(one)));
    const row = rowOf(two);
    const again = put({ id: "1" }, 10, row);
    const equal = async (): Promise<boolean> => (await isRight(sink, { id: "1" }, row)).isEqual;
    expect(await equal()).toBe(true);
    await database.sql(
      `UPDATE items SET doc = '{"a":{"x":"1.0","y":[1.00]},"b":1.50}', raw = '{"b":15e-1 ,"a":{"x":"1.0","y":[1.0]}}'`,
    );
    expect(await equal()).toBe(true);
    for (const change of [
      `note = '${JSON.stringify(two)}'`,
      `raw = '{"b":"1.5","a":{"x":"1.0","y":[1]}}'`,
      `doc = '{"b":1.5,"a":{"x":"1.00","y":[1]}}'`,
      `map = '{"b":1.5,"a":{"x":"1","y":[1]}}'`,
      `raw = '{"b":1.5,"a":{"x":"\\u0000","y":[1]}}'`,
      "map = '{'",
      "raw = NULL",
    ]) {
      await database.sql(`UPDATE items SET ${change}`);
      expect({ change, isEqual: await equal() }).toEqual({ change, isEqual: false });
      expect(
        await write(sink, upsertOf(repairChange({ id: "1" }, (await read(sink, again))[0], 1, false), row)),
      ).toEqual(["delivered"]);
      expect(await equal()).toBe(true);
    }
    await database.close();
  });

  test("with declared columns read the image as a write does", async () => {
    const columns = {
      id: "text",
      n: "numeric(9,2)",
      at: { path: "at", type: "timestamptz", epoch: "seconds" },
      tags: "text[]",
      all: { path: [], type: "text" },
    } as const;
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, table: "items", key: ["id"], columns });
    await sink.ensure();
    const change = changeOf({ id: "a" }, 10, {
      n: 1.005,
      at: 1_700_000_000.5,
      tags: new Set(["b", "a"]),
      m: { z: 1, a: 2 },
    });
    const delivery = upsertOf(change, change.record.dynamodb?.NewImage ?? {});
    await sink.write([delivery], invocation());
    const [content] = (await sink.canonical?.([delivery], invocation())) ?? [];
    expect((await sink.read?.([delivery], invocation()))?.[0]?.content).toEqual(content);
    expect(content).toMatchObject({ n: "1.01", at: "2023-11-14T22:13:20.5", tags: "{a,b}" });
    await database.close();
  });

  test.each(guards)("with guard %s reject what a write rejects, in its place", async (guard) => {
    const { database, sink } = await openTable(engine, guard, "id uuid PRIMARY KEY, n int, s varchar(3)");
    const id = (digit: number): Keys => ({ id: `00000000-0000-4000-8000-00000000000${digit}` });
    const batch = [
      put(id(1), 10, { n: 1, s: "abc   " }),
      put(id(2), 10, { n: "x", s: "a" }),
      put(id(3), 10, { n: 1, s: "abcd" }),
      put({ id: "no uuid" }, 10, { n: 1, s: "a" }),
      put(id(5), 10, { n: { a: 1 }, s: "a" }),
      put(id(6), 10, { n: 2, s: null }),
    ];
    if (guard === "inline") {
      // Two spellings of a uuid may be two items, which this guard cannot keep apart.
      await expect(canonical(sink, ...batch)).resolves.toHaveLength(6);
      await expect(read(sink, ...batch)).rejects.toMatchObject({ code: "SINK_MISSING" });
      await database.close();
      return;
    }
    const expected = await canonical(sink, ...batch);
    const outcomes = await write(sink, ...batch);
    const codes = expected.map((one) => (one instanceof Error ? (one as { code?: string }).code : "delivered"));
    expect(codes).toEqual(outcomes);
    expect(codes).toEqual([
      "delivered",
      "SINK_REJECTED",
      "SINK_REJECTED",
      "SINK_REJECTED",
      "SINK_REJECTED",
      "delivered",
    ]);
    expect(String(expected[1])).toMatch(/column "n" \(integer\)/);
    expect(String(expected[2])).toMatch(/column "s"/);
    const held = await read(sink, ...batch);
    expect(held.map((copy) => copy?.content)).toEqual([
      expected[0],
      undefined,
      undefined,
      undefined,
      undefined,
      expected[5],
    ]);
    await database.close();
  });

  test.each(guards)("with guard %s see a migration", async (guard) => {
    const { database, sink, relation } = await openTable(engine, guard, "id text PRIMARY KEY, s varchar(2), t text");
    const delivery = put({ id: "1" }, 10, { s: "abc", t: "x" });
    expect((await canonical(sink, delivery))[0]).toBeInstanceOf(Error);
    await database.sql(guard === "inline" ? "DROP VIEW items" : "SELECT 1");
    await database.sql(`ALTER TABLE ${relation} ALTER s TYPE varchar(3), ALTER t TYPE jsonb USING to_jsonb(t)`);
    expect(await canonical(sink, delivery)).toEqual([{ id: "1", s: "abc", t: '"x"' }]);
    await write(sink, delivery);
    await database.sql(`ALTER TABLE ${relation} ALTER t TYPE text USING t #>> '{}'`);
    expect((await read(sink, delivery))[0]?.content).toEqual({ id: "1", s: "abc", t: "x" });
    await database.sql(`DROP TABLE ${relation} CASCADE`);
    await expect(read(sink, delivery)).rejects.toMatchObject({ code: "SINK_MISSING" });
    await expect(canonical(sink, delivery)).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.close();
  });

  test.each(guards)("guard %s: need the right SELECT and no other, in a session that only reads", async (guard) => {
    const key = ({ id }: { readonly id?: unknown }) => ({ id: String(id) });
    const { database, sink } = await openTable(engine, guard, "id text PRIMARY KEY, s varchar(3)", {
      ...(guard === "version-table" && { key }),
    });
    const batch = [put({ id: "1" }, 10, { id: "1", s: "x" }), put({ id: "2" }, 10, { id: "2", s: "too long" })];
    await write(sink, ...batch);
    await database.sql("CREATE ROLE reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader");
    const pool = poolWith(database, "-c role=reader -c default_transaction_read_only=on");
    const reader = postgresSink({ pool, table: "items", guard, ...(guard === "version-table" && { key }) });
    expect((await read(reader, ...batch)).map((held) => held?.state)).toEqual(["live", undefined]);
    const [content, error] = await canonical(reader, ...batch);
    expect([content, (error as { readonly code?: string }).code]).toEqual([{ id: "1", s: "x" }, "SINK_REJECTED"]);
    expect(await allKeys(reader, { id: "S" }, { parts: 2 })).toHaveLength(1);
    await pool.end();
    await database.sql("DROP OWNED BY reader; DROP ROLE reader");
    await database.close();
  });

  test("stop with the invocation", async () => {
    const { database, sink } = await openTable(engine, "version-table", "id text PRIMARY KEY, s text");
    const over = new AbortController();
    over.abort();
    const batch = [put({ id: "1" }, 10, { s: "x" })];
    await expect(sink.read?.(batch, invocation(over.signal))).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await expect(sink.canonical?.(batch, invocation(over.signal))).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const request = { part: 0, parts: 1, after: undefined, limit: 1, keyTypes: { id: "S" } } as const;
    await expect(sink.keys?.(request, invocation(over.signal))).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await database.sql("BEGIN; LOCK TABLE items IN ROW EXCLUSIVE MODE; COMMIT");
    const blocker = await database.pool.connect();
    await blocker.query("BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE");
    const soon: WriteContext = { signal: AbortSignal.timeout(200), remainingMs: () => 200 };
    await expect(sink.read?.(batch, soon)).rejects.toMatchObject({ code: "SINK_TIMEOUT" });
    await blocker.query("ROLLBACK");
    blocker.release();
    await database.close();
  });
});

/** What another program may do to the copy of the item `a`. `row` and `guard` are the relations. */
const corruptions: readonly (readonly [
  name: string,
  guards: readonly PostgresGuard[],
  sql: (row: string, guard: string) => string,
])[] = [
  ["its row is deleted", guards, (row) => `DELETE FROM ${row} WHERE id = 'a'`],
  ["its row is changed", guards, (row) => `UPDATE ${row} SET state = 'other' WHERE id = 'a'`],
  ["a cell of its row is emptied", guards, (row) => `UPDATE ${row} SET state = NULL WHERE id = 'a'`],
  ["its version is deleted", ["version-table"], (_, guard) => `DELETE FROM ${guard} WHERE id = 'a'`],
  ["its version is emptied", guards, (_, guard) => `UPDATE ${guard} SET sluice_version = '' WHERE id = 'a'`],
  ["its tombstone is set", guards, (_, guard) => `UPDATE ${guard} SET sluice_removed_at = now() WHERE id = 'a'`],
  [
    "it is changed, and its version lowered",
    guards,
    (row, guard) =>
      `UPDATE ${guard} SET sluice_version = '20260102030405678-${"0".repeat(39)}1' WHERE id = 'a'; UPDATE ${row} SET state = 'old' WHERE id = 'a'`,
  ],
  [
    "it is changed, and its version raised",
    guards,
    (row, guard) =>
      `UPDATE ${guard} SET sluice_version = '20260102030405678-${"8".repeat(40)}' WHERE id = 'a'; UPDATE ${row} SET state = 'old' WHERE id = 'a'`,
  ],
  [
    "row and version are deleted",
    guards,
    (row, guard) => `DELETE FROM ${row} WHERE id = 'a'; DELETE FROM ${guard} WHERE id = 'a'`,
  ],
];

/** Expects the same version whether a copy is wanted or not. Verify would take another version for a write. */
const expectOneVersion = async (sink: PostgresSink, keys: Keys): Promise<void> => {
  const [wanted, unwanted] = await read(sink, put(keys, 1, { state: "x" }), remove(keys, 1));
  expect(wanted?.version).toBe(unwanted?.version);
};

/** What another program may do after the item `a` was removed. */
const ghosts: typeof corruptions = [
  ["a row is inserted beside the tombstone", ["version-table"], (row) => `INSERT INTO ${row} VALUES ('a', 'ghost')`],
  [
    "the tombstone is deleted and a row inserted",
    guards,
    (row, guard) => `DELETE FROM ${guard} WHERE id = 'a'; INSERT INTO ${row} (id, state) VALUES ('a', 'ghost')`,
  ],
  [
    "the tombstone is cleared and a row inserted",
    guards,
    (row, guard) =>
      `UPDATE ${guard} SET sluice_removed_at = NULL WHERE id = 'a'; INSERT INTO ${row} (id, state) VALUES ('a', 'ghost') ON CONFLICT (id) DO UPDATE SET state = 'ghost'`,
  ],
];

describeWithPostgres("a repair heals a copy", (engine) => {
  const cases = (from: typeof corruptions) =>
    from.flatMap(([name, all, sql]) =>
      all.flatMap((guard) =>
        (guard === "inline" ? [false] : [false, true]).map((isOwned) => [name, guard, isOwned, sql] as const),
      ),
    );
  const setUp = async (guard: PostgresGuard, isOwned: boolean) => {
    const type = isOwned ? "varchar(40)" : "text";
    const found = await openTable(engine, guard, `id ${type} PRIMARY KEY, state text`);
    const row = { state: "x" };
    expect(await write(found.sink, put({ id: "a" }, 100, row), put({ id: "b" }, 100, row))).toEqual([
      "delivered",
      "delivered",
    ]);
    return { ...found, row };
  };

  test.each(cases(corruptions))("if %s (guard %s, owned: %s)", async (_, guard, isOwned, sql) => {
    const { database, sink, relation, versions, row } = await setUp(guard, isOwned);
    await database.sql(sql(relation, versions));
    const { held, isEqual } = await isRight(sink, { id: "a" }, row);
    expect(isEqual).toBe(false);
    await expectOneVersion(sink, { id: "a" });
    expect(await isRight(sink, { id: "b" }, row)).toMatchObject({ isEqual: true });
    const change = repairChange({ id: "a" }, held, 1_700_000_000_000_000, false);
    expect(await write(sink, upsertOf(change, row))).toEqual(["delivered"]);
    expect(await isRight(sink, { id: "a" }, row)).toMatchObject({ isEqual: true, held: { version: change.version } });
    expect(await database.sql("SELECT id, state FROM items ORDER BY id")).toEqual([
      { id: "a", ...row },
      { id: "b", ...row },
    ]);
    await database.close();
  });

  test.each(cases(ghosts))("of a removed item if %s (guard %s, owned: %s)", async (_, guard, isOwned, sql) => {
    const { database, sink, relation, versions, row } = await setUp(guard, isOwned);
    expect(await write(sink, remove({ id: "a" }, 200))).toEqual(["delivered"]);
    expect((await allKeys(sink, { id: "S" })).map(({ keys }) => keys)).toEqual([{ id: { S: "b" } }]);
    await database.sql(sql(relation, versions));
    const listed = (await allKeys(sink, { id: "S" })).map(({ keys }) => keys);
    expect(sorted(listed)).toEqual(sorted([{ id: { S: "a" } }, { id: { S: "b" } }]));
    const { held, isEqual } = await isRight(sink, { id: "a" }, undefined);
    expect({ isEqual, state: held?.state }).toEqual({ isEqual: false, state: "live" });
    await expectOneVersion(sink, { id: "a" });
    const change = repairChange({ id: "a" }, held, 1_700_000_000_000_000, true);
    expect(await write(sink, removalOf(change))).toEqual(["delivered"]);
    expect(await isRight(sink, { id: "a" }, undefined)).toMatchObject({ isEqual: true, held: { state: "removed" } });
    expect(await database.sql("SELECT id, state FROM items")).toEqual([{ id: "b", ...row }]);
    await database.close();
  });
});
