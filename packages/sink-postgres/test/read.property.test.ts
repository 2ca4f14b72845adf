// Random rows of many column types: what `read` returns after a write equals what `canonical` predicted, although both
// use sessions with other settings, and a changed cell differs.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../src/index.ts";
import { kinds, type Make, otherSettings, pick, prepare } from "./support/column-kinds.ts";
import { changeOf, type Database, invocation, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";
import { poolWith } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_128);
const tables = 12;
const rowsPerTable = 40;

interface Sample {
  readonly columns: readonly { readonly name: string; readonly type: string; readonly make: Make }[];
  readonly table: string;
  readonly guard: PostgresGuard;
}

const sampleOf = (random: Random, number: number): Sample => {
  const chosen = random.shuffle(kinds).slice(0, 10);
  const columns = chosen.map(([type, make], index) => ({
    name: `c${index} ${type.replaceAll(/\W/g, "")}`,
    type,
    make,
  }));
  return { columns, table: `t${number}`, guard: pick(random, ["version-table", "inline"] as const) };
};

const create = async (database: Database, { columns, table, guard }: Sample): Promise<void> => {
  const relation = guard === "inline" ? `${table}_with_tombstones` : table;
  const definitions = columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
  await database.sql(`CREATE TABLE ${relation} (id text PRIMARY KEY, ${definitions})`);
  await postgresSink({ pool: database.pool, table, guard }).ensure();
};

const deliveriesOf = (random: Random, { columns }: Sample, base: number): UpsertDelivery<PostgresRow>[] =>
  Array.from({ length: rowsPerTable }, (_, index) => {
    const row: Record<string, PostgresRow[string]> = {};
    for (const { name, make } of columns) {
      const chance = random();
      if (chance < 0.8) row[name] = make(random);
      else if (chance < 0.9) row[name] = null;
    }
    return upsertOf(changeOf({ id: `i${index}` }, base + index, {}), row);
  });

describeWithPostgres("read and canonical", (engine) => {
  test(`agree for random rows, and see a changed cell (seed ${firstSeed})`, async () => {
    const database = await newDatabase(engine);
    await database.sql(prepare);
    const other = poolWith(database, otherSettings);
    const seen = { content: 0, error: 0, change: 0 };
    for (let number = 0; number < tables; number += 1) {
      const random = randomOf(firstSeed + number);
      const sample = sampleOf(random, number);
      await create(database, sample);
      const { table, guard } = sample;
      const writer = postgresSink({ pool: database.pool, table, guard });
      const reader = postgresSink({ pool: other, table, guard });
      const batch = deliveriesOf(random, sample, 1_000);
      const expected = (await writer.canonical?.(batch, invocation())) ?? [];
      const elsewhere = (await reader.canonical?.(batch, invocation())) ?? [];
      expect(elsewhere.filter((one) => !(one instanceof Error))).toEqual(
        expected.filter((one) => !(one instanceof Error)),
      );
      const outcomes = outcomesOf(batch, await writer.write(batch, invocation()));
      const held = (await reader.read?.(batch, invocation())) ?? [];
      for (const [index, outcome] of outcomes.entries()) {
        const context = JSON.stringify({ seed: firstSeed + number, table, index, columns: sample.columns });
        const [content, copy] = [expected[index], held[index]];
        if (outcome === "delivered") {
          expect({ context, content: copy?.content, state: copy?.state }).toEqual({ context, content, state: "live" });
          seen.content += 1;
        } else {
          expect({ context, code: (content as { code?: string }).code }).toEqual({ context, code: outcome });
          expect({ context, copy }).toEqual({ context, copy: undefined });
          seen.error += 1;
        }
      }
      seen.change += await changeCells(database, sample, batch, reader);
    }
    expect(seen.content).toBeGreaterThan(100);
    expect(seen.error).toBeGreaterThan(20);
    expect(seen.change).toBeGreaterThan(tables * 5);
    await other.end();
    await database.close();
  });
});

/** Replaces cells by those of other rows, and by NULL. Returns the number of changed cells. */
const changeCells = async (
  database: Database,
  { columns, table, guard }: Sample,
  batch: readonly UpsertDelivery<PostgresRow>[],
  reader: ReturnType<typeof postgresSink>,
): Promise<number> => {
  const relation = guard === "inline" ? `${table}_with_tombstones` : table;
  let changed = 0;
  for (const { name, type } of columns) {
    // `json` and `xml` have no equality, and equal texts of `text` may be JSON with another order.
    if (/^(json|point)$/.test(type)) continue;
    const before = (await reader.read?.(batch, invocation())) ?? [];
    const rows = await database.sql(
      `UPDATE ${relation} AS r SET "${name}" = o."${name}" FROM ${relation} AS o
       WHERE r.id = (SELECT min(id) FROM ${relation}) AND o.id = (
         SELECT x.id FROM ${relation} AS x WHERE x."${name}" IS DISTINCT FROM r."${name}" ORDER BY x.id LIMIT 1)
       RETURNING r.id`,
    );
    if (rows.length === 0) continue;
    const after = (await reader.read?.(batch, invocation())) ?? [];
    const index = batch.findIndex(({ change }) => change.keys.id === rows[0]?.id);
    expect({ type, content: after[index]?.content?.[name] }).not.toEqual({
      type,
      content: before[index]?.content?.[name],
    });
    expect({ ...after[index]?.content, [name]: "" }).toEqual({ ...before[index]?.content, [name]: "" });
    changed += 1;
  }
  return changed;
};
