// Tests of dryRun that the conformance kit does not contain.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../src/index.ts";
import {
  changeOf,
  invocation,
  newDatabase,
  openDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const guards: readonly PostgresGuard[] = ["version-table", "inline"];

describeWithPostgres("a dry run", (engine) => {
  test.each(guards)("with guard %s has the results of a write, and writes nothing", async (guard) => {
    const database = await newDatabase(engine);
    const pool = watch(database.pool);
    const columns = { id: "text", part: "int", state: "text" };
    const table = { table: "items", key: ["id", "part"], guard } as const;
    await postgresSink({ pool, ...table, columns }).ensure();
    const sink = postgresSink({ pool, ...table });
    const key = { id: "a", part: 1 };
    const stored = upsertOf(changeOf(key, 20, { state: "x" }), { state: "x" });
    await sink.write([stored], invocation());
    const before = pool.queries.length;
    const batch = [
      upsertOf(changeOf(key, 10), { state: "y" }),
      upsertOf(changeOf({ id: "b", part: 1 }, 10, { state: "z" }), { state: "z" }),
      upsertOf(changeOf({ id: "c", part: 1 }, 10, {}), { state: "z", nothing: 1 }),
      removalOf(changeOf({ id: "d", part: 1 }, 10)),
    ];
    const results = await sink.dryRun?.(batch, invocation());
    expect(outcomesOf(batch, results ?? [])).toEqual(["superseded", "delivered", "SINK_REJECTED", "delivered"]);
    expect(pool.queries.slice(before).at(-1)).toMatchObject({ text: "ROLLBACK" });
    expect(await database.sql("SELECT id, state FROM items")).toEqual([{ id: "a", state: "x" }]);
    await database.close();
  });

  test.each(guards)("with guard %s asks constraints, also deferred ones, triggers and types", async (guard) => {
    const database = await newDatabase(engine);
    const columns = { id: "int", customer: "text", amount: "int", note: "text" };
    const sink = postgresSink({
      pool: database.pool,
      table: "orders",
      key: ["id"],
      guard,
      columns: Object.keys(columns),
    });
    await postgresSink({ pool: database.pool, table: "orders", key: ["id"], guard, columns }).ensure();
    const rows = guard === "inline" ? "orders_with_tombstones" : "orders";
    await database.sql("CREATE TABLE customers (name text PRIMARY KEY)");
    await database.sql("INSERT INTO customers VALUES ('ann')");
    await database.sql(`ALTER TABLE ${rows} ADD CHECK (amount < 100)`);
    await database.sql(
      `ALTER TABLE ${rows} ADD CONSTRAINT known FOREIGN KEY (customer) REFERENCES customers DEFERRABLE INITIALLY DEFERRED`,
    );
    await database.sql(`ALTER TABLE ${rows} ADD CONSTRAINT one_note UNIQUE (note)`);
    const order = (id: number, row: PostgresRow) => upsertOf(changeOf({ id }, id, {}), row);
    const batch = [
      order(1, { customer: "ann", amount: 1, note: "a" }),
      order(2, { customer: "bob", amount: 1, note: "b" }),
      order(3, { customer: "ann", amount: 100, note: "c" }),
      order(4, { customer: "ann", amount: "x", note: "d" }),
      order(5, { customer: "ann", amount: 2, note: "a" }),
    ];
    const predicted = outcomesOf(batch, (await sink.dryRun?.(batch, invocation())) ?? []);
    expect(predicted.slice(1, 4)).toEqual(["SINK_REFERENCE_MISSING", "SINK_REJECTED", "SINK_REJECTED"]);
    expect([predicted[0], predicted[4]].sort()).toEqual(["SINK_REJECTED", "delivered"]);
    expect(await database.sql(`SELECT id FROM ${rows}`)).toEqual([]);
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(predicted);
    await database.close();
  });

  test("that is interrupted gives no open transaction back to the pool", async () => {
    const database = await newDatabase(engine);
    const { pool, close } = openDatabase(database.url, 1);
    const sink = postgresSink({ pool, table: "items", key: ["id"] });
    await postgresSink({ pool, table: "items", key: ["id"], columns: { id: "text", state: "text" } }).ensure();
    const one = (id: string) => [upsertOf(changeOf({ id }, 1, {}), { state: "x" })];
    for (let after = 0; after < 12; after += 1) {
      const control = new AbortController();
      const context = { signal: control.signal, remainingMs: () => 10_000 };
      const running = sink.dryRun?.(one(`dry-${after}`), context).catch(() => undefined);
      for (let turn = 0; turn < after; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
      control.abort();
      await running;
      await sink.write(one(`kept-${after}`), invocation());
    }
    await close();
    expect(await database.sql("SELECT count(*)::int AS kept FROM items")).toEqual([{ kept: 12 }]);
    await database.close();
  });

  test("on a missing table rejects like a write", async () => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, table: "absent", key: ["id"] });
    const batch = [upsertOf(changeOf({ id: "a" }, 1, {}), {})];
    await expect(sink.dryRun?.(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.close();
  });
});
