// Random histories of orders with nested lists, compared with a model. Changes arrive in random order, repeatedly, by several
// writers at once. A reader checks all the time that the rows of an item belong to one version.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { Image, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { changeOf, type Database, invocation, newDatabase, removalOf, upsertOf } from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards = ["version-table", "inline"] as const satisfies readonly PostgresGuard[];

/** Of each guard. */
const histories = 12;
const writers = 4;
const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_128);

type Delivery = UpsertDelivery<Image>;

const pick = <Value>(random: Random, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value;

const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));

const texts = ["a", "b", "c", "d"];

/** A line of an order, with its revision and a list of parts. */
const randomLine = (random: Random, revision: number) => ({
  M: {
    revision: { N: String(revision) },
    sku: { S: pick(random, texts) },
    ...(random() < 0.7 && {
      parts: { L: Array.from({ length: upTo(random, 2) }, () => ({ S: pick(random, texts) })) },
    }),
  },
});

/** An order. `revision` is in the order and in each line, and so is different in each version. */
const randomOrder = (random: Random, id: string, revision: number): Image => {
  const lines = Array.from({ length: upTo(random, 4) }, () => randomLine(random, revision));
  const tags = random.shuffle(texts).slice(0, 1 + upTo(random, 3));
  const names = random.shuffle(texts).slice(0, upTo(random, 3));
  return {
    id: { S: id },
    revision: { N: String(revision) },
    ...(random() < 0.8 && { lines: random() < 0.9 ? { L: lines } : { NULL: true } }),
    ...(random() < 0.8 && { tags: random() < 0.8 ? { SS: tags } : { L: tags.map((S) => ({ S })) } }),
    ...(random() < 0.8 && {
      notes: { M: Object.fromEntries(names.map((name) => [name, { S: pick(random, texts) }])) },
    }),
  };
};

const children = [
  {
    table: "lines",
    of: "lines",
    key: { order_id: "id" },
    position: "line",
    columns: { revision: "int", sku: "varchar(3)" },
    children: [{ table: "parts", of: "parts", position: "part", columns: { name: { path: [], type: "text" } } }],
  },
  {
    table: "tags",
    of: "tags",
    key: { order_id: "id" },
    elementKey: ["tag"],
    columns: { tag: { path: [], type: "text" } },
  },
  {
    table: "notes",
    of: "notes",
    key: { order_id: "id" },
    memberName: "name",
    columns: { note: { path: [], type: "text" } },
  },
];

const ddl = (rows: string): string => `CREATE TABLE ${rows} (id text PRIMARY KEY, revision int);
  CREATE TABLE lines (order_id text NOT NULL REFERENCES ${rows}, line int, revision int, sku varchar(3), PRIMARY KEY (order_id, line));
  CREATE TABLE parts (order_id text, line int, part int, name text, PRIMARY KEY (order_id, line, part),
    FOREIGN KEY (order_id, line) REFERENCES lines);
  CREATE TABLE tags (order_id text NOT NULL REFERENCES ${rows}, tag text, PRIMARY KEY (order_id, tag));
  CREATE TABLE notes (order_id text NOT NULL REFERENCES ${rows}, name text, note text, PRIMARY KEY (order_id, name))`;

type Value = { readonly [type: string]: unknown };

/** The rows that the newest image of an item must have. */
const modelRows = ({ id, revision, lines, tags, notes }: Record<string, Value | undefined>): string[] => {
  const key = String(id?.S);
  const rows = [`order ${key} ${revision?.N}`];
  for (const [line, { M }] of ((lines?.L ?? []) as { M: Record<string, Value> }[]).entries()) {
    rows.push(`line ${key} ${line} ${M.revision?.N} ${M.sku?.S}`);
    for (const [part, { S }] of ((M.parts?.L ?? []) as Value[]).entries())
      rows.push(`part ${key} ${line} ${part} ${S}`);
  }
  for (const tag of (tags?.SS ?? ((tags?.L ?? []) as Value[]).map(({ S }) => S)) as string[])
    rows.push(`tag ${key} ${tag}`);
  for (const [name, { S }] of Object.entries((notes?.M ?? {}) as Record<string, Value>))
    rows.push(`note ${key} ${name} ${S}`);
  return rows;
};

