// Child tables with foreign keys of each kind, and triggers that count what is written. Also dry runs, removals of items that
// the target does not have, and marks of removed items.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresSink, postgresSink } from "../src/index.ts";
import { type Database, invocation, messagesOf, newDatabase, outcomesOf, watch } from "./support/deliveries.ts";
import { randomOf } from "./support/random.ts";
import { type Delivery, put, remove } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_129);

const children = [
  {
    table: "lines",
    of: "lines",
    key: { order_id: "id" },
    elementKey: ["sku"],
    columns: ["sku", "price"],
    children: [{ table: "parts", of: "parts", position: "part", columns: ["name"] }],
  },
];

/** Opens tables whose foreign keys end with `references`. */
const open = async (database: Database, guard: PostgresGuard, references = ""): Promise<PostgresSink> => {
  const rows = guard === "inline" ? "orders_with_tombstones" : "orders";
  await database.sql(`CREATE TABLE ${rows} (id text PRIMARY KEY, state text);
    CREATE TABLE lines (order_id text REFERENCES ${rows} ${references}, sku text, price numeric, PRIMARY KEY (order_id, sku));
    CREATE TABLE parts (order_id text, sku text, part int, name text, PRIMARY KEY (order_id, sku, part),
      FOREIGN KEY (order_id, sku) REFERENCES lines ${references})`);
  const sink = postgresSink({ pool: database.pool, table: "orders", key: ["id"], guard, children });
  await sink.ensure();
  return sink;
};

const order = (id: string, position: number, ...lines: readonly (readonly [string, number, ...string[]])[]): Delivery =>
  put({ id }, position, { lines: lines.map(([sku, price, ...parts]) => ({ sku, price, parts })) } as never);

const write = async (sink: PostgresSink, ...batch: Delivery[]) =>
  outcomesOf(batch, await sink.write(batch, invocation()));

const rowsOf = async ({ sql }: Database): Promise<unknown[]> =>
  (
    await sql(`SELECT order_id || sku || ' ' || price AS row FROM lines
      UNION ALL SELECT order_id || sku || part || name FROM parts ORDER BY 1`)
  ).map(({ row }) => row);

const references = [
  "",
  "ON DELETE CASCADE ON UPDATE CASCADE",
  "ON DELETE RESTRICT ON UPDATE RESTRICT",
  "DEFERRABLE INITIALLY DEFERRED",
  "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
];

type Lines = readonly (readonly [string, number, ...string[]])[];

const randomLines = (random: () => number): Lines =>
  ["a", "b", "c"].flatMap((sku) => {
    const parts = ["p", "q", "r"].slice(Math.floor(random() * 4));
    return random() < 0.5 ? [[sku, random() < 0.5 ? 1 : 2, ...parts] as const] : [];
  });

const modelRows = (id: string, lines: Lines): string[] =>
  lines.flatMap(([sku, price, ...parts]) => [
    `${id}${sku} ${price}`,
    ...parts.map((name, part) => `${id}${sku}${part}${name}`),
  ]);

/**
 * Counts the rows that are inserted, updated and deleted, also if the new row equals the old one. A trigger BEFORE INSERT would
 * also count the rows that ON CONFLICT updates.
 */
const countWrites = async ({ sql }: Database): Promise<() => Promise<Record<string, number>>> => {
  await sql(`CREATE TABLE log (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO log VALUES (TG_TABLE_NAME || ' ' || TG_OP); RETURN NULL; END $$`);
  for (const table of ["lines", "parts"]) {
    await sql(`CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION note()`);
  }
  return async () => {
    const rows = await sql(
      "WITH gone AS (DELETE FROM log RETURNING what) SELECT what, count(*)::int AS n FROM gone GROUP BY 1",
    );
    return Object.fromEntries(rows.map(({ what, n }) => [what, n])) as Record<string, number>;
  };
};

/** For each item, the newest change and the lines that it has. */
type Model = Map<string, { readonly position: number; readonly lines: Lines }>;

/** What a round of random writes needs. */
interface Round {
  readonly random: () => number;
  readonly model: Model;
  readonly round: number;
}

/** Random changes of items, of which some are older than those that were written before. */
const randomBatch = ({ random, model, round }: Round): Delivery[] =>
  ["x", "y", "z"].map((id, index) => {
    const position = 100 + round * 10 + index - Math.floor(random() * 40);
    const lines = random() < 0.2 ? undefined : randomLines(random);
    if ((model.get(id)?.position ?? 0) < position) model.set(id, { position, lines: lines ?? [] });
    return lines === undefined ? remove({ id }, position) : order(id, position, ...lines);
  });

