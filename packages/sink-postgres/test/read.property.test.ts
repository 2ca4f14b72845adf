// Random rows of many column types: what `read` returns after a write equals what `canonical` predicted, although both
// use sessions with other settings, and a changed cell differs.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresRow, postgresSink } from "../src/index.ts";
import { changeOf, type Database, invocation, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";
import { poolWith } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_128);
const tables = 12;
const rowsPerTable = 40;

/** Settings that change how Postgres prints values. */
const otherSettings =
  "-c DateStyle=German,DMY -c TimeZone=Asia/Tokyo -c IntervalStyle=sql_standard -c extra_float_digits=-3 -c bytea_output=escape -c lc_monetary=C";

type Make = (random: Random) => PostgresRow[string];

const pick = <Value>(random: Random, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value;

const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => Math.floor(random() * 10)).join("");

const numberText: Make = (random) =>
  pick(random, [
    "0",
    "1.50",
    "-1.005",
    "12345678901234567890.12345678901234567",
    `${digits(random, 3)}.${digits(random, 4)}`,
  ]);

const anyText: Make = (random) =>
  pick(random, [
    "",
    "null",
    "NULL",
    "a ",
    "  ",
    "a,b",
    'q"\\',
    "{1,2}",
    '{"a": 1.0}',
    "ä\n\u{1f600}",
    digits(random, 4),
  ]);

const anyJson: Make = (random) =>
  pick<PostgresRow[string]>(random, [
    { b: 1, a: [true, null, { c: "x" }] },
    { a: [true, null, { c: "x" }], b: 1 },
    [1.5, "1.5", { __proto__: null, s: digits(random, 2) }],
    "null",
    "",
    7,
    true,
    [],
    {},
  ]);

const day = (random: Random): string =>
  `${1900 + Math.floor(random() * 200)}-0${1 + Math.floor(random() * 9)}-1${digits(random, 1)}`;
const clock = (random: Random): string =>
  `1${digits(random, 1)}:2${digits(random, 1)}:3${digits(random, 1)}.${digits(random, 6)}`;
const zones = ["Z", "+05:30", "-11"];
const stamp = (random: Random): string => `${day(random)}T${clock(random)}`;
const whole =
  (most: number): Make =>
  (random) =>
    Math.floor((random() * 2 - 1) * most);

/** Types, and functions that make values, of which some do not fit. */
const kinds: readonly (readonly [type: string, make: Make])[] = [
  ["text", anyText],
  ["text", anyJson],
  ["varchar(3)", anyText],
  ["char(4)", anyText],
  ['"char"', (random) => pick(random, ["a", "b"])],
  ["citext", anyText],
  ["name", anyText],
  ["smallint", whole(32_767)],
  ["integer", whole(40_000_000)],
  ["bigint", (random) => BigInt(`-9${digits(random, 17)}`)],
  ["numeric", numberText],
  ["numeric(9,2)", numberText],
  ["real", (random) => pick<PostgresRow[string]>(random, [0.1, -0, 1e30, "NaN", "-Infinity", random()])],
  [
    "double precision",
    (random) => pick<PostgresRow[string]>(random, [0.1, -0, "-0", 1e300, "NaN", "Infinity", random()]),
  ],
  ["boolean", (random) => pick(random, [true, false, "yes", "x"])],
  ["bytea", (random) => Buffer.from(digits(random, 5))],
  ["json", anyJson],
  ["jsonb", anyJson],
  ["date", (random) => pick(random, [day(random), "infinity", "0044-03-15 BC"])],
  ["timestamp", stamp],
  ["timestamp(0)", stamp],
  ["timestamptz", (random) => stamp(random) + pick(random, zones)],
  ["timestamptz(3)", (random) => stamp(random) + pick(random, zones)],
  ["time", clock],
  ["timetz", (random) => clock(random) + pick(random, zones)],
  ["interval", (random) => pick(random, ["1 day", "24:00:00", "-1 mon -2 days", "1.5 hours", "P1Y2M"])],
  ["interval day to minute", (random) => pick(random, ["1 day 02:03:04", "5", "-3 days"])],
  ["uuid", (random) => `AAAAAAAA-bbbb-4ccc-8ddd-0000${digits(random, 8)}`],
  ["inet", (random) => `10.0.0.${digits(random, 2)}`],
  ["macaddr", () => "08:00:2b:01:02:03"],
  ["bit(3)", (random) => pick(random, ["101", "010", "1"])],
  ["varbit(3)", (random) => pick(random, ["101", "1", "1010"])],
  ["money", (random) => `${digits(random, 3)}.25`],
  ["mood", (random) => pick(random, ["sad", "glad", "other"])],
  ["short", anyText],
  ["positive", whole(10)],
  ["pair", (random) => pick(random, ["(,)", '(1,"a b")', "(2,)"])],
  ["int4range", (random) => pick(random, ["[1,3]", "[1,4)", "empty"])],
  ["tstzrange", (random) => `[${stamp(random)}Z,infinity)`],
  ["tsvector", (random) => pick(random, ["a b", "'x':1 y", "'"])],
  ["point", (random) => `(${random()},-0)`],
  ["integer[]", (random) => pick<PostgresRow[string]>(random, [[1, 2], [], [[1], [2]], "[2:3]={1,2}"])],
  ["text[]", (random) => pick<PostgresRow[string]>(random, [["a", null], ["null"], new Set(["x", "y"]), []])],
  ["varchar(2)[]", (random) => pick<PostgresRow[string]>(random, [["a", "b  "], ["abc"], [["a"], ["bc"]]])],
  ["numeric(4,1)[]", (random) => [numberText(random)]],
  ["timestamptz[]", (random) => [`${stamp(random)}Z`, null]],
  ["jsonb[]", (random) => [anyJson(random), { a: 1 }]],
  ["float8[]", (random) => [random(), "NaN"]],
  ["oid", (random) => Number(digits(random, 6))],
  ["xid8", (random) => digits(random, 6)],
];

const prepare = `CREATE EXTENSION IF NOT EXISTS citext; CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN short AS varchar(4); CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (n int, t text)`;

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
