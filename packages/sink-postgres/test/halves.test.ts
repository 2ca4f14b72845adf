// A large batch is written as two halves at once, on two connections. What a half cannot write alone is written when the
// other half has ended.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import type pg from "pg";
import { type PostgresGuard, type PostgresRow, type PostgresSinkOptions, postgresSink } from "../src/index.ts";
import { freeConnections } from "../src/write/write-halves.ts";
import {
  changeOf,
  type Database,
  invocation,
  messagesOf,
  newDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  type WatchedPool,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const relations = { "version-table": "items", inline: "items_with_tombstones" } as const;

/** A pool that keeps its queries, and tells its connections as the real one does. */
const watchAll = (pool: pg.Pool, before?: Parameters<typeof watch>[1]): WatchedPool =>
  Object.defineProperties(watch(pool, before), {
    options: { get: () => pool.options },
    totalCount: { get: () => pool.totalCount },
    idleCount: { get: () => pool.idleCount },
    waitingCount: { get: () => pool.waitingCount },
  });

interface OpenOptions {
  readonly columns?: string;
  readonly max?: number;
  readonly before?: Parameters<typeof watch>[1];
  readonly sink?: Partial<Pick<PostgresSinkOptions, "splitFrom">>;
}

/** A table, a sink that has written once, so that it knows the table, and its queries since then. */
const open = async (
  engine: Parameters<typeof newDatabase>[0],
  guard: PostgresGuard,
  { columns = "note text", max = 4, before, sink: options = {} }: OpenOptions = {},
) => {
  const database = await newDatabase(engine, max);
  await database.sql(`CREATE TABLE ${relations[guard]} (id text PRIMARY KEY, ${columns})`);
  await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
  const watched = watchAll(database.pool, before);
  const sink = postgresSink({ pool: watched, table: "items", guard, splitFrom: 2, ...options });
  await sink.write([upsertOf(changeOf({ id: "first" }, 1, {}), {})], invocation());
  const known = watched.queries.length;
  return { database, sink, writes: () => watched.queries.slice(known).map(({ text }) => text) };
};

const row = (id: string, values: PostgresRow, position = 2): UpsertDelivery<PostgresRow> =>
  upsertOf(changeOf({ id }, position, {}), values);
const gone = (id: string, position = 2): UpsertDelivery<PostgresRow> => removalOf(changeOf({ id }, position));

const read = async ({ sql }: Database, list: string): Promise<string[]> =>
  (await sql(`SELECT id, ${list} FROM items WHERE id <> 'first' ORDER BY id`)).map((one) =>
    Object.values(one).join(" "),
  );

const notes = (count: number, position = 2, prefix = "r"): UpsertDelivery<PostgresRow>[] =>
  Array.from({ length: count }, (_, index) => row(`${prefix}${index}`, { note: `n${index}` }, position));

/** Number of deadlocks. The server counts one up to ten seconds later. */
const deadlocks = async ({ sql }: Database): Promise<number> => {
  const [found] = await sql("SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()");
  return Number(found?.n);
};

describeWithPostgres("a batch in two halves", (engine) => {
  describe.each(guards)("with guard %s", (guard) => {
    test("is sent from `splitFrom` rows on, and on two connections at once", async () => {
      let running = 0;
      let most = 0;
      let wanted = 1;
      // A half waits for the other one, whose connection may take long to open on a busy machine.
      const before = async (): Promise<void> => {
        running += 1;
        most = Math.max(most, running);
        for (let turn = 0; turn < 1_000 && most < wanted; turn += 1)
          await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
      };
      const { database, sink, writes } = await open(engine, guard, { before, sink: { splitFrom: 10 } });
      await sink.write(notes(9), invocation());
      expect([writes().length, most]).toEqual([1, 1]);
      const batch = notes(10, 3);
      wanted = 2;
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(batch.map(() => "delivered"));
      expect([writes().length, most]).toEqual([3, 2]);
      expect(await read(database, "note")).toHaveLength(10);
      await database.close();
    });

    test("is not sent over a pool with one connection, one that is busy, or one that does not say", async () => {
      const { database, sink, writes } = await open(engine, guard, { max: 1 });
      const batch = notes(4);
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(batch.map(() => "delivered"));
      expect(writes()).toHaveLength(1);
      await database.close();

      const busy = await open(engine, guard, { max: 2 });
      const client = await busy.database.pool.connect();
      await busy.sink.write(batch, invocation());
      expect(busy.writes()).toHaveLength(1);
      client.release();
      await busy.database.close();

      const silent = await open(engine, guard);
      const plain = watch(silent.database.pool);
      const sinkOfPlain = postgresSink({ pool: plain, table: "items", guard, splitFrom: 2 });
      for (const at of [5, 6]) {
        const known = plain.queries.length;
        await sinkOfPlain.write([row("a", { note: "x" }, at), row("b", { note: "y" }, at)], invocation());
        if (at === 6) expect(plain.queries.length - known).toBe(1);
      }
      await silent.database.close();
      expect(freeConnections({} as pg.Pool)).toBe(1);
    });

    test("keeps the sink's own pool within `max`, also when many batches are written at once", async () => {
      const database = await newDatabase(engine);
      await database.sql(`CREATE TABLE ${relations[guard]} (id text PRIMARY KEY, note text)`);
      await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
      const connection = { connectionString: database.url, max: 2 };
      const sink = postgresSink({ connection, table: "items", guard, splitFrom: 2 });
      const batches = Array.from({ length: 12 }, (_, at) => notes(6, 2, `${at}-`));
      for (const some of [batches.slice(0, 1), batches.slice(1)]) {
        const results = await Promise.all(some.map((batch) => sink.write(batch, invocation())));
        expect(results.flat().map(({ outcome }) => outcome)).toEqual(Array(6 * some.length).fill("delivered"));
      }
      const sessions = await database.sql(
        `SELECT count(*)::int AS n FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend'`,
      );
      expect(Number(sessions[0]?.n)).toBeLessThanOrEqual(2 + database.pool.totalCount);
      expect(await read(database, "note")).toHaveLength(72);
      await sink.close();
      await database.close();
    });

    test("a unique value moves from one half to the other, in both directions", async () => {
      const { database, sink } = await open(engine, guard, { columns: "note text UNIQUE" });
      for (const [at, [from, to]] of [["a", "z"] as const, ["z", "a"] as const].entries()) {
        const start = 10 * (at + 1);
        await sink.write([row(from, { note: "v" }, start), row(to, { note: `other${at}` }, start)], invocation());
        const changes = [row(from, { note: `free${at}` }, start + 1), row(to, { note: "v" }, start + 2)];
        const filler = [row("m", { note: `m${at}` }, start), row("n", { note: `n${at}` }, start)];
        const batch = [...changes.slice(at, 1 + at), ...filler, ...changes].filter(
          (one, i, all) => all.indexOf(one) === i,
        );
        expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(batch.map(() => "delivered"));
        await sink.write([row(to, { note: `back${at}` }, start + 3)], invocation());
      }
      await database.close();
    });

    test("rows refer to rows of the other half, and are removed with them", async () => {
      const columns = "note text, parent text";
      const { database, sink } = await open(engine, guard, { columns });
      await database.sql(
        `ALTER TABLE ${relations[guard]} ADD FOREIGN KEY (parent) REFERENCES ${relations[guard]} (id)`,
      );
      const ring = ["a", "b", "c", "d"].map((id, index, all) => row(id, { parent: all[(index + 2) % 4] ?? "" }));
      expect(outcomesOf(ring, await sink.write(ring, invocation()))).toEqual(Array(4).fill("delivered"));
      expect(await read(database, "parent")).toEqual(["a c", "b d", "c a", "d b"]);
      const tree = [row("k1", { parent: "p" }, 3), row("k2", { parent: "p" }, 3), row("q", {}, 3), row("p", {}, 4)];
      expect(outcomesOf(tree, await sink.write(tree, invocation()))).toEqual(Array(4).fill("delivered"));
      const all = [gone("p", 5), gone("q", 5), gone("k1", 5), gone("k2", 5)];
      expect(outcomesOf(all, await sink.write(all, invocation()))).toEqual(Array(4).fill("delivered"));
      expect(await read(database, "parent")).toHaveLength(4);
      await database.close();
    });

    test("halves that wait for each other are both written", async () => {
      const { database, sink } = await open(engine, guard, { columns: "note text UNIQUE" });
      await sink.write([row("a", { note: "1" }), row("x", { note: "2" })], invocation());
      await database.sql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id IN ('b', 'y') THEN PERFORM pg_sleep(1); END IF; RETURN NEW; END $$`);
      await database.sql(
        `CREATE TRIGGER slow BEFORE INSERT ON ${relations[guard]} FOR EACH ROW EXECUTE FUNCTION slow()`,
      );
      expect(await deadlocks(database)).toBe(0);
      // In each half the first row frees a value, and the second row takes the value that the other half frees.
      const batch = [
        row("a", { note: "3" }, 3),
        row("b", { note: "2" }, 4),
        row("x", { note: "4" }, 3),
        row("y", { note: "1" }, 4),
      ];
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(Array(4).fill("delivered"));
      expect(await read(database, "note")).toEqual(["a 3", "b 2", "x 4", "y 1"]);
      while ((await deadlocks(database)) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      await database.close();
    });

    test("only the bad rows are rejected, in either half or in both", async () => {
      const { database, sink } = await open(engine, guard, { columns: "note text CHECK (note <> 'bad')" });
      for (const [round, bad] of [[0], [5], [1, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5]].entries()) {
        const batch = notes(6).map((_, index) =>
          row(`${round}-${index}`, { note: bad.includes(index) ? "bad" : "good" }),
        );
        const expected = batch.map((_, index) => (bad.includes(index) ? "SINK_REJECTED" : "delivered"));
        expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(expected);
      }
      await database.close();
    });

    test("a row that names a missing column is rejected if the other half has a good row", async () => {
      const { database, sink } = await open(engine, guard);
      const batch = [row("a", { note: "x" }), row("b", { note: "x" }), row("c", { nope: 1 }), row("d", { nope: 2 })];
      const results = await sink.write(batch, invocation());
      expect(outcomesOf(batch, results)).toEqual(["delivered", "delivered", "SINK_REJECTED", "SINK_REJECTED"]);
      expect(messagesOf(results).join()).toContain('"nope"');
      await database.close();
    });

    test("a migration between two writes loses nothing", async () => {
      const { database, sink } = await open(engine, guard, { columns: "note text" });
      await sink.write(notes(4), invocation());
      await database.sql(guard === "inline" ? `DROP VIEW items` : "SELECT 1");
      await database.sql(`ALTER TABLE ${relations[guard]} ALTER note TYPE jsonb USING to_jsonb(note)`);
      await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
      const batch = [
        row("r0", { note: "x" }, 3),
        row("r1", { note: { a: 1 } }, 3),
        row("r2", { note: [1] }, 3),
        row("r3", { note: "y" }, 3),
      ];
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(Array(4).fill("delivered"));
      expect(await read(database, "note::text AS note")).toEqual(['r0 "x"', 'r1 {"a": 1}', "r2 [1]", 'r3 "y"']);
      await database.close();
    });

    test("a half whose connection is lost fails alone, and an outage fails the call", async () => {
      let count = 0;
      const before = (): void => {
        count += 1;
        if (count === broken) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      };
      let broken = -1;
      const { database, sink } = await open(engine, guard, { before });
      broken = count + 2;
      const batch = notes(4);
      const outcomes = outcomesOf(batch, await sink.write(batch, invocation()));
      expect(outcomes).toEqual(["delivered", "delivered", "SINK_UNAVAILABLE", "SINK_UNAVAILABLE"]);
      expect(await read(database, "note")).toEqual(["r0 n0", "r1 n1"]);
      await database.sql(`ALTER TABLE ${relations[guard]} RENAME TO elsewhere`);
      await expect(sink.write(notes(4), invocation())).rejects.toMatchObject({ code: "SINK_MISSING" });
      await database.close();
    });

    test("takes no connection after an abort", async () => {
      const { database, sink, writes } = await open(engine, guard);
      const batch = notes(4);
      expect(outcomesOf(batch, await sink.write(batch, invocation(AbortSignal.abort())))).toEqual(
        Array(4).fill("DEADLINE_EXCEEDED"),
      );
      expect(writes()).toEqual([]);
      await database.close();
    });
  });
});