/** Makes a dry run and a write of random changes, and checks both. */
const writeRound = async (database: Database, sink: PostgresSink, one: Round): Promise<void> => {
  const { model, round } = one;
  const batch = randomBatch(one);
  const before = await rowsOf(database);
  const predicted = outcomesOf(batch, (await sink.dryRun?.(batch, invocation())) ?? []);
  expect(await rowsOf(database)).toEqual(before);
  expect({ round, outcomes: await write(sink, ...batch) }).toEqual({ round, outcomes: predicted });
  expect(predicted.filter((outcome) => !/^(delivered|superseded)$/.test(outcome))).toEqual([]);
  const expected = [...model].flatMap(([id, { lines }]) => modelRows(id, lines)).sort();
  expect({ round, rows: await rowsOf(database) }).toEqual({ round, rows: expected });
};

describeWithPostgres("children", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    test.each(references)(
      `and foreign keys %p follow random lists, and dry runs predict each write (seed ${firstSeed})`,
      async (kind) => {
        const database = await newDatabase(engine);
        const sink = await open(database, guard, kind);
        const random = randomOf(firstSeed);
        const model: Model = new Map();
        for (let round = 1; round <= 30; round += 1) await writeRound(database, sink, { random, model, round });
        await database.close();
      },
    );

    test("only rows that differ are written", async () => {
      const database = await newDatabase(engine);
      const sink = await open(database, guard);
      const written = await countWrites(database);
      const lines: Lines = [
        ["a", 1, "p", "q"],
        ["b", 2],
        ["c", 3, "p", "q", "r"],
      ];
      await write(sink, order("x", 1, ...lines), order("y", 2, ...lines));
      expect(await written()).toEqual({ "lines INSERT": 6, "parts INSERT": 10 });
      await write(sink, order("x", 1, ...lines), order("y", 2, ["a", 9]));
      expect(await written()).toEqual({});
      await write(sink, order("x", 3, ...lines), order("y", 4, ...[...lines].reverse()));
      expect(await written()).toEqual({});
      await write(sink, order("x", 5, ["c", 3, "p", "q", "r"], ["b", 2.5], ["a", 1, "p", "q"]));
      expect(await written()).toEqual({ "lines UPDATE": 1 });
      await write(sink, order("x", 6, ["a", 1, "q"], ["c", 3, "p", "r"], ["d", 4]), remove({ id: "y" }, 7));
      // The parts have positions: the second one of "a" and the third one of "c" are gone, and two others have changed.
      expect(await written()).toEqual({
        "lines DELETE": 4,
        "lines INSERT": 1,
        "parts DELETE": 7,
        "parts UPDATE": 2,
      });
      await write(sink, remove({ id: "x" }, 3), remove({ id: "y" }, 7), order("x", 6, ["e", 1]));
      expect(await written()).toEqual({});
      await database.close();
    });

    test("a removal for an item that the target does not have leaves no tombstone, and deletes the rows of one that it has", async () => {
      const database = await newDatabase(engine);
      const sink = await open(database, guard);
      await write(sink, order("x", 1, ["a", 1, "p"]), order("y", 1, ["a", 1]));
      const batch = ["x", "none"].map((id) => ({ ...remove({ id }, 5), onlyIfPresent: true as const }));
      expect(outcomesOf(batch, (await sink.dryRun?.(batch, invocation())) ?? [])).toEqual(["delivered", "superseded"]);
      expect(await write(sink, ...batch)).toEqual(["delivered", "superseded"]);
      expect(await write(sink, order("x", 2, ["b", 1]), order("none", 2, ["b", 1]))).toEqual([
        "superseded",
        "delivered",
      ]);
      expect(await rowsOf(database)).toEqual(["noneb 1", "ya 1"]);
      await database.close();
    });

    test("the mark of a removed item has the lists of its message", async () => {
      const database = await newDatabase(engine);
      const sink = await open(database, guard);
      await write(sink, order("x", 1, ["a", 1, "p"], ["b", 1]), order("y", 1, ["a", 1]));
      const mark = (id: string, position: number, lines: Lines): Delivery => ({
        ...remove({ id }, position),
        message: { ...order(id, position, ...lines).message, state: "removed" },
      });
      expect(
        await write(
          sink,
          mark("x", 2, [
            ["a", 1, "p"],
            ["b", 1],
          ]),
          mark("y", 2, []),
        ),
      ).toEqual(["delivered", "delivered"]);
      expect(await rowsOf(database)).toEqual(["xa 1", "xa0p", "xb 1"]);
      expect(await database.sql("SELECT id, state FROM orders ORDER BY 1")).toEqual([
        { id: "x", state: "removed" },
        { id: "y", state: "removed" },
      ]);
      await database.close();
    });

    test("a list of 10,000 elements is one statement, of which only the changed elements are written", async () => {
      const database = await newDatabase(engine);
      const pool = watch(database.pool);
      await open(database, guard);
      const sink = postgresSink({ pool, table: "orders", key: ["id"], guard, children });
      const written = await countWrites(database);
      const many = (changed: number): Lines =>
        Array.from({ length: 10_000 }, (_, index) => [`s${index}`, index < changed ? 1 : 2]);
      const statements = () => pool.queries.filter(({ text }) => text.includes("diff0")).length;
      expect(await write(sink, order("x", 1, ...many(0)), order("y", 1, ["a", 1, "p"]))).toEqual([
        "delivered",
        "delivered",
      ]);
      expect(await written()).toEqual({ "lines INSERT": 10_001, "parts INSERT": 1 });
      expect(await write(sink, order("x", 2, ...many(7).slice(1)))).toEqual(["delivered"]);
      expect(await written()).toEqual({ "lines UPDATE": 6, "lines DELETE": 1 });
      expect(await write(sink, remove({ id: "x" }, 3))).toEqual(["delivered"]);
      expect(await written()).toEqual({ "lines DELETE": 9_999 });
      expect(statements()).toBe(3);
      expect(await rowsOf(database)).toEqual(["ya 1", "ya0p"]);
      await database.close();
    });

    test("a delivery that other writers overtake again and again fails with SINK_CONFLICT, and the others are written", async () => {
      const database = await newDatabase(engine);
      await open(database, guard);
      let statements = 0;
      const overtaking = {
        connect: async () => {
          const client = await database.pool.connect();
          const query = async (sent: { readonly text: string; readonly values?: readonly unknown[] }) => {
            const answer: { readonly rows: readonly object[] } = await client.query(sent as never);
            if (!sent.text.includes("won AS")) return answer;
            statements += 1;
            // The entry of "x" is the first one by its key, and the only one after the first statement.
            return { ...answer, rows: [{ ...answer.rows[0], lost: "1", overtaken: "1" }] };
          };
          return { query, release: () => client.release() };
        },
        end: async () => undefined,
      };
      const sink = postgresSink({ pool: overtaking as never, table: "orders", key: ["id"], guard, children });
      const batch = [order("x", 1, ["a", 1]), order("y", 1, ["a", 1])];
      const results = await sink.write(batch, invocation());
      expect(outcomesOf(batch, results)).toEqual(["SINK_CONFLICT", "delivered"]);
      expect(messagesOf(results)).toEqual(["[postgres] other writers wrote the item during each of 8 statements"]);
      expect(statements).toBe(8);
      await database.close();
    });

    test("a key by which two items may have one row is refused, and the error says why children forbid it", async () => {
      const database = await newDatabase(engine);
      const rows = guard === "inline" ? "orders_with_tombstones" : "orders";
      await database.sql(`CREATE TABLE ${rows} (id varchar(9) PRIMARY KEY);
        CREATE TABLE lines (order_id text, sku text, PRIMARY KEY (order_id, sku))`);
      const [{ table, of, key, elementKey }] = children as [(typeof children)[0]];
      const lines = { table, of, key, elementKey, columns: ["sku"] };
      const sink = postgresSink({ pool: database.pool, table: "orders", key: ["id"], guard, children: [lines] });
      await sink.ensure();
      await expect(sink.write([put({ id: "x" }, 1, {})], invocation())).rejects.toMatchObject({
        code: "SINK_MISSING",
        message:
          '[postgres] two items may have the same row, because key column "id" (character varying(9)) does not compare as the ' +
          'attribute "id" (S) does; with option "children" each item needs rows of its own; use key columns that compare as the attributes do',
      });
      await database.close();
    });
  });
});