const foundRows = `SELECT 'order ' || id || ' ' || revision AS row FROM orders
  UNION ALL SELECT concat_ws(' ', 'line', order_id, line, revision, sku) FROM lines
  UNION ALL SELECT concat_ws(' ', 'part', order_id, line, part, name) FROM parts
  UNION ALL SELECT concat_ws(' ', 'tag', order_id, tag) FROM tags
  UNION ALL SELECT concat_ws(' ', 'note', order_id, name, note) FROM notes`;

/** Rows of an item that belong to two versions, or that have no item, in one snapshot. */
const torn = `SELECT count(*)::int AS torn FROM lines l LEFT JOIN orders o ON o.id = l.order_id
  WHERE o.revision IS DISTINCT FROM l.revision`;

/** Writes a batch, and retries what failed, as core does. */
const writeUntilTaken = async (
  write: (batch: readonly Delivery[]) => Promise<readonly Delivery[]>,
  batch: Delivery[],
) => {
  let left: readonly Delivery[] = batch;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    if (attempt > 50) throw new Error("the batch fails for ever");
    left = await write(left);
  }
};

const randomHistory = (random: Random, ids: readonly string[]): Delivery[] =>
  Array.from({ length: 40 }, (_, index) => {
    const id = pick(random, ids);
    if (random() < 0.2) return removalOf(changeOf({ id }, index + 1)) as Delivery;
    return upsertOf(changeOf({ id }, index + 1, {}), randomOrder(random, id, index + 1));
  });

const expectedRows = (history: readonly Delivery[]): string[] => {
  const newest = new Map(history.map((delivery) => [delivery.change.itemKey, delivery]));
  return [...newest.values()]
    .flatMap(({ message }) => (message === undefined ? [] : modelRows(message as never)))
    .sort();
};

/** Splits deliveries, in random order and with repeats, into batches with at most one change of each item. */
const batchesOf = (random: Random, history: readonly Delivery[]): Delivery[][] => {
  const repeated = history.flatMap((one) => Array.from({ length: 1 + upTo(random, 1) }, () => one));
  const batches: Delivery[][] = [[]];
  for (const one of random.shuffle(repeated)) {
    const last = batches.at(-1) as Delivery[];
    if (last.every(({ change }) => change.itemKey !== one.change.itemKey) && random() < 0.8) last.push(one);
    else batches.push([one]);
  }
  return batches.filter((batch) => batch.length > 0);
};

const watchSnapshots = (database: Database) => {
  let isDone = false;
  const counts: unknown[] = [];
  const watching = (async () => {
    while (!isDone) counts.push((await database.sql(torn))[0]?.torn);
  })();
  return async () => {
    isDone = true;
    await watching;
    return counts;
  };
};

describeWithPostgres("children in random histories", (engine) => {
  test.each(guards)("with guard %s, all rows are those of the newest versions, in each snapshot", async (guard) => {
    const database = await newDatabase(engine, 12);
    await database.sql(ddl(guard === "inline" ? "orders_with_tombstones" : "orders"));
    const open = () =>
      postgresSink({ pool: database.pool, table: "orders", guard, columns: { id: "text", revision: "int" }, children });
    await open().ensure();
    for (let seed = firstSeed; seed < firstSeed + histories; seed += 1) {
      const random = randomOf(seed);
      const ids = ["x", "y", "z"].map((id) => `${id}${seed}`);
      const history = randomHistory(random, ids);
      const stop = watchSnapshots(database);
      const queue = batchesOf(random, history);
      const write = async () => {
        const sink = open();
        for (let batch = queue.pop(); batch !== undefined; batch = queue.pop()) {
          await writeUntilTaken(async (left) => {
            const results = await sink.write(left, invocation());
            return results.flatMap((result) => {
              if (result.outcome !== "failed") return [];
              if (result.error.code !== "SINK_CONFLICT") throw result.error;
              return [result.delivery as Delivery];
            });
          }, batch);
        }
      };
      await Promise.all(Array.from({ length: writers }, write));
      const counts = await stop();
      const rows = (await database.sql(`SELECT * FROM (${foundRows}) AS r WHERE row LIKE '%${seed}%'`)).map(
        ({ row }) => row,
      );
      expect({ seed, rows: rows.sort() }).toEqual({ seed, rows: expectedRows(history) });
      expect({ seed, torn: counts.filter((count) => count !== 0) }).toEqual({ seed, torn: [] });
    }
    await database.close();
  });
});
