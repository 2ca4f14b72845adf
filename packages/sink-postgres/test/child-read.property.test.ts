// Random rows of child tables with many column types: what `read` returns after a write equals what `canonical` predicted,
// although both use sessions with other settings, and a changed cell differs.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import {
  type PostgresChild,
  type PostgresGuard,
  type PostgresRow,
  type PostgresSink,
  postgresSink,
} from "../src/index.ts";
import { kinds, type Make, otherSettings, pick, prepare } from "./support/column-kinds.ts";
import { changeOf, type Database, invocation, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";
import { canonical, poolWith, read } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_129);
const tables = 10;
const items = 30;

type Delivery = UpsertDelivery<PostgresRow>;
type Kind = { readonly name: string; readonly type: string; readonly make: Make };

interface Sample {
  readonly guard: PostgresGuard;
  readonly table: string;
  readonly child: string;
  readonly columns: readonly Kind[];
  readonly children: readonly PostgresChild[];
}

const sampleOf = (random: Random, number: number): Sample => {
  const columns = random
    .shuffle(kinds)
    .slice(0, 6)
    .map(([type, make], index) => ({ name: `c${index} ${type.replaceAll(/\W/g, "")}`, type, make }));
  const child = `t${number}_lines`;
  return {
    guard: pick<PostgresGuard>(random, ["version-table", "inline"]),
    table: `t${number}`,
    child,
    columns,
    children: [{ table: child, of: "lines", position: "line", columns: columns.map(({ name }) => name) }],
  };
};

const create = async ({ sql }: Database, { guard, table, child, columns }: Sample): Promise<void> => {
  const definitions = columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
  await sql(`CREATE TABLE ${table}${guard === "inline" ? "_with_tombstones" : ""} (id text PRIMARY KEY);
    CREATE TABLE ${child} (id text, line int, ${definitions}, PRIMARY KEY (id, line))`);
};

const deliveriesOf = (random: Random, { columns }: Sample): Delivery[] =>
  Array.from({ length: items }, (_, index) => {
    const lines = Array.from({ length: Math.floor(random() * 3) }, () =>
      Object.fromEntries(columns.map(({ name, make }) => [name, random() < 0.8 ? make(random) : null])),
    );
    return upsertOf(changeOf({ id: `i${index}` }, 1_000 + index, {}), { lines });
  });

/** Replaces a cell of the first row by that of another row. Returns the item's key if there is another value. */
const changeCell = async ({ sql }: Database, child: string, name: string): Promise<unknown> => {
  const [changed] = await sql(
    `UPDATE ${child} AS r SET "${name}" = o."${name}" FROM ${child} AS o
     WHERE (r.id, r.line) = (SELECT id, line FROM ${child} ORDER BY 1, 2 LIMIT 1) AND (o.id, o.line) = (
       SELECT x.id, x.line FROM ${child} AS x WHERE x."${name}" IS DISTINCT FROM r."${name}" ORDER BY 1, 2 LIMIT 1)
     RETURNING r.id`,
  );
  return changed?.id;
};

/** Returns the number of changed cells. Each makes a difference. */
const changeCells = async (
  database: Database,
  { columns, child }: Sample,
  batch: readonly Delivery[],
  reader: PostgresSink,
): Promise<number> => {
  let count = 0;
  for (const { name, type } of columns) {
    // Such values have no equality.
    if (/^(json|point)$/.test(type)) continue;
    const before = await read(reader, ...batch);
    const id = await changeCell(database, child, name);
    if (id === undefined) continue;
    const index = batch.findIndex(({ change }) => change.keys.id === id);
    const after = await read(reader, ...batch);
    const [one, other] = [before, after].map((held) => held[index]?.content?.[child]);
    expect({ type, text: other }).not.toEqual({ type, text: one });
    count += 1;
  }
  return count;
};

describeWithPostgres("read and canonical of children", (engine) => {
  test(`agree for random rows, and see a changed cell (seed ${firstSeed})`, async () => {
    const database = await newDatabase(engine);
    await database.sql(prepare);
    const other = poolWith(database, otherSettings);
    const seen = { content: 0, error: 0, change: 0 };
    for (let number = 0; number < tables; number += 1) {
      const random = randomOf(firstSeed + number);
      const sample = sampleOf(random, number);
      await create(database, sample);
      const { table, guard, children, child, columns } = sample;
      const writer = postgresSink({ pool: database.pool, table, guard, children });
      const reader = postgresSink({ pool: other, table, guard, children });
      await writer.ensure();
      const batch = deliveriesOf(random, sample);
      const expected = await canonical(writer, ...batch);
      const outcomes = outcomesOf(batch, await writer.write(batch, invocation()));
      const held = await read(reader, ...batch);
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
      seen.change += await changeCells(database, sample, batch, reader);
    }
    expect(seen.content).toBeGreaterThan(50);
    expect(seen.error).toBeGreaterThan(10);
    expect(seen.change).toBeGreaterThan(tables * 3);
    await other.end();
    await database.close();
  });
});
