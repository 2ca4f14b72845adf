// `sluice verify` from DynamoDB Local to Postgres: findings of each class, repairs, mappers that read a clock, wrong arguments.

import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import { collected, type Ended } from "../child-output.ts";
import { root } from "../markdown.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true }),
);

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
const program = join(dirname(require.resolve("@sluice/cli/package.json")), "bin/sluice.js");
const module = fileURLToPath(new URL("orders.ts", import.meta.url));

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const run = (args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<Ended> => {
  const all = { PATH: process.env.PATH, HOME: "/dev/null", ...env };
  return collected(spawn(process.execPath, [program, "verify", ...args], { cwd, env: all })).ended;
};

describeWithEngines("sluice verify", (engines) => {
  execFileSync(process.execPath, [tsc, "-b", join(root, "packages/cli"), join(root, "packages/sink-postgres")]);
  const client = new DynamoDB(engines.dynamodb.clientConfig);
  let tables = 0;

  const put = (TableName: string, id: string, total: number, hidden = false) =>
    client.putItem({ TableName, Item: { id: { S: id }, total: { N: String(total) }, hidden: { BOOL: hidden } } });

  /** A table with ten orders, of which one is hidden, and an empty target. */
  const openShop = async () => {
    tables += 1;
    const table = `verified-${tables}`;
    await client.createTable({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    });
    for (let index = 0; index < 10; index += 1) await put(table, `o-${index}`, index, index === 9);
    const url = await engines.postgres.createDatabase();
    const pool = new pg.Pool({ connectionString: url });
    pool.on("error", () => undefined);
    await pool.query("CREATE TABLE orders (id text PRIMARY KEY, total int, note text)");
    await postgresSink({ pool, table: "orders" }).ensure();
    const folder = await mkdtemp(join(tmpdir(), "sluice-verify-"));
    folders.push(folder);
    const env = {
      DATABASE_URL: url,
      AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local-secret",
      AWS_REGION: "us-east-1",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    return {
      table,
      pool,
      folder,
      verify: (args: readonly string[] = [], pipelineName = "orders") =>
        run([`${module}#${pipelineName}`, "--table", table, "--grace", "1s", ...args], env, folder),
    };
  };

  test("repairs an empty target, and then every class of wrong copy", async () => {
    const { pool, verify, table, folder } = await openShop();
    const first = await verify();
    expect(first.code).toBe(1);
    // On a slow machine, there is a line about the progress.
    expect(first.stderr).not.toContain("sluice:");
    expect(first.stdout).toContain("postgres: 1 equal, 9 missing\n");
    expect(first.stdout).toMatch(/next: npx sluice verify .* --grace 1s --repair\n$/);
    expect(await verify(["--repair"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("postgres: 1 equal, 9 missing; 9 repaired\n"),
    });
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringContaining("postgres: 10 equal\n") });

    await pool.query("DELETE FROM orders WHERE id = 'o-0'");
    await pool.query("DELETE FROM orders_sluice WHERE id = 'o-0'");
    await pool.query("DELETE FROM orders WHERE id = 'o-1'");
    await pool.query("UPDATE orders_sluice SET sluice_removed_at = now() WHERE id = 'o-1'");
    await pool.query("UPDATE orders SET total = 77 WHERE id = 'o-2'");
    await pool.query(
      "UPDATE orders_sluice SET sluice_version = '19990101000000000' || substr(sluice_version, 18) WHERE id = 'o-2'",
    );
    await pool.query("UPDATE orders SET total = 77, note = 'secret' WHERE id = 'o-3'");
    await pool.query("DELETE FROM orders WHERE id = 'o-4'");
    for (const id of ["o-9", "o-ghost"]) {
      await pool.query("INSERT INTO orders (id, total) VALUES ($1, 1)", [id]);
      await pool.query(
        "INSERT INTO orders_sluice (id, sluice_version) SELECT $1, min(sluice_version) FROM orders_sluice",
        [id],
      );
    }
    const classes = [
      'missing {"id":"o-0"}',
      'missing {"id":"o-4"}',
      'wrongly-removed {"id":"o-1"}',
      'stale {"id":"o-2"}: total',
      'different {"id":"o-3"}: note, total',
      'unexpected {"id":"o-9"}',
      'ghost {"id":"o-ghost"}',
    ];
    const found = await verify();
    expect(found).toMatchObject({ code: 1 });
    for (const line of classes) expect(found.stdout).toContain(`    ${line}\n`);
    expect(found.stdout).not.toContain("secret");
    expect(found.stdout).toContain(
      "postgres: 4 equal, 2 missing, 1 wrongly-removed, 1 stale, 1 different, 1 unexpected, 1 ghost\n",
    );
    expect((await verify(["--key", '{"id":"o-3"}', "--show-values"])).stdout).toContain(
      "note: expected fixed; the target holds secret",
    );

    const runs = join(folder, ".sluice/runs");
    const [, second = ""] = (await readdir(runs)).sort();
    expect((await stat(join(runs, second))).mode & 0o777).toBe(0o600);
    for (const name of await readdir(runs)) {
      for (const line of (await readFile(join(runs, name), "utf8")).trim().split("\n")) {
        expect(JSON.parse(line)).toMatchObject({ target: "postgres", keys: { id: { S: expect.any(String) } } });
      }
    }

    const repaired = await verify(["--repair", "--json"]);
    expect(repaired.code).toBe(0);
    const end = JSON.parse(repaired.stdout.trim().split("\n").at(-1) ?? "");
    expect(end).toMatchObject({ event: "end", isEqual: true, tally: { postgres: { repairs: { repaired: 7 } } } });
    expect(await verify()).toMatchObject({ code: 0 });
    const rows = await pool.query("SELECT id, total, note FROM orders ORDER BY id");
    expect(rows.rows).toEqual([...Array(9).keys()].map((total) => ({ id: `o-${total}`, total, note: "fixed" })));

    // An item that changes while its copy waits for the stream is a finding of this command, since no function runs here.
    await put(table, "o-5", 500);
    expect(await verify(["--key", '{"id":"o-5"}'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('different {"id":"o-5"}: total'),
    });
    await pool.end();
  });

  test("names the members that depend on the time, and compares the others", async () => {
    const { pool, verify } = await openShop();
    await verify(["--repair"], "clocked");
    const clocked = await verify([], "clocked");
    expect(clocked).toMatchObject({ code: 0 });
    expect(clocked.stdout).toContain("postgres: 1 equal, 9 unstable\n");
    expect(clocked.stdout).toContain("gives another result at another time, or each time: note;");
    await pool.query("UPDATE orders SET total = 77 WHERE id = 'o-3'");
    const wrong = await verify([], "clocked");
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stdout).toContain('different {"id":"o-3"}: total\n');
    expect(wrong.stdout).toContain("postgres: 1 equal, 1 different, 8 unstable\n");
    await pool.end();
  });

  test("stops when too many copies differ, and names the backfill", async () => {
    const { pool, verify, table } = await openShop();
    const stopped = await verify(["--max-suspects", "3"]);
    expect(stopped).toMatchObject({ code: 1 });
    expect(stopped.stdout).toContain("not done: differs too much");
    expect(stopped.stdout).toContain("nothing is proved\n");
    expect(stopped.stdout).toMatch(new RegExp(`next: npx sluice backfill .* --table ${table}\n$`));
    await pool.end();
  });

  test.each([
    [[], "queued", "nothing to compare: no sink of the routes sqs can read its target"],
    [["--routes", "search"], "orders", "--routes has search; expected some of the pipeline's routes: postgres"],
    [["--key", '{"pk":"a"}'], "orders", "--key has no id; expected all key attributes of the table as JSON"],
    [["--sample", "2"], "orders", '--sample is "2"; expected a number above 0 and up to 1'],
  ])("%j of %s is refused with exit code 2", async (args, name, message) => {
    const { pool, verify } = await openShop();
    const { code, stderr } = await verify(args, name);
    expect(code).toBe(2);
    expect(stderr).toContain(`sluice: ${message}`);
    await pool.end();
  });

  test("a sample without items proves nothing", async () => {
    const { pool, verify } = await openShop();
    expect(await verify(["--sample", "0.0000000001"])).toMatchObject({
      code: 2,
      stdout: expect.stringContaining("nothing was compared: the sample has no item"),
    });
    await pool.end();
  });

  test("a folder in which no findings can be written is refused before anything is repaired", async () => {
    const { pool, verify, folder } = await openShop();
    await writeFile(join(folder, ".sluice"), "");
    const { code, stderr } = await verify(["--repair"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("cannot be written: ENOTDIR") });
    expect((await pool.query("SELECT FROM orders")).rowCount).toBe(0);
    await pool.end();
  });

  test("an unknown table is refused with exit code 2", async () => {
    const { pool, folder } = await openShop();
    const env = { DATABASE_URL: "postgres://127.0.0.1:1/x", AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint };
    const keys = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local-secret", AWS_REGION: "us-east-1" };
    const { code, stderr } = await run([`${module}#orders`, "--table", "no-such-table"], { ...env, ...keys }, folder);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("no-such-table") });
    await pool.end();
  });
});
