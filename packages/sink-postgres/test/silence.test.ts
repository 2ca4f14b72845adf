// Tests of a server that accepts connections or statements, and then says nothing. A TCP proxy swallows the traffic.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres, startTcpProxy } from "@sluice/local";
import pg from "pg";
import { type PostgresGuard, postgresSink } from "../src/index.ts";
import { changeOf, invocation, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const guards: readonly PostgresGuard[] = ["version-table", "inline"];
const batchAt = (position: number, id = "a") => [upsertOf(changeOf({ id }, position, {}), { n: position })];
const timeoutMs = 300;

describeWithPostgres("a server that says nothing", (engine) => {
  const open = async (guard: PostgresGuard, options: { readonly timeoutMs?: number; readonly max?: number } = {}) => {
    const database = await newDatabase(engine);
    await database.sql(
      `CREATE TABLE ${guard === "inline" ? "items_with_tombstones" : "items"} (id text PRIMARY KEY, n int)`,
    );
    await postgresSink({ pool: database.pool, table: "items", guard }).ensure();
    const proxy = await startTcpProxy(database.url);
    // A busy machine may take a second for the writes that shall arrive.
    const { max = 2, timeoutMs: ms = 4_000 } = options;
    const connection = { connectionString: proxy.url, max, connectionTimeoutMillis: 60_000 };
    const sink = postgresSink({ connection, table: "items", guard, timeoutMs: ms });
    const close = async (): Promise<void> => {
      await proxy.stop();
      await sink.close();
      await database.close();
    };
    return { database, proxy, sink, close };
  };
  const codeOf = (write: Promise<unknown>): Promise<unknown> =>
    write.then(
      (results) => outcomesOf(batchAt(0), results as never),
      (error: { readonly code: string }) => error.code,
    );

  test.each(guards)(
    "with guard %s to new connections: a write fails after timeoutMs, and does not fill the pool",
    async (guard) => {
      const { proxy, sink, close } = await open(guard);
      proxy.setMode("hang");
      const writes = [1, 2, 3].map((position) => codeOf(sink.write(batchAt(position, `${position}`), invocation())));
      expect(await Promise.all(writes)).toEqual(["SINK_UNAVAILABLE", "SINK_UNAVAILABLE", "SINK_UNAVAILABLE"]);
      // The hanging connections stay open, because the proxy closes nothing. A new connection passes.
      proxy.setMode("pass");
      const batch = batchAt(4);
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
      await close();
    },
  );

  test("to new connections: the end of an invocation abandons them, and the next invocation connects anew", async () => {
    const { proxy, sink, close } = await open("version-table", { timeoutMs: 60_000 });
    proxy.setMode("hang");
    const end = new AbortController();
    const writes = [1, 2].map((position) => {
      const batch = batchAt(position);
      return sink.write(batch, invocation(end.signal)).then((results) => outcomesOf(batch, results));
    });
    setTimeout(() => end.abort(), 100);
    expect(await Promise.all(writes)).toEqual([["SINK_TIMEOUT"], ["SINK_TIMEOUT"]]);
    proxy.setMode("pass");
    const batch = batchAt(4);
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await close();
  });

  test.each(guards)(
    "with guard %s to a statement: the write fails after timeoutMs, and the retry uses a new connection",
    async (guard) => {
      const { database, proxy, sink, close } = await open(guard);
      // Two connections become idle, and both die silently.
      const warm = [batchAt(1, "a"), batchAt(1, "b")];
      await Promise.all(warm.map((batch) => sink.write(batch, invocation())));
      proxy.setMode("hang");
      const batch = batchAt(2, "a");
      expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["SINK_TIMEOUT"]);
      proxy.setMode("pass");
      const [outcome] = outcomesOf(batch, await sink.write(batch, invocation()));
      expect(["delivered", "superseded"]).toContain(outcome);
      expect(await database.sql("SELECT n FROM items WHERE id = 'a'")).toEqual([{ n: 2 }]);
      await close();
    },
  );

  test("to a connection of the user's pool: the write fails after timeoutMs, and the connection leaves the pool", async () => {
    const { database, proxy, close } = await open("version-table");
    const pool = new pg.Pool({ connectionString: proxy.url, max: 1, connectionTimeoutMillis: 500 });
    pool.on("error", () => undefined);
    const sink = postgresSink({ pool, table: "items", timeoutMs });
    // Writes that shall arrive have no short limit.
    const patient = postgresSink({ pool, table: "items", timeoutMs: 60_000 });
    await patient.write(batchAt(1), invocation());
    proxy.setMode("hang");
    const batch = batchAt(2);
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["SINK_TIMEOUT"]);
    expect(pool.totalCount).toBe(0);
    await expect(sink.write(batchAt(2), invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    // The pool gives up the hanging connection after its own timeout.
    while (pool.totalCount > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    proxy.setMode("pass");
    expect(await patient.write(batch, invocation())).toHaveLength(1);
    expect(await database.sql("SELECT n FROM items")).toEqual([{ n: 2 }]);
    await pool.end();
    await close();
  });

  test("does not limit ensure and purge, whose statements may take longer", async () => {
    const { database, proxy, close } = await open("version-table");
    const sink = postgresSink({ pool: database.pool, table: "items", timeoutMs: 50 });
    const client = await database.pool.connect();
    // purge takes this open connection: on a busy machine, a new one may take longer than the limit.
    (await database.pool.connect()).release();
    await client.query("BEGIN");
    await client.query("LOCK TABLE items_sluice IN ACCESS EXCLUSIVE MODE");
    const purging = sink.purge();
    setTimeout(() => client.query("COMMIT").then(() => client.release()), 200);
    expect(await purging).toBe(0);
    expect(proxy.url).not.toBe("");
    await close();
  });
});
