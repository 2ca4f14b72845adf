import { afterAll, describe, expect, test } from "@jest/globals";
import type { UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresGuard, type PostgresRow, type PostgresSink, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  newDatabase,
  openDatabase,
  outcomesOf,
  removalOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";
import { randomOf } from "./support/random.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const columns = { id: "text", state: "text" };
const tableOptions = (guard: PostgresGuard) => ({ table: "items", key: ["id"], guard }) as const;

/** The privileges that a writer needs, as README.md lists them. */
const privileges = {
  "version-table": ["SELECT, INSERT, UPDATE ON items, items_sluice", "DELETE ON items"],
  inline: ["SELECT, INSERT, UPDATE ON items_with_tombstones"],
} as const;

const delivery = (id: string, position: number, state?: string): UpsertDelivery<PostgresRow> => {
  if (state === undefined) return removalOf(changeOf({ id }, position));
  return upsertOf(changeOf({ id }, position, { state }), { state });
};

const states = async ({ sql }: Database): Promise<Record<string, unknown>> =>
  Object.fromEntries((await sql("SELECT id, state FROM items ORDER BY id")).map(({ id, state }) => [id, state]));

/** Writes a batch, and retries failed deliveries like core. */
const writeUntilTaken = async (sink: PostgresSink, batch: readonly UpsertDelivery<PostgresRow>[]): Promise<void> => {
  let left = batch;
  for (let attempts = 0; left.length > 0; attempts++) {
    const results = await sink.write(left, invocation());
    const failures = results.filter((one) => one.outcome === "failed");
    if (attempts > 20)
      throw new Error(`still failing: ${failures.map((one) => one.outcome === "failed" && one.error)}`);
    const again = new Set(failures.map((one) => one.delivery));
    left = left.filter((one) => again.has(one));
  }
};

/** Random upserts and removals of one item, in the order of their positions. */
const randomChangesOf = (
  random: ReturnType<typeof randomOf>,
  id: string,
  length: number,
): UpsertDelivery<PostgresRow>[] =>
  Array.from({ length }, (_, index) => delivery(id, index + 1, random() < 0.45 ? undefined : `${id}-${index + 1}`));

/** Splits deliveries into batches that contain each row at most once. */
const batchesOf = (deliveries: readonly UpsertDelivery<PostgresRow>[]): UpsertDelivery<PostgresRow>[][] => {
  const batches: UpsertDelivery<PostgresRow>[][] = [];
  for (const one of deliveries) {
    const free = batches.find((batch) => batch.every(({ change }) => change.itemKey !== one.change.itemKey));
    if (free === undefined) batches.push([one]);
    else free.push(one);
  }
  return batches;
};

const expectedOf = (lives: readonly UpsertDelivery<PostgresRow>[][]): Record<string, unknown> => {
  const last = lives.map((life) => life.at(-1) as UpsertDelivery<PostgresRow>);
  const live = last.filter(({ message }) => message !== undefined);
  return Object.fromEntries(live.map(({ change, message }) => [change.keys.id, message?.state]));
};

describeWithPostgres("four writers on the same keys, read committed", (engine) => {
  for (const guard of guards) {
    const race = async (
      seed: number,
      order: (life: readonly UpsertDelivery<PostgresRow>[], writer: number) => UpsertDelivery<PostgresRow>[],
    ) => {
      const database = await newDatabase(engine, 8);
      const random = randomOf(seed);
      const sink = postgresSink({ pool: database.pool, ...tableOptions(guard), columns });
      await sink.ensure();
      const writers = Array.from({ length: 4 }, () => postgresSink({ pool: database.pool, ...tableOptions(guard) }));
      expect(await database.sql("SHOW transaction_isolation")).toEqual([{ transaction_isolation: "read committed" }]);
      const expected: Record<string, unknown> = {};
      for (let round = 0; round < 25; round++) {
        const lives = Array.from({ length: 8 }, (_, item) => randomChangesOf(random, `${round}-${item}`, 6));
        await Promise.all(
          writers.map(async (writer, index) => {
            const share = batchesOf(random.shuffle(lives.flatMap((life) => order(life, index))));
            for (const batch of share) await writeUntilTaken(writer, batch);
          }),
        );
        Object.assign(expected, expectedOf(lives));
        expect({ seed, guard, round, states: await states(database) }).toEqual({
          seed,
          guard,
          round,
          states: expected,
        });
      }
      await database.close();
    };

    test(`${guard}: stale upserts and deletes leave the last state of each item, and no removed item`, async () => {
      await race(20_261_123, (life, writer) => life.filter((_, index) => index % 4 === writer || index >= 4));
    });

    test(`${guard}: redrives during live changes leave the last state of each item`, async () => {
      // Writer 0 delivers the live changes in order. Each other writer redrives some of the older changes.
      await race(77, (life, writer) =>
        writer === 0 ? [...life] : life.slice(0, -1).filter((_, index) => index % 3 === writer - 1),
      );
    });
  }
});

describeWithPostgres("the version table", (engine) => {
  /** A sink that runs all statements in one transaction. The transaction commits when the test calls `commit`. */
  const uncommitted = async (database: Database): Promise<{ sink: PostgresSink; commit: () => Promise<void> }> => {
    const client = await database.pool.connect();
    await client.query("BEGIN");
    const pool = {
      connect: async () => ({ query: client.query.bind(client), release: () => undefined }),
      end: async () => undefined,
    } as unknown as typeof database.pool;
    return {
      sink: postgresSink({ pool, ...tableOptions("version-table") }),
      commit: async () => {
        await client.query("COMMIT");
        client.release();
      },
    };
  };

  const waiting = async ({ sql }: Database): Promise<void> => {
    const query =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while ((await sql(query))[0]?.n === 0) await new Promise((resolve) => setImmediate(resolve));
  };

  const prepare = async () => {
    const database = await newDatabase(engine);
    const queries = watch(database.pool);
    const sink = postgresSink({ pool: queries, ...tableOptions("version-table"), columns });
    await sink.ensure();
    return { database, queries, sink, rows: postgresSink({ pool: queries, ...tableOptions("version-table") }) };
  };

  test("a removal that waited for an upsert of a new row deletes that row, which is not in its snapshot", async () => {
    const { database, queries, rows } = await prepare();
    const slow = await uncommitted(database);
    await slow.sink.write([delivery("a", 2, "stale")], invocation());
    await rows.write([delivery("warm", 1, "up")], invocation());
    const before = queries.queries.length;
    const removal = [delivery("a", 3)];
    const removing = rows.write(removal, invocation());
    await waiting(database);
    await slow.commit();
    expect(outcomesOf(removal, await removing)).toEqual(["delivered"]);
    expect(queries.queries.length - before).toBe(2);
    expect(await states(database)).toEqual({ warm: "up" });
    await database.close();
  });

  test("a removal whose first statement deletes its row needs no second statement", async () => {
    const { database, queries, rows } = await prepare();
    await rows.write([delivery("a", 1, "there"), delivery("b", 1, "there")], invocation());
    const before = queries.queries.length;
    await rows.write([delivery("a", 2), delivery("b", 2, "still"), delivery("c", 1, "new")], invocation());
    expect(queries.queries.length - before).toBe(1);
    expect(await states(database)).toEqual({ b: "still", c: "new" });
    await database.close();
  });

  test("a crash between the two statements of a removal is repaired when the removal is redelivered", async () => {
    const { database, rows } = await prepare();
    await rows.write([delivery("warm", 1, "up")], invocation());
    const slow = await uncommitted(database);
    await slow.sink.write([delivery("a", 2, "stale")], invocation());
    const crashing = postgresSink({
      pool: watch(database.pool, ({ text }) => {
        if (text.includes("removed AS")) throw Object.assign(new Error("gone"), { code: "ECONNRESET" });
      }),
      ...tableOptions("version-table"),
    });
    const removal = [delivery("a", 3)];
    const removing = crashing.write(removal, invocation());
    removing.catch(() => undefined);
    await waiting(database);
    await slow.commit();
    await expect(removing).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    expect(await states(database)).toEqual({ a: "stale", warm: "up" });
    expect(outcomesOf(removal, await rows.write(removal, invocation()))).toEqual(["superseded"]);
    expect(await states(database)).toEqual({ warm: "up" });
    await database.close();
  });

  test("the second statement of a removal keeps a row that was upserted between the two statements", async () => {
    const { database } = await prepare();
    const slow = await uncommitted(database);
    const late = await uncommitted(database);
    await slow.sink.write([delivery("a", 2, "stale")], invocation());
    await late.sink.write([delivery("warm", 1, "up")], invocation());
    let overtake = (): void => undefined;
    const overtaking = new Promise<void>((resolve) => {
      overtake = resolve;
    });
    const overtaken = postgresSink({
      pool: watch(database.pool, async ({ text }) => {
        if (!text.includes("removed AS")) return;
        await late.sink.write([delivery("a", 5, "new")], invocation());
        overtake();
      }),
      ...tableOptions("version-table"),
    });
    const removal = [delivery("a", 3)];
    const removing = overtaken.write(removal, invocation());
    await waiting(database);
    await slow.commit();
    await overtaking;
    await waiting(database);
    await late.commit();
    expect(outcomesOf(removal, await removing)).toEqual(["delivered"]);
    expect(await states(database)).toEqual({ a: "new", warm: "up" });
    await database.close();
  });

  test("a late removal never deletes the row of a newer upsert", async () => {
    const { database, rows } = await prepare();
    await rows.write([delivery("a", 5, "new")], invocation());
    const stale = [delivery("a", 3)];
    expect(outcomesOf(stale, await rows.write(stale, invocation()))).toEqual(["superseded"]);
    expect(await states(database)).toEqual({ a: "new" });
    await database.close();
  });
});

describeWithPostgres("each guard", (engine) => {
  for (const guard of guards) {
    test(`${guard}: the old changes of a redelivered batch with one new change are superseded, in any order`, async () => {
      const database = await newDatabase(engine);
      const sink = postgresSink({ pool: database.pool, ...tableOptions(guard), columns: { ...columns } });
      await sink.ensure();
      const rows = postgresSink({ pool: database.pool, ...tableOptions(guard) });
      const first = ["d", "b", "a", "c"].map((id) => delivery(id, 1, `${id}1`));
      await rows.write(first, invocation());
      const again = [...first, delivery("e", 1, "e1")];
      const outcomes = outcomesOf(again, await rows.write(again, invocation()));
      expect(outcomes).toEqual(["superseded", "superseded", "superseded", "superseded", "delivered"]);
      await database.close();
    });

    test(`${guard}: writers with the same rows in different orders do not deadlock`, async () => {
      const database = await newDatabase(engine);
      const random = randomOf(4);
      const sink = postgresSink({ pool: database.pool, ...tableOptions(guard), columns });
      await sink.ensure();
      const rows = postgresSink({ pool: database.pool, ...tableOptions(guard) });
      for (let round = 1; round <= 8; round++) {
        const batch = Array.from({ length: 150 }, (_, index) => delivery(`${index}`, round, `${round}`));
        const written = await Promise.all([1, 2, 3, 4].map(() => rows.write(random.shuffle(batch), invocation())));
        expect(written.flat().filter(({ outcome }) => outcome === "failed")).toEqual([]);
      }
      await database.close();
    });

    test(`${guard}: a table that has only key columns can be written`, async () => {
      const database = await newDatabase(engine);
      const sink = postgresSink({ pool: database.pool, ...tableOptions(guard), columns: { id: "text" } });
      await sink.ensure();
      const rows = postgresSink({ pool: database.pool, ...tableOptions(guard), columns: [] });
      await rows.write(
        [upsertOf(changeOf({ id: "a" }, 1, {}), {}), upsertOf(changeOf({ id: "b" }, 1, {}), {})],
        invocation(),
      );
      await rows.write([upsertOf(changeOf({ id: "a" }, 2, {}), {}), delivery("b", 2)], invocation());
      expect(await database.sql("SELECT * FROM items")).toEqual([{ id: "a" }]);
      await database.close();
    });

    test(`${guard}: a SELECT from the table's name returns only live items`, async () => {
      const database = await newDatabase(engine);
      await postgresSink({ pool: database.pool, ...tableOptions(guard), columns }).ensure();
      const sink = postgresSink({ pool: database.pool, ...tableOptions(guard) });
      await sink.write([delivery("a", 1, "a"), delivery("b", 1, "b")], invocation());
      await sink.write([delivery("a", 2), delivery("never", 1)], invocation());
      expect(await database.sql("SELECT * FROM items")).toEqual([{ id: "b", state: "b" }]);
      await database.close();
    });

    test(`${guard}: the privileges in the README allow writes, and no other statements`, async () => {
      const database = await newDatabase(engine);
      await postgresSink({ pool: database.pool, ...tableOptions(guard), columns }).ensure();
      const role = `writer_${new URL(database.url).pathname.slice(1)}`;
      await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
      for (const grant of privileges[guard]) await database.sql(`GRANT ${grant} TO ${role}`);
      const url = new URL(database.url);
      Object.assign(url, { username: role, password: "x" });
      const own = openDatabase(url.href);
      const sink = postgresSink({ pool: own.pool, ...tableOptions(guard) });
      await sink.write([delivery("a", 1, "a"), delivery("b", 1, "b")], invocation());
      const batch = [delivery("a", 2), delivery("b", 2, "b2"), delivery("never", 1)];
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(batch.map(() => "delivered"));
      expect(await states(database)).toEqual({ b: "b2" });
      await expect(sink.purge()).rejects.toMatchObject({ code: "SINK_DENIED" });
      await own.close();
      await database.close();
    });

    test(`${guard}: sends no named statement, SET, PREPARE, cursor, advisory lock or transaction`, async () => {
      const database = await newDatabase(engine);
      const watched = watch(database.pool);
      await postgresSink({ pool: watched, ...tableOptions(guard), columns }).ensure();
      const sink = postgresSink({ pool: watched, ...tableOptions(guard) });
      await sink.write([delivery("a", 1, "a"), delivery("b", 1, "b")], invocation());
      await sink.write([delivery("a", 2), delivery("never", 1)], invocation());
      await sink.purge();
      expect(watched.queries.length).toBeGreaterThan(5);
      for (const query of watched.queries) {
        expect(Object.keys(query)).not.toContain("name");
        expect(query.text.replaceAll(/UPDATE ("\w+" )?SET/g, "")).not.toMatch(
          /\bSET\b|set_config|PREPARE|DEALLOCATE|DISCARD|DECLARE|LISTEN|advisory|nextval|BEGIN|TEMP/i,
        );
      }
      await database.close();
    });
  }
});
