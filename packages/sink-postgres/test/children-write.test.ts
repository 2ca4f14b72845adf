// Option `children`: rows of nested lists, written with their item by one statement.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresSinkOptions, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const guards = ["version-table", "inline"] as const satisfies readonly PostgresGuard[];

type Options = Omit<PostgresSinkOptions, "columns" | "pool" | "table">;

const orderColumns = "id text PRIMARY KEY, total numeric";
const lineColumns = `order_id text NOT NULL, line int NOT NULL, sku text, price numeric(9,2), PRIMARY KEY (order_id, line)`;

const lineChild = { table: "lines", of: "lines", key: { order_id: "id" }, position: "line", columns: ["sku", "price"] };

/** Creates tables for orders with their lines, and a sink with a mapper. */
const openOrders = async (database: Database, guard: PostgresGuard, ddl: string, options: Options) => {
  const rows = guard === "inline" ? "orders_with_tombstones" : "orders";
  await database.sql(`CREATE TABLE ${rows} (${orderColumns}); ${ddl.replaceAll("PARENT", rows)}`);
  const open = () => postgresSink({ pool: database.pool, table: "orders", guard, ...options });
  const sink = open();
  await sink.ensure();
  return { sink, open, rows };
};

type Delivery = UpsertDelivery<Record<string, unknown>>;

const put = (id: string, position: number, row: Record<string, unknown>): Delivery =>
  upsertOf(changeOf({ id }, position, {}), { id, ...row });
const remove = (id: string, position: number): Delivery => removalOf(changeOf({ id }, position));

describeWithPostgres("children", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    test("a list's rows follow the item: they grow, shrink, change and disappear", async () => {
      const database = await newDatabase(engine);
      const { sink } = await openOrders(
        database,
        guard,
        `CREATE TABLE lines (${lineColumns}, FOREIGN KEY (order_id) REFERENCES PARENT (id))`,
        { children: [lineChild] },
      );
      const write = async (...batch: Delivery[]) => outcomesOf(batch, await sink.write(batch as never, invocation()));
      const lines = async () =>
        (
          await database.sql(
            "SELECT order_id || line || ':' || COALESCE(sku, '-') || ':' || COALESCE(price, 0) AS row FROM lines ORDER BY 1",
          )
        ).map(({ row }) => row);
      const [a, b, c] = [{ sku: "a", price: 1 }, { sku: "b", price: 2.5 }, { sku: "c" }];
      expect(await write(put("x", 1, { total: 1, lines: [a, b] }), put("y", 2, { total: 2 }))).toEqual([
        "delivered",
        "delivered",
      ]);
      expect(await lines()).toEqual(["x0:a:1.00", "x1:b:2.50"]);
      expect(await write(put("x", 3, { total: 1, lines: [a, c, b] }), put("y", 4, { total: 3, lines: [c] }))).toEqual([
        "delivered",
        "delivered",
      ]);
      expect(await lines()).toEqual(["x0:a:1.00", "x1:c:0", "x2:b:2.50", "y0:c:0"]);
      expect(await write(put("x", 3, { total: 9, lines: [] }), put("y", 5, { total: 3, lines: null }))).toEqual([
        "superseded",
        "delivered",
      ]);
      expect(await lines()).toEqual(["x0:a:1.00", "x1:c:0", "x2:b:2.50"]);
      expect(await write(put("x", 6, { total: 1, lines: [b] }), put("y", 7, { lines: [a, a] }))).toEqual([
        "delivered",
        "delivered",
      ]);
      expect(await lines()).toEqual(["x0:b:2.50", "y0:a:1.00", "y1:a:1.00"]);
      expect(await write(remove("x", 8), put("y", 9, { lines: [a] }))).toEqual(["delivered", "delivered"]);
      expect(await lines()).toEqual(["y0:a:1.00"]);
      expect(await database.sql("SELECT id FROM orders ORDER BY 1")).toEqual([{ id: "y" }]);
      await database.close();
    });
  });
});
