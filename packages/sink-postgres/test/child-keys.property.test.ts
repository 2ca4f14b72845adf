// Random lists whose elements have keys that Postgres compares in its own way: the rows are those of the newest list, with its
// spelling of each key, and two elements with keys that are equal to Postgres reject the change.

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
import {
  changeOf,
  type Database,
  invocation,
  messagesOf,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
} from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";
import { canonical, read } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_129);
const batches = 25;
const guards: readonly PostgresGuard[] = ["version-table", "inline"];

const prepare = `CREATE EXTENSION citext; CREATE DOMAIN code AS varchar(3); CREATE TYPE mood AS ENUM ('so', 'la');
  CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;

/** Texts for keys of each type. Some are equal to Postgres, and some differ from all others. */
const kinds: readonly (readonly [type: string, ...texts: string[]])[] = [
  ["text", "A", "a", "b ", "b"],
  ["citext", "A", "a", "B", "b", "c"],
  ["text COLLATE any_case", "A", "a", "B", "b", "c"],
  ["numeric", "1", "1.0", "1e0", "-0", "0", "0.5", "7"],
  ["numeric(9,2)", "1", "1.001", "0.999", "2", "2.5"],
  ["integer", "1", "01", "-2", "+7", "7"],
  ["char(4)", "a", "a  ", "b", "abcd"],
  ["varchar(2)", "ab", "ab ", "a", "a ", "c"],
  ["code", "abc", "abc ", "a"],
  ["mood", "so", "la"],
  [
    "uuid",
    "AAAAAAAA-0000-0000-0000-000000000000",
    "aaaaaaaa000000000000000000000000",
    "{bbbbbbbb-0000-0000-0000-000000000000}",
  ],
  ["timestamptz", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01", "infinity"],
  ["interval", "1 day", "24:00:00", "1 mon", "30 days", "7"],
  ["float8", "0", "-0", "1", "1.0", "NaN"],
  ["inet", "10.0.0.1", "10.0.0.1/32", "10.0.0.0/8"],
];

interface Kind {
  readonly type: string;
  readonly texts: readonly string[];
  /** For each text, the number of a value and the text that Postgres stores. */
  readonly values: ReadonlyMap<string, { readonly value: unknown; readonly stored: unknown }>;
}

const kindOf = async ({ sql }: Database, [name, ...texts]: (typeof kinds)[number]): Promise<Kind> => {
  const [type, collation = '"default"'] = name.split(" COLLATE ");
  const compared = collation === '"default"' ? "" : ` COLLATE ${collation}`;
  const rows = await sql(
    `SELECT t, t::${type}::text AS stored, dense_rank() OVER (ORDER BY t::${type}${compared}) AS value FROM unnest($1::text[]) AS t`,
    [texts],
  );
  return { type: name, texts, values: new Map(rows.map(({ t, ...found }) => [String(t), found as never])) };
};

interface Line {
  readonly key: string;
  readonly note: string;
  readonly parts: readonly string[];
}

const randomLines = (random: Random, { texts }: Kind): Line[] =>
  random
    .shuffle(texts)
    .slice(0, Math.floor(random() * 4))
    .map((key) => ({
      key,
      note: random() < 0.5 ? "x" : "y",
      parts: Array.from({ length: Math.floor(random() * 3) }, () => (random() < 0.5 ? "p" : "q")),
    }));

const children = (number: number, hasNote: boolean): PostgresChild[] => [
  {
    table: `lines_${number}`,
    of: "lines",
    elementKey: ["key"],
    columns: hasNote ? ["key", "note"] : ["key"],
    children: [{ table: `parts_${number}`, of: "parts", position: "part", columns: ["name"] }],
  },
];

const hasEqualKeys = ({ values }: Kind, lines: readonly Line[]): boolean =>
  new Set(lines.map(({ key }) => values.get(key)?.value)).size < lines.length;

/** The rows of the lines and their parts, as texts. */
const modelRows = ({ values }: Kind, id: string, lines: readonly Line[], hasNote: boolean): string[] =>
  lines.flatMap(({ key, note, parts }) => {
    const stored = values.get(key)?.stored;
    return [`${id}|${stored}|${hasNote ? note : ""}`, ...parts.map((name, part) => `${id}|${stored}|${part}|${name}`)];
  });

/** A delivery of an item, with its lines. A removed item has none. */
interface Written {
  readonly id: string;
  readonly lines: readonly Line[];
  readonly delivery: UpsertDelivery<PostgresRow>;
}

const randomWrites = (random: Random, kind: Kind, position: number, hasNote: boolean): Written[] =>
  ["x", "y", "z"].map((id) => {
    if (random() < 0.1) return { id, lines: [], delivery: removalOf(changeOf({ id }, position)) };
    const lines = randomLines(random, kind);
    const rows = lines.map(({ note, ...line }) => (hasNote ? { ...line, note } : line));
    return { id, lines, delivery: upsertOf(changeOf({ id }, position, {}), { id, lines: rows } as never) };
  });

/** A table of orders with two child tables, and what their rows must be. */
interface Sample {
  readonly kind: Kind;
  readonly number: number;
  readonly hasNote: boolean;
  readonly sink: PostgresSink;
  readonly model: Map<string, readonly Line[]>;
}

const openSample = async (database: Database, kind: Kind, guard: PostgresGuard, number: number): Promise<Sample> => {
  const rows = guard === "inline" ? `orders_${number}_with_tombstones` : `orders_${number}`;
  await database.sql(`CREATE TABLE ${rows} (id text PRIMARY KEY);
    CREATE TABLE lines_${number} (id text REFERENCES ${rows}, key ${kind.type}, note text, PRIMARY KEY (id, key));
    CREATE TABLE parts_${number} (id text, key ${kind.type}, part int, name text, PRIMARY KEY (id, key, part),
      FOREIGN KEY (id, key) REFERENCES lines_${number})`);
  const table = { pool: database.pool, table: `orders_${number}`, guard, key: ["id"] };
  await postgresSink(table).ensure();
  const hasNote = number === 0;
  const sink = postgresSink({ ...table, children: children(number, hasNote) });
  return { kind, number, hasNote, sink, model: new Map() };
};

/** Writes deliveries, and checks the outcomes. Returns the deliveries that Postgres took. */
const writeAndCheck = async ({ kind, sink, model }: Sample, writes: readonly Written[], context: object) => {
  const batch = writes.map(({ delivery }) => delivery);
  const results = await sink.write(batch, invocation());
  const expected = writes.map(({ lines }) => (hasEqualKeys(kind, lines) ? "SINK_REJECTED" : "delivered"));
  expect({ ...context, outcomes: outcomesOf(batch, results) }).toEqual({ ...context, outcomes: expected });
  for (const message of messagesOf(results)) expect(message).toMatch(/two elements with/);
  const taken = writes.filter((_, index) => expected[index] === "delivered");
  for (const { id, lines } of taken) model.set(id, lines);
  return taken.map(({ delivery }) => delivery);
};

const checkRows = async ({ sql }: Database, { kind, number, hasNote, model }: Sample, context: object) => {
  const rows = await sql(`SELECT concat_ws('|', id, key::text, COALESCE(note, '')) AS row FROM lines_${number}
    UNION ALL SELECT concat_ws('|', id, key::text, part, name) FROM parts_${number}`);
  const expected = [...model].flatMap(([id, lines]) => modelRows(kind, id, lines, hasNote));
  expect({ ...context, rows: rows.map(({ row }) => row).sort() }).toEqual({ ...context, rows: expected.sort() });
};

describeWithPostgres("keys of elements", (engine) => {
  test.each(kinds)(`of type %s: the rows are those of the newest lists (seed ${firstSeed})`, async (...entry) => {
    const database = await newDatabase(engine);
    await database.sql(prepare);
    const kind = await kindOf(database, entry as never);
    const seen = { delivered: 0, refused: 0 };
    for (const [number, guard] of guards.entries()) {
      const random = randomOf(firstSeed + number);
      const sample = await openSample(database, kind, guard, number);
      for (let position = 1; position <= batches; position += 1) {
        const writes = randomWrites(random, kind, position, sample.hasNote);
        const context = { type: kind.type, guard, position, lines: JSON.stringify(writes.map(({ lines }) => lines)) };
        const taken = await writeAndCheck(sample, writes, context);
        const live = taken.filter(({ message }) => message !== undefined);
        const copies = (await read(sample.sink, ...live)).map((copy) => copy?.content);
        expect({ ...context, copies }).toEqual({ ...context, copies: await canonical(sample.sink, ...live) });
        await checkRows(database, sample, context);
        seen.delivered += taken.length;
        seen.refused += writes.length - taken.length;
      }
    }
    expect(seen.delivered).toBeGreaterThan(20);
    if (!/^(text|mood)$/.test(kind.type)) expect(seen.refused).toBeGreaterThan(0);
    await database.close();
  });
});
