// Tests of a table that changes while an environment keeps its plan, and of two versions of a function at once.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { Change, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../src/index.ts";
import { changeOf, invocation, newDatabase, outcomesOf, removalOf, upsertOf, watch } from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const relations = { "version-table": "items", inline: "items_with_tombstones" } as const;

const row = (id: string, values: PostgresRow, position = 1): UpsertDelivery<PostgresRow> =>
  upsertOf(changeOf({ id }, position, {}), values);

/** A delivery whose change has both images. */
const change = (id: string, position: number, before: object, after: object, message: PostgresRow) =>
  upsertOf(
    streamChange({ before: { id, ...before }, after: { id, ...after }, position, keyNames: ["id"] }) as Change,
    message,
  );

const open = async (engine: Parameters<typeof newDatabase>[0], guard: PostgresGuard, columns: string) => {
  const database = await newDatabase(engine);
  const relation = relations[guard];
  await database.sql(`CREATE TABLE ${relation} (id text PRIMARY KEY, ${columns})`);
  await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
  const watched = watch(database.pool);
  const sink = (options: { readonly columns?: readonly string[] } = {}) =>
    postgresSink({ pool: watched, table: "items", guard, ...options });
  /** Changes the table. With guard `inline`, `ensure` then extends the view. */
  const migrate = async (text: string): Promise<void> => {
    if (guard === "inline") await database.sql("DROP VIEW items");
    await database.sql(`ALTER TABLE ${relation} ${text}`);
    if (guard === "inline") await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
  };
  return { database, relation, watched, sink, migrate, close: () => database.close() };
};

/** Writes, and expects every delivery to be delivered. */
const write = async (sink: ReturnType<typeof postgresSink>, ...batch: readonly UpsertDelivery<unknown>[]) => {
  const results = await (sink as { write: typeof sink.write }).write(batch as never, invocation());
  expect(outcomesOf(batch, results)).toEqual(batch.map(() => "delivered"));
};

