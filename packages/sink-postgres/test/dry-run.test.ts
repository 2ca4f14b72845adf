// Tests of dryRun that the conformance kit does not contain.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { changeOf, invocation, newDatabase, outcomesOf, removalOf, upsertOf, watch } from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const guards: readonly PostgresGuard[] = ["version-table", "inline"];

describeWithPostgres("a dry run", (engine) => {
  test.each(guards)(
    "with guard %s sends one query for a batch, and two that read the catalogue again before it rejects a row with an unknown column",
    async (guard) => {
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
      expect(pool.queries.slice(before)).toHaveLength(3);
      expect(await database.sql("SELECT id, state FROM items")).toEqual([{ id: "a", state: "x" }]);
      await database.close();
    },
  );

  test("on a missing table rejects like a write", async () => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, table: "absent", key: ["id"] });
    const batch = [upsertOf(changeOf({ id: "a" }, 1, {}), {})];
    await expect(sink.dryRun?.(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.close();
  });
});
