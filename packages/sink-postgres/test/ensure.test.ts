import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const table = 'Quoted "name"';
const base = { table, key: { "Order Id": "id" } } as const;
const columns = { "Order Id": "text", title: { path: "t", type: "varchar(20)" }, total: "numeric(38,2)" };

const columnsOf = async ({ sql }: Database, relation: string): Promise<unknown[]> =>
  (
    await sql("SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position", [
      relation,
    ])
  ).map(({ column_name }) => column_name);

describeWithPostgres("ensure", (engine) => {
  for (const guard of ["version-table", "inline"] as const) {
    test(`${guard}: creates missing relations, and reports no change the second time`, async () => {
      const database = await newDatabase(engine);
      const sink = postgresSink({ ...base, pool: database.pool, columns, guard });
      const planned = await sink.ensure({ apply: false });
      expect(await columnsOf(database, table)).toEqual([]);
      expect(await sink.ensure()).toEqual(planned);
      expect(planned.length).toBe(guard === "inline" ? 4 : 5);
      expect(await columnsOf(database, table)).toEqual(["Order Id", "title", "total"]);
      expect(await sink.ensure()).toEqual([]);
      await database.close();
    });

    test(`${guard}: the DDL that ensure returns can be run by hand`, async () => {
      const database = await newDatabase(engine);
      const sink = postgresSink({ ...base, pool: database.pool, columns, guard });
      await database.sql((await sink.ensure({ apply: false })).join(";\n"));
      expect(await sink.ensure({ apply: false })).toEqual([]);
      await database.close();
    });

    test(`${guard}: adds declared columns to a table with rows, and the view shows them`, async () => {
      const database = await newDatabase(engine);
      const first = postgresSink({ ...base, pool: database.pool, columns, guard });
      await first.ensure();
      const image = { id: { S: "a" }, t: { S: "there" } };
      await first.write([upsertOf(changeOf({ id: "a" }, 1, {}), image)], invocation());
      const wider = postgresSink({
        ...base,
        pool: database.pool,
        columns: { ...columns, note: "jsonb", more: "int" },
        guard,
      });
      const statements = await wider.ensure();
      expect(statements.join()).not.toMatch(/DROP|ALTER COLUMN|TYPE/);
      expect(await database.sql(`SELECT * FROM "Quoted ""name"""`)).toEqual([
        { "Order Id": "a", title: "there", total: null, note: null, more: null },
      ]);
      expect(await first.ensure()).toEqual([]);
      await database.close();
    });

    test(`${guard}: six calls at once all succeed`, async () => {
      for (let round = 0; round < 5; round++) {
        const database = await newDatabase(engine, 6);
        const sinks = Array.from({ length: 6 }, () => postgresSink({ ...base, pool: database.pool, columns, guard }));
        await Promise.all(sinks.map((sink) => sink.ensure()));
        expect(await sinks[0]?.ensure()).toEqual([]);
        await database.close();
      }
    });
  }

  test("refuses a declared type that differs from the column's type or that the server lacks", async () => {
    const database = await newDatabase(engine);
    await database.sql(`CREATE TABLE "Quoted ""name""" ("Order Id" text PRIMARY KEY, title varchar(5), total int)`);
    const sink = postgresSink({ ...base, pool: database.pool, columns });
    await expect(sink.ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('"total"'),
    });
    const unknown = postgresSink({ ...base, pool: database.pool, columns: { "Order Id": "text", place: "geography" } });
    await expect(unknown.ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("geography"),
    });
    const same = postgresSink({ ...base, pool: database.pool, columns: { "Order Id": "text", title: "varchar(99)" } });
    expect((await same.ensure()).length).toBe(4);
    await database.close();
  });

  test("names the option that must be set to create a table", async () => {
    const database = await newDatabase(engine);
    const pool = database.pool;
    await expect(postgresSink({ pool, table: "t" }).ensure()).rejects.toMatchObject({
      message: expect.stringContaining('"columns"'),
    });
    await expect(postgresSink({ pool, table: "t", columns }).ensure()).rejects.toMatchObject({
      message: expect.stringContaining('"key"'),
    });
    const untyped = postgresSink({ pool, table: "t", key: ["id"], columns: { title: "text" } });
    await expect(untyped.ensure()).rejects.toMatchObject({ message: expect.stringContaining('"id"') });
    await database.sql("CREATE TABLE t (id text)");
    await expect(postgresSink({ pool, table: "t" }).ensure()).rejects.toMatchObject({
      message: expect.stringContaining("primary key"),
    });
    await database.close();
  });

  test("inline refuses a table with the view's name, and columns that a tombstone cannot leave empty", async () => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, table: "t", guard: "inline" });
    await database.sql("CREATE TABLE t (id text PRIMARY KEY)");
    await database.sql("CREATE TABLE t_with_tombstones (id text PRIMARY KEY, n int NOT NULL)");
    await expect(sink.ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("view"),
    });
    await database.sql("DROP TABLE t");
    await expect(sink.ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('"n"'),
    });
    await database.sql("ALTER TABLE t_with_tombstones ALTER n DROP NOT NULL");
    await database.sql("INSERT INTO t_with_tombstones VALUES ('old', 1)");
    await sink.ensure();
    const batch = [upsertOf(changeOf({ id: "old" }, 1, {}), { n: 2 })];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    expect(await database.sql("SELECT * FROM t")).toEqual([{ id: "old", n: 2 }]);
    await database.close();
  });

  test('uses option "schema", and gives the version table the type and collation of the key', async () => {
    const database = await newDatabase(engine);
    await database.sql('CREATE SCHEMA "Shop"');
    await database.sql(`CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
    await database.sql('CREATE TABLE "Shop".t (id varchar(9) COLLATE caseless PRIMARY KEY, n int)');
    const sink = postgresSink({ pool: database.pool, schema: "Shop", table: "t" });
    expect((await sink.ensure())[0]).toMatch(/"id" character varying\(9\) COLLATE .*caseless/);
    const batch = [
      upsertOf(changeOf({ id: "KEY" }, 1, {}), { n: 1 }),
      upsertOf(changeOf({ id: "key" }, 2, {}), { n: 2 }),
    ];
    const outcomes = outcomesOf(batch, await sink.write(batch, invocation()));
    expect(outcomes).toEqual(["delivered", "delivered"]);
    expect(await database.sql('SELECT n FROM "Shop".t')).toEqual([{ n: 2 }]);
    await database.close();
  });
});

describeWithPostgres("purge", (engine) => {
  for (const guard of ["version-table", "inline"] as const) {
    test(`${guard}: deletes only tombstones that are old enough`, async () => {
      const database = await newDatabase(engine);
      const sink = postgresSink({
        pool: database.pool,
        table: "t",
        key: ["id"],
        columns: { id: "text", n: "int" },
        guard,
      });
      await sink.ensure();
      const rows = postgresSink({ pool: database.pool, table: "t", guard });
      const ids = Array.from({ length: 30 }, (_, index) => `i${index}`);
      await rows.write(
        [upsertOf(changeOf({ id: "live" }, 1, {}), { n: 1 }), ...ids.map((id) => removalOf(changeOf({ id }, 1)))],
        invocation(),
      );
      const versions = guard === "version-table" ? "t_sluice" : "t_with_tombstones";
      await database.sql(
        `UPDATE ${versions} SET sluice_removed_at = now() - interval '31 days' WHERE id < 'i2' AND id <> 'live'`,
      );
      await database.sql(
        `UPDATE ${versions} SET sluice_removed_at = now() - interval '29 days 12 hours' WHERE id = 'i29'`,
      );
      expect(await rows.purge()).toBe(12);
      expect(await rows.purge({ olderThanDays: 29 })).toBe(1);
      expect(await database.sql(`SELECT count(*)::int AS n FROM ${versions}`)).toEqual([{ n: 18 }]);
      expect(await database.sql("SELECT * FROM t")).toEqual([{ id: "live", n: 1 }]);
      await database.close();
    });
  }

  test("deletes all old tombstones in chunks, and refuses fewer days than a redrive can take", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE t (id text PRIMARY KEY)");
    const watched = watch(database.pool);
    const sink = postgresSink({ pool: watched, table: "t" });
    await sink.ensure();
    await database.sql(
      "INSERT INTO t_sluice SELECT i, 'v', now() - interval '40 days' FROM generate_series(1, 20500) i",
    );
    const before = watched.queries.length;
    expect(await sink.purge()).toBe(20_500);
    expect(watched.queries.slice(before).filter(({ text }) => text.includes("DELETE FROM"))).toHaveLength(4);
    for (const olderThanDays of [28, 0, 29.5, Number.NaN]) {
      await expect(sink.purge({ olderThanDays })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
    await database.close();
  });

  test("refuses a table with a column that has a name of the sink's own", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE t (id text PRIMARY KEY, sluice_version text)");
    const sink = postgresSink({ pool: database.pool, table: "t" });
    await expect(sink.ensure()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('"sluice_version"'),
    });
    await database.close();
  });

  test.each(guards)("with guard %s goes on after a chunk in which a writer has revived a tombstone", async (guard) => {
    const database = await newDatabase(engine);
    const relation = guard === "inline" ? "t_with_tombstones" : "t_sluice";
    await database.sql(`CREATE TABLE ${guard === "inline" ? relation : "t"} (id text PRIMARY KEY)`);
    const sink = postgresSink({ pool: database.pool, table: "t", guard });
    await sink.ensure();
    await database.sql(
      `INSERT INTO ${relation} (id, sluice_version, sluice_removed_at)
      SELECT i, 'v', now() - interval '40 days' FROM generate_series(1, 20500) i`,
    );
    const writer = await database.pool.connect();
    await writer.query("BEGIN");
    await writer.query(`UPDATE ${relation} SET sluice_removed_at = NULL, sluice_version = 'w' WHERE id = '1'`);
    const purging = sink.purge();
    const waits =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while (Number((await database.sql(waits))[0]?.n) === 0) await new Promise((resolve) => setImmediate(resolve));
    await writer.query("COMMIT");
    writer.release();
    expect(await purging).toBe(20_499);
    expect(await database.sql(`SELECT id FROM ${relation}`)).toEqual([{ id: "1" }]);
    await database.close();
  });
});