describeWithPostgres("a table that changes under a warm environment", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    const big = 3_000_000_000;
    const json = '{"a":1}';
    test.each<readonly [string, string, string, PostgresRow, PostgresRow, string, unknown]>([
      ["integer to bigint", "n int", "ALTER n TYPE bigint", { n: 1 }, { n: big }, "n::text AS value", String(big)],
      ["jsonb to text", "n jsonb", "ALTER n TYPE text", { n: "x" }, { n: "plain" }, "n AS value", "plain"],
      [
        "text to jsonb",
        "n text",
        "ALTER n TYPE jsonb USING to_jsonb(n)",
        { n: "x" },
        { n: { a: 1 } },
        "n AS value",
        { a: 1 },
      ],
      [
        "integer to jsonb",
        "n int",
        "ALTER n TYPE jsonb USING to_jsonb(n)",
        { n: 1 },
        { n: { a: 1 } },
        "n AS value",
        { a: 1 },
      ],
      [
        "text to bytea",
        "n text",
        "ALTER n TYPE bytea USING n::bytea",
        { n: "x" },
        { n: new Uint8Array([1]) },
        "encode(n, 'hex') AS value",
        "01",
      ],
      [
        "text to text[]",
        "n text",
        "ALTER n TYPE text[] USING ARRAY[n]",
        { n: "x" },
        { n: ["a,b"] },
        "n AS value",
        ["a,b"],
      ],
      ["json to jsonb", "n json", "ALTER n TYPE jsonb", { n: "x" }, { n: JSON.parse(json) }, "n AS value", { a: 1 }],
      ["a new column", "n int", "ADD m int", { n: 1 }, { n: 2, m: 3 }, "m AS value", 3],
      ["a renamed column", "n int", "RENAME n TO m", { n: 1 }, { m: 3 }, "m AS value", 3],
      ["a dropped column", "n int, m int", "DROP m", { n: 1, m: 1 }, { n: 2 }, "n AS value", 2],
      [
        "a default that is dropped",
        "n int, m int DEFAULT 1",
        "ALTER m DROP DEFAULT",
        { n: 1 },
        { n: 1, m: 3 },
        "m AS value",
        3,
      ],
      [
        "a dropped and another column",
        "n int, m int",
        "DROP m, ADD o text",
        { n: 1, m: 1 },
        { n: 2, o: "x" },
        "o AS value",
        "x",
      ],
    ])("%s: the next write is right", async (_, columns, migration, first, second, select, expected) => {
      const { database, sink: create, migrate, close } = await open(engine, guard, columns);
      const sink = create();
      await write(sink, row("a", first), row("b", first));
      await migrate(migration);
      await write(sink, row("a", second, 2), row("c", second, 2));
      for (const id of ["a", "c"]) {
        expect(await database.sql(`SELECT ${select} FROM items WHERE id = $1`, [id])).toEqual([{ value: expected }]);
      }
      expect(await database.sql("SELECT count(*)::int AS n FROM items WHERE id = 'b'")).toEqual([{ n: 1 }]);
      await close();
    });

    test("a key of another type: the next write is right", async () => {
      const database = await newDatabase(engine);
      const relation = relations[guard];
      await database.sql(`CREATE TABLE ${relation} (id int PRIMARY KEY, n int)`);
      const sink = postgresSink({ pool: database.pool, table: "items", guard });
      await sink.ensure();
      const big = 3_000_000_000;
      const item = (id: number, n: number, position: number) => upsertOf(changeOf({ id }, position, {}), { n });
      await write(sink, item(1, 1, 1));
      if (guard === "inline") await database.sql("DROP VIEW items");
      await database.sql(`ALTER TABLE ${relation} ALTER id TYPE bigint`);
      if (guard === "version-table") await database.sql("ALTER TABLE items_sluice ALTER id TYPE bigint");
      await write(sink, item(1, 2, 2), item(big, 3, 2));
      expect(await database.sql(`SELECT id::text, n FROM ${relation} ORDER BY id`)).toEqual([
        { id: "1", n: 2 },
        { id: String(big), n: 3 },
      ]);
      await database.close();
    });

    test("a migration that holds its lock while the write waits: the write is right", async () => {
      const { database, relation, sink: create, close } = await open(engine, guard, "n jsonb");
      const sink = create();
      await write(sink, row("a", { n: "x" }));
      if (guard === "inline") await database.sql("DROP VIEW items");
      const migration = await database.pool.connect();
      await migration.query("BEGIN");
      await migration.query(`ALTER TABLE ${relation} ALTER n TYPE text`);
      const writing = write(sink, row("a", { n: "plain" }, 2), row("b", { n: "plain" }, 2));
      const waits =
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
      while (Number((await database.sql(waits))[0]?.n) === 0) await new Promise((resolve) => setImmediate(resolve));
      await migration.query("COMMIT");
      migration.release();
      await writing;
      expect(await database.sql(`SELECT id, n FROM ${relation} ORDER BY id`)).toEqual([
        { id: "a", n: "plain" },
        { id: "b", n: "plain" },
      ]);
      await close();
    });

    test("other changes of the table cost nothing", async () => {
      const { watched, sink: create, migrate, close } = await open(engine, guard, "n varchar(5)");
      const sink = create();
      await write(sink, row("a", { n: "x" }));
      await migrate("ALTER n TYPE varchar(9)");
      await migrate("ADD m int");
      const before = watched.queries.length;
      await write(sink, row("a", { n: "123456789" }, 2));
      expect(watched.queries.length - before).toBe(1);
      await close();
    });
  });
});

describeWithPostgres("code that is deployed before its migration", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    test("waits for its column, and is written when the column exists", async () => {
      const { database, sink: create, migrate, close } = await open(engine, guard, "n int");
      const sink = create();
      const batch = [
        row("a", { n: 1, color: "red" }),
        row("b", { n: 2, color: undefined }),
        row("c", { n: 3, color: "x" }),
      ];
      const results = await sink.write(batch, invocation());
      expect(outcomesOf(batch, results)).toEqual(["SINK_MISSING", "delivered", "SINK_MISSING"]);
      const alone = [row("d", { n: 1, color: "red" })];
      await expect(sink.write(alone, invocation())).rejects.toMatchObject({
        code: "SINK_MISSING",
        message: expect.stringContaining('column "color"'),
      });
      await migrate("ADD color text");
      await write(sink, ...alone, row("a", { n: 1, color: "red" }));
      expect(await database.sql("SELECT id, color FROM items ORDER BY id")).toEqual([
        { id: "a", color: "red" },
        { id: "b", color: null },
        { id: "d", color: "red" },
      ]);
      await close();
    });

    test("waits with a list of columns, too", async () => {
      const { database, sink: create, migrate, close } = await open(engine, guard, "n int");
      const sink = create({ columns: ["n", "color"] });
      const batch = [row("a", { n: 1, color: "red" })];
      await expect(sink.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
      await migrate("ADD color text");
      await write(sink, ...batch);
      expect(await database.sql("SELECT color FROM items")).toEqual([{ color: "red" }]);
      await close();
    });

    test("waits if the migration gives the column a default, until the column is listed", async () => {
      const { database, sink: create, migrate, close } = await open(engine, guard, "n int");
      await migrate("ADD color text DEFAULT 'none', ADD twice int GENERATED ALWAYS AS (n * 2) STORED");
      const batch = [row("a", { n: 1, color: "red" })];
      for (const one of [batch, [row("b", { n: 1, twice: 2 })]]) {
        await expect(create().write(one, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
      }
      await write(create({ columns: ["n", "color"] }), ...batch);
      expect(await database.sql("SELECT color FROM items")).toEqual([{ color: "red" }]);
      await close();
    });

    test("but a row that names a missing column is rejected if another row of the batch names existing columns only", async () => {
      const { sink: create, close } = await open(engine, guard, "n int");
      const batch = [row("a", { n: 1 }), row("b", { n: 2, surprise: "x" })];
      expect(outcomesOf(batch, await create().write(batch, invocation()))).toEqual(["delivered", "SINK_REJECTED"]);
      await close();
    });
  });
});

