import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { engineOrSkip, startPostgres, startTcpProxy } from "@sluice/local";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import { type PostgresPool, postgresSink } from "../src/index.ts";
import {
  changeOf,
  type Database,
  invocation,
  newDatabase,
  openDatabase,
  outcomesOf,
  upsertOf,
  watch,
} from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const columns = { id: "text", state: "text" };
const options = { table: "items", key: ["id"] } as const;

const delivery = (id: string, position: number, state: string) =>
  upsertOf(changeOf({ id }, position, { state }), { state });

const withTable = async (database: Database): Promise<Database> => {
  await postgresSink({ pool: database.pool, ...options, columns }).ensure();
  return database;
};

/** Locks the item's row in the version table until the test calls `release`, like a slow writer. */
const hold = async (database: Database, id: string): Promise<{ readonly release: () => Promise<void> }> => {
  const client = await database.pool.connect();
  await client.query("BEGIN");
  await client.query("INSERT INTO items_sluice (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id", [id]);
  return {
    release: async () => {
      await client.query("ROLLBACK");
      client.release();
    },
  };
};

const untilLocked = async ({ sql }: Database, sessions = 1): Promise<void> => {
  const query =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  while (Number((await sql(query))[0]?.n) < sessions) await new Promise((resolve) => setImmediate(resolve));
};

