// What the conformance kit cannot ask of a dryRun.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { changeOf, invocation, newDatabase, outcomesOf, removalOf, upsertOf, watch } from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const guards: readonly PostgresGuard[] = ["version-table", "inline"];

describeWithPostgres("a dryRun", (engine) => {
  test.each(guards)("with guard %s asks once for a batch, and refuses what no row can hold", async (guard) => {
    const database = await newDatabase(engine);
    const pool = watch(database.pool);
    const columns = { id: "text", part: "int", state: "text" };
    const table = { table: "items", key: ["id", "part"], guard } as const;
    await postgresSink({ pool, ...table, columns }).ensure();
    const sink = postgresSink({ pool, ...table });
    const key = { id: "a", part: 1 };
    const held = upsertOf(changeOf(key, 20, { state: "x" }), { state: "x" });
    await sink.write([held], invocation());
    const asked = pool.queries.length;
    const batch = [
      upsertOf(changeOf(key, 10), { state: "y" }),
      upsertOf(changeOf({ id: "b", part: 1 }, 10, { state: "z" }), { state: "z" }),
      upsertOf(changeOf({ id: "c", part: 1 }, 10, {}), { state: "z", nothing: 1 }),
      removalOf(changeOf({ id: "d", part: 1 }, 10)),
    ];
    const settled = await sink.dryRun?.(batch, invocation());
    expect(outcomesOf(batch, settled ?? [])).toEqual(["superseded", "delivered", "SINK_REJECTED", "delivered"]);
    expect(pool.queries.slice(asked)).toHaveLength(1);
    expect(await database.sql("SELECT id, state FROM items")).toEqual([{ id: "a", state: "x" }]);
    await database.close();
  });

  test("of a table that is not there rejects as a write does", async () => {
    const database = await newDatabase(engine);
    const sink = postgresSink({ pool: database.pool, table: "absent", key: ["id"] });
    const batch = [upsertOf(changeOf({ id: "a" }, 1, {}), {})];
    await expect(sink.dryRun?.(batch, invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await database.close();
  });
});
