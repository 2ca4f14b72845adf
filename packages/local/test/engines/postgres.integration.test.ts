import { afterAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { engineOrSkip, startPostgres } from "../../src/index.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () =>
  startPostgres({ settings: { max_connections: "17" } }),
);

const query = async (url: string, sql: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

describeWithPostgres("an embedded Postgres", (postgres) => {
  test("listens on 127.0.0.1 with the given settings", async () => {
    expect(new URL(postgres.url).hostname).toBe("127.0.0.1");
    expect(await query(postgres.url, "SHOW max_connections")).toEqual([{ max_connections: "17" }]);
    expect(await query(postgres.url, "SHOW listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
  });

  test("creates separate databases, under any name", async () => {
    const first = await postgres.createDatabase();
    const second = await postgres.createDatabase('quoted "name"');
    await query(first, "CREATE TABLE only_here (id int)");
    expect(await query(second, "SELECT to_regclass('only_here') AS found")).toEqual([{ found: null }]);
    expect(await query(second, "SELECT current_database() AS name")).toEqual([{ name: 'quoted "name"' }]);
  });

  test("keeps its data and its port when it is restarted", async () => {
    const url = await postgres.createDatabase();
    await query(url, "CREATE TABLE kept AS SELECT 1 AS id");
    await postgres.restart();
    expect(await query(url, "SELECT id FROM kept")).toEqual([{ id: 1 }]);
  });

  test("closes its connections when it is killed, and has its data after a restart", async () => {
    const url = await postgres.createDatabase();
    await query(url, "CREATE TABLE kept AS SELECT 1 AS id");
    const running = expect(query(url, "SELECT pg_sleep(60)")).rejects.toThrow();
    const sleepers = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'";
    while ((await query(postgres.url, sleepers)).length === 0);
    await postgres.kill();
    await running;
    await expect(query(url, "SELECT 1")).rejects.toThrow();
    await postgres.restart();
    expect(await query(url, "SELECT id FROM kept")).toEqual([{ id: 1 }]);
  });
});

describe("an external Postgres", () => {
  test("is used without changes, and cannot be restarted or killed", async () => {
    const engine = await startPostgres({ url: "postgres://user@127.0.0.1:1/external" });
    expect(engine.url).toBe("postgres://user@127.0.0.1:1/external");
    await expect(engine.restart()).rejects.toMatchObject({ code: "ENGINE_FAILED" });
    await expect(engine.kill()).rejects.toMatchObject({ code: "ENGINE_FAILED" });
    await engine.stop();
  });
});

describe("stopping", () => {
  test("ends the server, and may be repeated", async () => {
    const engine = await startPostgres();
    await engine.stop();
    await engine.stop();
    await expect(query(engine.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
