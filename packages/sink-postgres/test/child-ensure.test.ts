import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { invocation, newDatabase } from "./support/deliveries.ts";
import { children, family, openFamily, putOrder, removeOrder } from "./support/families.ts";

const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const columnsOf = `SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) ||
  CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attnum) AS columns
  FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0`;
const constraintsOf = `SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint
  WHERE conrelid = $1::regclass AND contype IN ('p', 'f') ORDER BY contype`;

describeWithPostgres("ensure with children", (engine) => {
  for (const guard of guards) {
    test(`${guard}: creates each table after the one to which it refers, once`, async () => {
      const database = await newDatabase(engine);
      const sink = postgresSink({ ...family, pool: database.pool, guard });
      const planned = await sink.ensure({ apply: false });
      expect(await database.sql("SELECT to_regclass('order_lines') AS found")).toEqual([{ found: null }]);
      expect(await sink.ensure()).toEqual(planned);
      expect(await sink.ensure()).toEqual([]);
      const [lines] = await database.sql(columnsOf, ["order_lines"]);
      expect(lines?.columns).toBe(
        "order_id text NOT NULL, line_no integer NOT NULL, sku character varying(9), quantity numeric(9,2), extra text",
      );
      const [parts] = await database.sql(columnsOf, ["line_parts"]);
      expect(parts?.columns).toBe(
        "order_id text NOT NULL, line_no integer NOT NULL, part_no integer NOT NULL, part text",
      );
      const [notes] = await database.sql(columnsOf, ["order_notes"]);
      expect(notes?.columns).toBe("id text NOT NULL, name text NOT NULL, note jsonb");
      const parent = guard === "inline" ? "orders_with_tombstones" : "orders";
      expect(await database.sql(constraintsOf, ["order_lines"])).toEqual([
        { definition: `FOREIGN KEY (order_id) REFERENCES ${parent}(id)` },
        { definition: "PRIMARY KEY (order_id, line_no)" },
      ]);
      expect(await database.sql(constraintsOf, ["line_parts"])).toEqual([
        { definition: "FOREIGN KEY (order_id, line_no) REFERENCES order_lines(order_id, line_no)" },
        { definition: "PRIMARY KEY (order_id, line_no, part_no)" },
      ]);
      await database.close();
    });

    test(`${guard}: the DDL can be run by hand, and six calls at once all succeed`, async () => {
      const byHand = await newDatabase(engine);
      const one = postgresSink({ ...family, pool: byHand.pool, guard });
      await byHand.sql((await one.ensure({ apply: false })).join(";\n"));
      expect(await one.ensure({ apply: false })).toEqual([]);
      await byHand.close();
      const database = await newDatabase(engine, 6);
      const sinks = Array.from({ length: 6 }, () => postgresSink({ ...family, pool: database.pool, guard }));
      await Promise.all(sinks.map((sink) => sink.ensure()));
      expect(await sinks[0]?.ensure()).toEqual([]);
      await database.close();
    });

    test(`${guard}: purge deletes tombstones, and child rows that another program added to one`, async () => {
      const { database, sink, versions } = await openFamily(engine, guard);
      const lines = [{ sku: "a", parts: ["x"] }, { sku: "b" }];
      await sink.write(
        [putOrder("1", 1, { lines }), putOrder("2", 2, { lines }), removeOrder("1", 3)] as never,
        invocation(),
      );
      expect(await database.sql("SELECT DISTINCT order_id FROM order_lines")).toEqual([{ order_id: "2" }]);
      if (guard === "inline") {
        await database.sql("INSERT INTO order_lines VALUES ('1', 0, 'x')");
        await database.sql("INSERT INTO line_parts VALUES ('1', 0, 0, 'x')");
      }
      await database.sql(`UPDATE ${versions} SET sluice_removed_at = now() - interval '90 days' WHERE id = '1'`);
      expect(await sink.purge()).toBe(1);
      expect(await database.sql(`SELECT id FROM ${versions}`)).toEqual([{ id: "2" }]);
      expect(await database.sql("SELECT order_id, line_no FROM order_lines ORDER BY 2")).toEqual([
        { order_id: "2", line_no: 0 },
        { order_id: "2", line_no: 1 },
      ]);
      expect(await database.sql("SELECT order_id FROM line_parts")).toEqual([{ order_id: "2" }]);
      await database.close();
    });
  }

  test("takes the types and collations of the existing tables to which the children refer", async () => {
    const { database } = await openFamily(engine, "version-table", {
      before: 'CREATE TABLE orders (id varchar(20) COLLATE "C" PRIMARY KEY)',
      columns: { label: "text" },
    });
    const [lines] = await database.sql(columnsOf, ["order_lines"]);
    expect(lines?.columns).toMatch(/^order_id character varying\(20\) NOT NULL/);
    const collation =
      "SELECT attcollation::regcollation::text AS name FROM pg_attribute WHERE attrelid = 'line_parts'::regclass AND attname = 'order_id'";
    expect(await database.sql(collation)).toEqual([{ name: '"C"' }]);
    await database.close();
  });

  test("adds missing columns to an existing table, and no foreign key", async () => {
    const { database, sink } = await openFamily(engine, "version-table", {
      before:
        "CREATE TABLE order_lines (order_id text, line_no bigint, sku text, mine int, UNIQUE (order_id, line_no))",
      children: [{ ...children[0], columns: { sku: "text", quantity: "numeric" }, children: [] } as never],
    });
    expect(await sink.ensure()).toEqual([]);
    const [lines] = await database.sql(columnsOf, ["order_lines"]);
    expect(lines?.columns).toBe("order_id text, line_no bigint, sku text, mine integer, quantity numeric");
    expect((await database.sql(constraintsOf, ["order_lines"])).length).toBe(0);
    await database.close();
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    [
      "no unique index",
      "CREATE TABLE order_lines (order_id text, line_no int)",
      /no unique index.*CREATE UNIQUE INDEX/,
    ],
    ["no key column", "CREATE TABLE order_lines (order_id text, sku varchar)", /key column "line_no".*add it/],
    [
      "another type of the item's key",
      "CREATE TABLE order_lines (order_id int, line_no int, UNIQUE (order_id, line_no))",
      /"order_id".*integer; expected text/,
    ],
    [
      "another type of the position",
      "CREATE TABLE order_lines (order_id text, line_no text, UNIQUE (order_id, line_no))",
      /"line_no".*text; expected integer/,
    ],
    [
      "another type of a column",
      "CREATE TABLE order_lines (order_id text, line_no int, sku int, UNIQUE (order_id, line_no))",
      /"sku" as varchar\(9\); in "order_lines" it is integer/,
    ],
    [
      "a length of the item's key",
      "CREATE TABLE order_lines (order_id varchar(9), line_no int, UNIQUE (order_id, line_no))",
      /"order_id" of "order_lines" is character varying\(9\), so two items may .*without a length/,
    ],
    [
      "a collation of the item's key that is not deterministic",
      `CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE TABLE order_lines (order_id text COLLATE any_case, line_no int, UNIQUE (order_id, line_no))`,
      /"order_id" of "order_lines" is text with a collation that is not deterministic/,
    ],
    [
      "another collation of the item's key",
      `CREATE TABLE orders (id text COLLATE "C" PRIMARY KEY, label text);
       CREATE TABLE order_lines (order_id text COLLATE "POSIX", line_no int, UNIQUE (order_id, line_no))`,
      /"order_id" of "order_lines", which is text COLLATE "POSIX"; expected text COLLATE "C"/,
    ],
    [
      "versions of its own",
      `CREATE TABLE order_lines (order_id text, line_no int, UNIQUE (order_id, line_no));
       CREATE TABLE order_lines_sluice (order_id text, line_no int, sluice_version text)`,
      /written by a sink of its own, whose versions are in "order_lines_sluice"/,
    ],
    [
      "the columns of a guard",
      "CREATE TABLE order_lines (order_id text, line_no int, sluice_version text, UNIQUE (order_id, line_no))",
      /"order_lines" has the column "sluice_version" of a sink of its own/,
    ],
    ["a view", "CREATE VIEW order_lines AS SELECT 'a' AS order_id, 1 AS line_no", /order_lines.*not .*a table/],
  ];
  for (const [what, before, message] of refused) {
    test(`refuses an existing table with ${what}`, async () => {
      await expect(openFamily(engine, "version-table", { before })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringMatching(message),
      });
    });
  }

  const migrations: readonly (readonly [string, string, RegExp])[] = [
    [
      "a length of the item's key",
      "ALTER TABLE line_parts ALTER order_id TYPE varchar(9)",
      /"order_id".*two items may/,
    ],
    [
      "another collation of the item's key",
      `ALTER TABLE orders ALTER id TYPE text COLLATE "C"; ALTER TABLE orders_sluice ALTER id TYPE text COLLATE "C";
       ALTER TABLE order_lines ALTER order_id TYPE text COLLATE "POSIX"`,
      /"order_id" of "order_lines" is text COLLATE "POSIX"; expected text COLLATE "C", as column "id" of "orders"/,
    ],
    [
      "another type of the parent's position",
      "ALTER TABLE line_parts DROP CONSTRAINT line_parts_order_id_line_no_fkey; ALTER TABLE line_parts ALTER line_no TYPE text",
      /"line_no" of "line_parts" is text; expected integer, as column "line_no" of "order_lines"/,
    ],
    ["versions of its own", "CREATE TABLE line_parts_sluice ()", /whose versions are in "line_parts_sluice"/],
  ];
  test.each(migrations)("a write refuses a table that has got %s", async (_, migration, message) => {
    const { database, sink } = await openFamily(engine, "version-table");
    await sink.write([putOrder("1", 1, { lines: [{ sku: "a", parts: ["p"] }] })], invocation());
    await database.sql(migration);
    const later = postgresSink({ ...family, pool: database.pool });
    await expect(later.write([putOrder("1", 2, {})], invocation())).rejects.toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringMatching(message),
    });
    await database.close();
  });

  test("one table under two names is refused, and so is a table of the sink's own", async () => {
    const [child] = children;
    const notes = { table: "order_lines", schema: "public", of: "notes", key: { order_id: "id" }, position: "line_no" };
    const twice = [child, { ...notes, columns: { sku: "varchar(9)" } }] as never;
    const { database } = await openFamily(engine, "version-table");
    const sink = postgresSink({ ...family, pool: database.pool, children: twice });
    const message = expect.stringContaining('"public"."order_lines" is another table of the sink');
    await expect(sink.ensure()).rejects.toMatchObject({ code: "CONFIG_INVALID", message });
    await expect(sink.write([putOrder("1", 2, {})], invocation())).rejects.toMatchObject({
      code: "SINK_MISSING",
      message,
    });
    for (const [guard, table] of [
      ["version-table", "orders_sluice"],
      ["inline", "orders_with_tombstones"],
    ] as const) {
      const open = () =>
        postgresSink({ ...family, pool: database.pool, guard, children: [{ ...child, table } as never] });
      expect(open).toThrow(/names the table "\w+" twice/);
    }
    await database.close();
  });

  test("with a mapper, the tables must exist with their columns", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE orders (id text PRIMARY KEY)");
    const sink = postgresSink({
      pool: database.pool,
      table: "orders",
      children: [{ table: "order_lines", of: "lines", position: "line_no", columns: ["sku"] }],
    });
    await expect(sink.ensure()).rejects.toMatchObject({ message: expect.stringContaining("create it") });
    await database.sql("CREATE TABLE order_lines (id text, line_no int, PRIMARY KEY (id, line_no))");
    await expect(sink.ensure()).rejects.toMatchObject({ message: expect.stringContaining('"sku"') });
    await database.sql("ALTER TABLE order_lines ADD COLUMN sku text");
    await sink.ensure();
    expect(await sink.ensure()).toEqual([]);
    await database.close();
  });
});