describeWithPostgres("a lost connection", (engine) => {
  const open = async () => {
    const database = await withTable(await newDatabase(engine));
    const proxy = await startTcpProxy(database.url);
    const through = openDatabase(proxy.url);
    const sink = postgresSink({ pool: through.pool, ...options });
    await sink.write([delivery("warm", 1, "up")], invocation());
    const close = async (): Promise<void> => {
      await through.close();
      await proxy.stop();
      await database.close();
    };
    return { database, proxy, sink, close };
  };

  test("before the statement arrives causes SINK_UNAVAILABLE without a write, and a retry delivers", async () => {
    const { database, proxy, sink, close } = await open();
    const batch = [delivery("a", 1, "a")];
    proxy.setMode("drop-request");
    await expect(sink.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    expect(await database.sql("SELECT id FROM items WHERE id = 'a'")).toEqual([]);
    proxy.setMode("pass");
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await close();
  });

  test("while the statement runs causes SINK_UNAVAILABLE, and retries converge", async () => {
    const { database, proxy, sink, close } = await open();
    const held = await hold(database, "a");
    const batch = [delivery("a", 1, "a"), delivery("b", 1, "b")];
    const writing = sink.write(batch, invocation());
    writing.catch(() => undefined);
    await untilLocked(database);
    proxy.cut();
    await expect(writing).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    await held.release();
    await sink.write(batch, invocation());
    expect(await database.sql("SELECT id, state FROM items ORDER BY id")).toEqual([
      { id: "a", state: "a" },
      { id: "b", state: "b" },
      { id: "warm", state: "up" },
    ]);
    await close();
  });

  test("between the commit and the answer causes SINK_UNAVAILABLE, and the retry is superseded", async () => {
    const { database, proxy, sink, close } = await open();
    const batch = [delivery("a", 1, "a")];
    proxy.setMode("drop-answer");
    await expect(sink.write(batch, invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    proxy.setMode("pass");
    while ((await database.sql("SELECT id FROM items WHERE id = 'a'")).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["superseded"]);
    await close();
  });

  // The next test stops the server. DATABASE_URL names a server of the user, which no test may stop.
  const testWithOwnServer = process.env.DATABASE_URL === undefined ? test : test.skip;
  testWithOwnServer(
    "to a server that restarts or is killed causes SINK_UNAVAILABLE until the server is back",
    async () => {
      const { sink, close } = await open();
      for (const [round, stop] of [engine.restart, () => engine.kill().then(engine.restart)].entries()) {
        await stop();
        const batch = [delivery("a", round + 1, `after ${round}`)];
        const first = await sink.write(batch, invocation()).catch((error: { code: string }) => error.code);
        if (first !== "SINK_UNAVAILABLE") expect(outcomesOf(batch, first as never)).toEqual(["delivered"]);
        else expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
      }
      await close();
    },
  );
});

describeWithPostgres("time", (engine) => {
  test("a statement that outlasts the invocation fails with SINK_TIMEOUT, and its connection is closed", async () => {
    const database = await withTable(await newDatabase(engine));
    const own = openDatabase(database.url);
    const sink = postgresSink({ pool: own.pool, ...options });
    const held = await hold(database, "a");
    const end = new AbortController();
    const batch = [delivery("a", 1, "a"), delivery("b", 1, "b")];
    const writing = sink.write(batch, invocation(end.signal));
    await untilLocked(database);
    end.abort();
    expect(outcomesOf(batch, await writing)).toEqual(["SINK_TIMEOUT", "SINK_TIMEOUT"]);
    expect(own.pool.totalCount).toBe(0);
    await held.release();
    const again = await sink.write(batch, invocation());
    for (const outcome of outcomesOf(batch, again)) expect(["delivered", "superseded"]).toContain(outcome);
    await own.close();
    await database.close();
  });

  test("the timeout of each query is timeoutMs, or the remaining time if that is less", async () => {
    const database = await withTable(await newDatabase(engine));
    const watched = watch(database.pool);
    const sink = postgresSink({ pool: watched, ...options });
    await sink.write([delivery("warm", 1, "up")], { ...invocation(), remainingMs: () => 2_345.6 });
    await sink.write([delivery("warm", 2, "up")], { ...invocation(), remainingMs: () => 12_345.6 });
    // The first write also reads the catalogue, in two queries.
    expect(watched.queries.map(({ query_timeout }) => query_timeout)).toEqual([2_345, 2_345, 2_345, 10_000]);
    const held = await hold(database, "a");
    const batch = [delivery("a", 1, "a")];
    const results = await sink.write(batch, { ...invocation(), remainingMs: () => 40 });
    expect(outcomesOf(batch, results)).toEqual(["SINK_TIMEOUT"]);
    await held.release();
    await database.close();
  });

  test("the statement_timeout of a role causes SINK_TIMEOUT", async () => {
    const database = await withTable(await newDatabase(engine));
    await database.sql(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET statement_timeout = '60ms'`);
    const limited = openDatabase(database.url);
    const held = await hold(database, "a");
    const batch = [delivery("a", 1, "a")];
    const results = await postgresSink({ pool: limited.pool, ...options }).write(batch, invocation());
    expect(outcomesOf(batch, results)).toEqual(["SINK_TIMEOUT"]);
    await held.release();
    await limited.close();
    await database.close();
  });

  test("a connection that the pool opens too late is returned to the pool", async () => {
    const database = await withTable(await newDatabase(engine, 1));
    const only = await database.pool.connect();
    const end = new AbortController();
    const batch = [delivery("a", 1, "a")];
    const writing = postgresSink({ pool: database.pool, ...options }).write(batch, invocation(end.signal));
    end.abort();
    expect(outcomesOf(batch, await writing)).toEqual(["SINK_TIMEOUT"]);
    only.release();
    expect(await database.sql("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await database.close();
  });
});

describeWithPostgres("conflicts", (engine) => {
  test("a deadlock with another program is SINK_CONFLICT, and a retry delivers", async () => {
    const database = await withTable(await newDatabase(engine));
    await database.sql(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET deadlock_timeout = '20ms'`);
    const own = openDatabase(database.url);
    const sink = postgresSink({ pool: own.pool, ...options });
    await sink.write(
      ["a", "b", "c"].map((id) => delivery(id, 1, id)),
      invocation(),
    );
    // Postgres checks for a deadlock only once, soon after a wait begins. So the sink's wait for c must begin last.
    const between = await hold(database, "b");
    const other = await database.pool.connect();
    await other.query("SET deadlock_timeout = '60s'");
    await other.query("BEGIN");
    await other.query("SELECT 1 FROM items_sluice WHERE id = 'c' FOR UPDATE");
    const batch = ["a", "b", "c"].map((id) => delivery(id, 2, `${id}2`));
    const writing = sink.write(batch, invocation());
    await untilLocked(database);
    const crossing = other.query("SELECT 1 FROM items_sluice WHERE id = 'a' FOR UPDATE");
    await untilLocked(database, 2);
    await between.release();
    expect(outcomesOf(batch, await writing)).toEqual(batch.map(() => "SINK_CONFLICT"));
    await crossing;
    await other.query("COMMIT");
    other.release();
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(batch.map(() => "delivered"));
    await own.close();
    await database.close();
  });

  test("a serialization failure under repeatable read is SINK_CONFLICT, and retries converge", async () => {
    const database = await withTable(await newDatabase(engine));
    const name = new URL(database.url).pathname.slice(1);
    await database.sql(`ALTER DATABASE ${name} SET default_transaction_isolation = 'repeatable read'`);
    const strict = openDatabase(database.url);
    const sink = postgresSink({ pool: strict.pool, ...options });
    await sink.write([delivery("a", 1, "a")], invocation());
    const other = await database.pool.connect();
    await other.query("BEGIN");
    await other.query("UPDATE items_sluice SET sluice_version = sluice_version WHERE id = 'a'");
    const batch = [delivery("a", 2, "a2")];
    const writing = sink.write(batch, invocation());
    await untilLocked(database);
    await other.query("COMMIT");
    other.release();
    expect(outcomesOf(batch, await writing)).toEqual(["SINK_CONFLICT"]);
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await strict.close();
    await database.close();
  });

  test("core retries deadlocks and serialization failures within the invocation", async () => {
    const database = await withTable(await newDatabase(engine));
    const states = ["40P01", "40001"];
    const flaky: PostgresPool = watch(database.pool, ({ text }) => {
      const code = text.startsWith("WITH") ? states.shift() : undefined;
      if (code !== undefined) throw Object.assign(new Error("conflict"), { code, severity: "ERROR" });
    });
    const handler = pipeline("orders", {
      onReject: "block",
      logger: { info: () => undefined, warn: () => undefined },
    })
      .to(postgresSink({ pool: flaky, ...options, columns }))
      .handler();
    const after = { id: "a", state: "there" };
    const response = await handler(streamEvent([streamRecord({ after, keyNames: ["id"] })]) as never, lambdaContext());
    expect(response).toEqual({ batchItemFailures: [] });
    expect(await database.sql("SELECT id, state FROM items")).toEqual([after]);
    await database.close();
  });
});