describeWithPostgres("two versions of a function", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    const both = async () => {
      const opened = await open(engine, guard, "n int, color text");
      const read = async (id = "a") => (await opened.database.sql("SELECT n, color FROM items WHERE id = $1", [id]))[0];
      return { ...opened, read };
    };

    test("the old version, whose mapper does not know a column, leaves the column alone", async () => {
      const { sink, read, close } = await both();
      const [old, next] = [sink(), sink()];
      await write(next, row("a", { n: 1, color: "red" }, 1));
      await write(old, row("a", { n: 2 }, 2), row("b", { n: 2 }, 2));
      expect(await read()).toEqual({ n: 2, color: "red" });
      expect(await read("b")).toEqual({ n: 2, color: null });
      await write(next, row("a", { n: 3, color: null }, 3));
      expect(await read()).toEqual({ n: 3, color: null });
      await close();
    });

    test("a column that any row has named becomes NULL when a row leaves it out", async () => {
      const { sink, read, close } = await both();
      const one = sink();
      await write(one, row("a", { n: 1, color: "red" }, 1));
      await write(one, row("a", { n: 2 }, 2));
      expect(await read()).toEqual({ n: 2, color: null });
      await write(one, row("a", { color: "blue" }, 3), row("b", {}, 3));
      expect(await read()).toEqual({ n: null, color: "blue" });
      await close();
    });

    test("a listed column becomes NULL, although no row has named it", async () => {
      const { sink, read, close } = await both();
      await write(sink(), row("a", { n: 1, color: "red" }, 1));
      await write(sink({ columns: ["n", "color"] }), row("a", { n: 2 }, 2));
      expect(await read()).toEqual({ n: 2, color: null });
      await close();
    });

    test("an attribute that the change removes becomes NULL in a new environment, in this row only", async () => {
      const { sink, read, close } = await both();
      await write(sink(), row("a", { color: "red" }, 1), row("b", { color: "blue" }, 1));
      const fresh = sink();
      await write(
        fresh,
        change("a", 2, { n: 1, color: "red" }, { n: 1 }, { n: 1 }),
        change("b", 2, { n: 1, color: "blue" }, { n: 1, color: "blue" }, { n: 1 }),
      );
      expect(await read("a")).toEqual({ n: 1, color: null });
      expect(await read("b")).toEqual({ n: 1, color: "blue" });
      await close();
    });

    test("a removal empties the row, also in an environment that has named no column", async () => {
      const { database, relation, sink, read, close } = await both();
      await write(sink(), row("a", { n: 1, color: "red" }, 1), row("b", { n: 1, color: "red" }, 1));
      const fresh = sink();
      const batch = [removalOf(changeOf({ id: "a" }, 2)), row("b", {}, 2)];
      await write(fresh, ...batch);
      expect(await read("a")).toBeUndefined();
      expect(await read("b")).toEqual({ n: 1, color: "red" });
      const found = await database.sql(
        `SELECT * FROM ${relation} WHERE id = 'a' AND (n IS NOT NULL OR color IS NOT NULL)`,
      );
      expect(found).toEqual([]);
      await write(fresh, row("a", { n: 3 }, 3));
      expect(await read("a")).toEqual({ n: 3, color: null });
      await close();
    });

    test("a plan for the columns of a batch is kept: a batch is one statement", async () => {
      const { watched, sink, close } = await both();
      const one = sink();
      await write(one, row("a", { n: 1 }, 1));
      const before = watched.queries.length;
      await write(one, row("a", { n: 1, color: "red" }, 2), row("b", { n: 1 }, 2));
      await write(one, row("a", { n: 2 }, 3), row("b", { n: 1 }, 3));
      expect(watched.queries.length - before).toBe(2);
      await close();
    });
  });
});
