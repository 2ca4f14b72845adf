// Other programs that use child tables: one updates a row while a write deletes it, a trigger keeps rows, and a table has a
// name that the sink's statements use.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { type Database, invocation, newDatabase, outcomesOf, watch } from "./support/deliveries.ts";
import { family, openFamily, putOrder, removeOrder } from "./support/families.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards: readonly PostgresGuard[] = ["version-table", "inline"];

const order = (...lines: readonly (readonly string[])[]) => ({
  label: "one",
  lines: lines.map((parts, index) => ({ sku: `s${index}`, qty: 1, parts })),
});

const rowsOf = async ({ sql }: Database): Promise<unknown[]> =>
  (
    await sql(`SELECT order_id || line_no || sku AS row FROM order_lines
      UNION ALL SELECT order_id || line_no || part_no || part FROM line_parts ORDER BY 1`)
  ).map(({ row }) => row);

/** Opens the tables with two orders, and a sink whose statements are counted. */
const openOrders = async (database: Database, guard: PostgresGuard) => {
  const pool = watch(database.pool);
  const sink = postgresSink({ ...family, pool, guard });
  await sink.write([putOrder("x", 1, order(["p", "q"], ["r"])), putOrder("y", 1, order(["p"], ["q"]))], invocation());
  const writesBefore = pool.queries.length;
  return { sink, writes: () => pool.queries.length - writesBefore };
};

describeWithPostgres("a child row that is surplus", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    test.each([
      ["a line", "updates", "UPDATE order_lines SET sku = 'z'"],
      ["a part of a line", "updates", "UPDATE line_parts SET part = 'z'"],
      ["a part of a line", "deletes", "DELETE FROM line_parts"],
    ])("%s: is deleted, also if another program %s it meanwhile", async (_, __, change) => {
      const { database } = await openFamily(engine, guard);
      const { sink, writes } = await openOrders(database, guard);
      const other = await database.pool.connect();
      await other.query("BEGIN");
      await other.query(`${change} WHERE order_id = 'x' AND line_no = 1`);
      const batch = [putOrder("x", 2, order(["p"])), putOrder("y", 2, order(["q"], ["q"]))];
      const pending = sink.write(batch, invocation());
      const waits = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      while ((await database.sql(waits)).length === 0);
      await other.query("COMMIT");
      other.release();
      expect(outcomesOf(batch, await pending)).toEqual(["delivered", "delivered"]);
      expect(await rowsOf(database)).toEqual(["x00p", "x0s0", "y00q", "y0s0", "y10q", "y1s1"]);
      expect(writes()).toBe(2);
      await database.close();
    });

    test("stays if a trigger keeps it, and the item is written after several attempts", async () => {
      const { database } = await openFamily(engine, guard);
      const { sink, writes } = await openOrders(database, guard);
      await database.sql(`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER keep BEFORE DELETE ON line_parts FOR EACH ROW EXECUTE FUNCTION keep()`);
      const batch = [putOrder("x", 2, order(["n"], ["r"]))];
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
      expect(await rowsOf(database)).toEqual(["x00n", "x01q", "x0s0", "x10r", "x1s1", "y00p", "y0s0", "y10q", "y1s1"]);
      expect(writes()).toBe(8);
      await database.close();
    });
  });
});

describeWithPostgres("tables that have the names of a statement's parts", (engine) => {
  const named = (table: string, schema?: string) => ({
    table,
    ...(schema !== undefined && { schema }),
    key: ["id"],
    columns: { id: "text" },
    children: [{ table: "gone1", of: "lines", position: "line_no", columns: { sku: "text" } }],
  });

  test.each(guards)("%s: are written and read if their schema is given", async (guard) => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ ...named("won", "public"), pool: database.pool, guard });
    await sink.ensure();
    const batch = [putOrder("x", 1, { lines: [{ sku: "a" }] }), removeOrder("y", 1)];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))[0]).toBe("delivered");
    const [held] = (await sink.read?.(batch, invocation())) ?? [];
    expect(held?.content).toEqual((await sink.canonical?.(batch, invocation()))?.[0]);
    expect(await sink.purge({ olderThanDays: 400 })).toBe(0);
    await database.close();
  });

  test("are refused without a schema, if the sink has children", () => {
    const connection = { connectionString: "postgres://localhost/none" };
    const { children, ...alone } = named("won");
    expect(() => postgresSink({ ...alone, children, connection })).toThrow(/needs the schema of "won"/);
    expect(() => postgresSink({ ...named("orders"), connection })).toThrow(/needs the schema of "gone1"/);
    expect(() => postgresSink({ ...alone, connection })).not.toThrow();
  });

  test.each(guards)("%s: a table shape is written and read without its schema", async (guard) => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, guard, table: "shape", key: ["id"], columns: { id: "text" } });
    await sink.ensure();
    const batch = [putOrder("x", 1, {})];
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    expect((await sink.read?.(batch, invocation()))?.[0]?.content).toEqual({ id: "x" });
    await database.close();
  });
});
