import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { type PostgresEngine, startPostgres } from "../../src/index.ts";
import { runProgram } from "./run-program.ts";

const given = {
  DATABASE_URL: process.env.DATABASE_URL,
  XDG_CACHE_HOME: process.env.XDG_CACHE_HOME,
  TZ: process.env.TZ,
};
const scratch = mkdtempSync(join(tmpdir(), "sluice-postgres-data-test-"));
const cache = join(scratch, "sluice");
const engines: PostgresEngine[] = [];

const restore = (): void => {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
};

beforeEach(() => {
  delete process.env.DATABASE_URL;
  process.env.XDG_CACHE_HOME = scratch;
});

afterEach(async () => {
  restore();
  await Promise.all(engines.splice(0).map((engine) => engine.stop()));
  rmSync(cache, { recursive: true, force: true });
});

afterAll(() => rmSync(scratch, { recursive: true }));

const start = async (): Promise<PostgresEngine> => {
  const engine = await startPostgres();
  engines.push(engine);
  return engine;
};

const show = async ({ url }: PostgresEngine, sql: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
};

const databases = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database";

describe("the data folder of a new server", () => {
  test("is a copy of the prepared folder in the cache", async () => {
    await start();
    const [prepared = ""] = readdirSync(cache);
    appendFileSync(join(cache, prepared, "data", "postgresql.conf"), "work_mem = '77MB'\n");
    expect(await show(await start(), "SHOW work_mem")).toBe("77MB");
  });

  test("is prepared once by servers that start at the same time, and each has its own data", async () => {
    const [one, other] = await Promise.all([start(), start(), start()]);
    expect(readdirSync(cache)).toEqual([expect.stringMatching(/^postgres-18\./)]);
    expect(readdirSync(join(cache, readdirSync(cache)[0] ?? "")).sort()).toEqual(["data", "password"]);
    await one.createDatabase("mine");
    expect(await show(one, databases)).toBe("mine postgres template0 template1");
    expect(await show(other, databases)).toBe("postgres template0 template1");
    expect(await show(await start(), databases)).toBe("postgres template0 template1");
  });

  test("has the time zone of the process", async () => {
    for (const zone of ["Asia/Tokyo", "America/New_York"]) {
      const { child } = await runProgram(["postgres"], { ...(process.env as Record<string, string>), TZ: zone });
      child.kill("SIGKILL");
      const prepared = readdirSync(cache).find((name) => name.endsWith(zone.replace("/", "-"))) ?? "";
      const configuration = readFileSync(join(cache, prepared, "data", "postgresql.conf"), "utf8");
      expect(configuration).toContain(`\ntimezone = '${zone}'`);
    }
  });

  test("is created without the cache if the cache cannot be written", async () => {
    writeFileSync(cache, "a file where the folder should be");
    expect(await show(await start(), databases)).toBe("postgres template0 template1");
  });

  test("is created without the cache if the prepared folder cannot be copied", async () => {
    await start();
    const prepared = join(cache, readdirSync(cache)[0] ?? "");
    rmSync(join(prepared, "password"));
    expect(await show(await start(), databases)).toBe("postgres template0 template1");
  });
});
