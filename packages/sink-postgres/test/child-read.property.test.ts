// Random rows of child tables with many column types: what `read` returns after a write equals what `canonical` predicted,
// although both use sessions with other settings, and a changed cell differs.

import { afterAll, expect, test, describe } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../src/index.ts";
import { kinds, otherSettings, pick, prepare } from "./support/column-kinds.ts";
import { changeOf, invocation, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";
import { randomOf } from "./support/random.ts";
import { poolWith } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_129);
const tables = 10;
const items = 30;

describeWithPostgres("read and canonical of children", (engine) => {
  test(`agree for random rows, and see a changed cell (seed ${firstSeed})`, async () => {
    const database = await newDatabase(engine);
    await database.sql(prepare);
    const other = poolWith(database, otherSettings);
    const seen = { content: 0, error: 0, change: 0 };
    for (let number = 0; number < tables; number += 1) {
      const random = randomOf(firstSeed + number);
      const guard = pick<PostgresGuard>(random, ["version-table", "inline"]);
      const columns = random
        .shuffle(kinds)
        .slice(0, 6)
        .map(([type, make], index) => ({ name: `c${index} ${type.replaceAll(/\W/g, "")}`, type, make }));
      const [table, child] = [`t${number}`, `t${number}_lines`];
      const definitions = columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
      await database.sql(`CREATE TABLE ${table}${guard === "inline" ? "_with_tombstones" : ""} (id text PRIMARY KEY);
        CREATE TABLE ${child} (id text, line int, ${definitions}, PRIMARY KEY (id, line))`);
      const names = columns.map(({ name }) => name);
      const children = [{ table: child, of: "lines", position: "line", columns: names }];
      const writer = postgresSink({ pool: database.pool, table, guard, children });
      const reader = postgresSink({ pool: other, table, guard, children });
      await writer.ensure();
      const batch = Array.from({ length: items }, (_, index): UpsertDelivery<PostgresRow> => {
        const lines = Array.from({ length: Math.floor(random() * 3) }, () =>
          Object.fromEntries(columns.map(({ name, make }) => [name, random() < 0.8 ? make(random) : null])),
        );
        return upsertOf(changeOf({ id: `i${index}` }, 1_000 + index, {}), { lines });
      });
      const expected = (await writer.canonical?.(batch, invocation())) ?? [];
      const outcomes = outcomesOf(batch, await writer.write(batch, invocation()));
      const held = (await reader.read?.(batch, invocation())) ?? [];
      for (const [index, outcome] of outcomes.entries()) {
        const context = JSON.stringify({ seed: firstSeed + number, index, columns, outcome });
        const [content, copy] = [expected[index], held[index]];
        if (outcome === "delivered") {
          expect({ context, content: copy?.content }).toEqual({ context, content });
          seen.content += Number(copy?.content?.[child] !== undefined);
        } else {
          expect({ context, code: (content as { code?: string }).code }).toEqual({ context, code: outcome });
          expect({ context, copy }).toEqual({ context, copy: undefined });
          seen.error += 1;
        }
      }
      for (const { name, type } of columns) {
        if (/^(json|point)$/.test(type)) continue;
        const changed = await database.sql(
          `UPDATE ${child} AS r SET "${name}" = o."${name}" FROM ${child} AS o
           WHERE (r.id, r.line) = (SELECT id, line FROM ${child} ORDER BY 1, 2 LIMIT 1) AND (o.id, o.line) = (
             SELECT x.id, x.line FROM ${child} AS x WHERE x."${name}" IS DISTINCT FROM r."${name}" ORDER BY 1, 2 LIMIT 1)
           RETURNING r.id`,
        );
        if (changed.length === 0) continue;
        const index = batch.findIndex(({ change }) => change.keys.id === changed[0]?.id);
        const [after] = (await reader.read?.(batch.slice(index, index + 1), invocation())) ?? [];
        expect({ type, text: after?.content?.[child] }).not.toEqual({ type, text: held[index]?.content?.[child] });
        held[index as never] = after as never;
        seen.change += 1;
      }
    }
    expect(seen.content).toBeGreaterThan(50);
    expect(seen.error).toBeGreaterThan(10);
    expect(seen.change).toBeGreaterThan(tables * 3);
    await other.end();
    await database.close();
  });
});
