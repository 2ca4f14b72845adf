// `sluice backfill` from DynamoDB Local to Postgres: beside a live stream, interrupted, killed and resumed, with failures.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { engineOrSkip, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import pg from "pg";
import { collected } from "./child-output.ts";
import { root } from "./markdown.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true }),
);

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
const program = join(dirname(require.resolve("@sluice/cli/package.json")), "bin/sluice.js");
const module = fileURLToPath(new URL("backfill/orders.ts", import.meta.url));
const silent = { info: () => undefined, warn: () => undefined };

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const itemCount = 1_000;

const started = (args: readonly string[], env: NodeJS.ProcessEnv, cwd: string) => {
  const all = { PATH: process.env.PATH, HOME: "/dev/null", ...env };
  return collected(spawn(process.execPath, [program, ...args], { cwd, env: all }));
};

describeWithEngines("sluice backfill to Postgres", (engines) => {
  execFileSync(process.execPath, [tsc, "-b", join(root, "packages/cli"), join(root, "packages/sink-postgres")]);
  const client = new DynamoDB(engines.dynamodb.clientConfig);

  const createTable = async (name: string, view: "NEW_AND_OLD_IMAGES" | "KEYS_ONLY" | undefined) => {
    const { TableDescription } = await client.createTable({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      ...(view && { StreamSpecification: { StreamEnabled: true, StreamViewType: view } }),
    });
    return TableDescription?.LatestStreamArn ?? "";
  };

  const fill = async (table: string): Promise<void> => {
    for (let start = 0; start < itemCount; start += 25) {
      const puts = Array.from({ length: 25 }, (_, index) => ({
        PutRequest: { Item: { id: { S: `o-${start + index}` }, total: { N: String(start + index) } } },
      }));
      await client.batchWriteItem({ RequestItems: { [table]: puts } });
    }
  };

  let tables = 0;

  /** A full table, an empty target, and the command in a folder of its own. */
  const openShop = async () => {
    tables += 1;
    const table = `orders-${tables}`;
    const streamArn = await createTable(table, "NEW_AND_OLD_IMAGES");
    await fill(table);
    const url = await engines.postgres.createDatabase();
    const pool = new pg.Pool({ connectionString: url });
    pool.on("error", () => undefined);
    await pool.query("CREATE TABLE orders (id text PRIMARY KEY, total int NOT NULL)");
    const sink = postgresSink({ pool, table: "orders" });
    await sink.ensure();
    const folder = await mkdtemp(join(tmpdir(), "sluice-backfill-"));
    folders.push(folder);
    const env = {
      DATABASE_URL: url,
      AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local-secret",
      AWS_REGION: "us-east-1",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const start = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
      started(["backfill", module, ...args], { ...env, ...more }, folder);
    const rows = async () =>
      (await pool.query("SELECT count(*)::int AS count, sum(total)::int AS sum FROM orders")).rows[0];
    const filePath = (name: string): string => join(folder, ".sluice/runs", name);
    return {
      ...{ table, streamArn, pool, sink, folder, start, rows, filePath },
      run: (args: readonly string[], more?: NodeJS.ProcessEnv) => start(["--table", table, ...args], more).ended,
      close: () => pool.end(),
    };
  };

  const everything = { count: itemCount, sum: (itemCount * (itemCount - 1)) / 2 };

  test("copies every item; what the live stream wrote is superseded; a later run outranks an earlier one", async () => {
    const shop = await openShop();
    const live = pipeline("orders", { onReject: "block", logger: silent })
      .to(shop.sink, ({ after }) => ({ total: Number((after as { total: unknown }).total) }))
      .handler();
    const change = streamRecord({ keyNames: ["id"], after: { id: "o-7", total: 7_000 } });
    await live(streamEvent([{ ...change, eventSourceARN: shop.streamArn }]), lambdaContext());

    const first = await shop.run(["--run", "first"]);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout.split("\n")).toEqual([
      expect.stringMatching(/^run first of table orders-\d+: done in \d+/),
      "1,000 items = 999 delivered + 1 superseded",
      `next: npx sluice verify ${module} --table ${shop.table}`,
      "",
    ]);
    expect(first.stderr).toContain("not checked: whether a function reads the stream");
    expect(first.stderr).toContain("a line of the mapper");
    expect(await shop.rows()).toEqual({ count: itemCount, sum: everything.sum - 7 + 7_000 });

    await client.updateItem({
      TableName: shop.table,
      Key: { id: { S: "o-1" } },
      UpdateExpression: "SET #total = :total",
      ExpressionAttributeNames: { "#total": "total" },
      ExpressionAttributeValues: { ":total": { N: "1000001" } },
    });
    const second = await shop.run(["--json"]);
    expect(second.code).toBe(0);
    const events = second.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({
      event: "start",
      source: `table ${shop.table}`,
      items: itemCount,
      isResumed: false,
    });
    expect(events.at(-1)).toMatchObject({
      event: "end",
      isDone: true,
      counts: { records: 1_000, delivered: 999, superseded: 1 },
    });
    expect(await shop.rows()).toEqual({ count: itemCount, sum: everything.sum - 8 + 7_000 + 1_000_001 });

    const again = await shop.run(["--run", "first"]);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain("was done before; a new run needs another --run");
    await shop.close();
  });

  test("Ctrl-C finishes the pages in flight; the command that is named resumes the run", async () => {
    const shop = await openShop();
    const { child, ended, output } = shop.start([
      "--table",
      shop.table,
      "--items-per-second",
      "50",
      "--segments",
      "20",
      "--concurrency",
      "2",
    ]);
    while (!/copying \d/.test(output()) && child.exitCode === null)
      await Promise.race([once(child.stderr, "data"), ended]);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("stopping: the pages in flight are finished"),
    });
    const [, sum = ""] = /^([\d,]+) items = \1 delivered$/m.exec(stdout) ?? [];
    const copied = Number(sum.replace(",", ""));
    expect(copied).toBeGreaterThan(0);
    expect(copied).toBeLessThan(itemCount);
    expect((await shop.rows()).count).toBe(copied);

    const [, resume = ""] = /^resume: npx sluice backfill \S+ (.*)$/m.exec(stdout) ?? [];
    expect(resume).toMatch(/--run \d{8}-\d{6}-[0-9a-f]{4}$/);
    const rest = await shop.start(resume.replace("--items-per-second 50 ", "").split(" ")).ended;
    expect(rest).toMatchObject({ code: 0, stdout: expect.stringContaining("1,000 items = 1,000 delivered") });
    expect(rest.stderr).toContain(" resumed: ");
    expect(await shop.rows()).toEqual(everything);
    await shop.close();
  });

  test("a run that was killed is resumed; a second process beside it is refused", async () => {
    const shop = await openShop();
    // At this rate the run takes 50 seconds: it still works when the second process has started on a busy machine.
    const args = ["--table", shop.table, "--items-per-second", "20", "--segments", "20", "--run", "killed"];
    const { child, ended, output } = shop.start(args);
    while (!/copying \d/.test(output()) && child.exitCode === null)
      await Promise.race([once(child.stderr, "data"), ended]);
    const beside = await shop.run(["--run", "killed"]);
    expect(beside).toMatchObject({ code: 2, stdout: "" });
    expect(beside.stderr).toMatch(
      new RegExp(`sluice: process ${child.pid} on \\S+ works on this run; wait for its end`),
    );
    child.kill("SIGKILL");
    await ended;
    expect(JSON.parse(await readFile(shop.filePath("killed.json"), "utf8"))).toMatchObject({
      run: "killed",
      pipeline: "orders",
    });
    const rest = await shop.run(["--run", "killed"]);
    expect(rest).toMatchObject({ code: 0, stdout: expect.stringContaining("1,000 items = ") });
    expect(await shop.rows()).toEqual(everything);
    expect(await readdir(shop.filePath("."))).toEqual(["killed.json"]);
    await shop.close();
  });

  test("items that fail are listed by their keys, without values; the others are copied", async () => {
    const shop = await openShop();
    const { code, stdout } = await shop.run(["--run", "bad"], { BAD: "99" });
    expect(code).toBe(1);
    expect(stdout).toContain("1,000 items = 990 delivered + 10 rejected");
    expect(stdout).toContain("  10 rejected, MAPPING_FAILED at route postgres: such as [postgres] the mapper");
    const lines = (await readFile(shop.filePath("bad.failures.ndjson"), "utf8")).trimEnd().split("\n");
    const failures = lines.map((line) => JSON.parse(line));
    expect(failures.map(({ keys }) => keys.id.S).sort()).toEqual(
      Array.from({ length: 10 }, (_, at) => `o-${at || ""}99`).sort(),
    );
    expect(failures[0]).toMatchObject({ kind: "rejected", route: "postgres", code: "MAPPING_FAILED" });
    expect(stdout + lines.join("")).not.toContain("secret");
    expect((await shop.rows()).count).toBe(990);

    const limited = await shop.run(["--run", "limited", "--max-failures", "0"], { BAD: "9" });
    expect(limited.code).toBe(1);
    expect(limited.stdout).toMatch(/run limited .*: not done: \d+ records failed; expected at most 0: mend the cause/);
    expect(limited.stdout).toContain(`resume: npx sluice backfill ${module}`);
    const mended = await shop.run(["--run", "limited", "--max-failures", "0"]);
    expect(mended).toMatchObject({ code: 0 });
    expect(await shop.rows()).toEqual(everything);
    await shop.close();
  });

  test("a dry run writes nothing, and keeps no state", async () => {
    const shop = await openShop();
    const { code, stdout } = await shop.run(["--dry-run"], { BAD: "99" });
    expect(code).toBe(1);
    expect(stdout).toContain("1,000 items = 990 would be delivered + 10 would be rejected");
    expect((await shop.rows()).count).toBe(0);
    expect(await readdir(shop.folder)).toEqual([]);
    await shop.close();
  });

  test("asks before it starts; without a terminal --yes answers", async () => {
    const shop = await openShop();
    const asked = await shop.run(["--estimate"]);
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toContain("about 1,000 items, ");
    expect(asked.stderr).toContain("sluice: the run is to be confirmed, and there is no terminal; expected --yes");
    expect((await shop.rows()).count).toBe(0);
    expect(await shop.run(["--estimate", "--yes"])).toMatchObject({ code: 0 });
    await shop.close();
  });

  test("what cannot start ends with exit code 2, and one line that says what to do", async () => {
    const shop = await openShop();
    await createTable("no-stream", undefined);
    await createTable("keys-only", "KEYS_ONLY");
    const refused = async (args: readonly string[], message: RegExp, env: NodeJS.ProcessEnv = {}) => {
      const { code, stdout, stderr } = await shop.start(args, env).ended;
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
      expect(stderr.split("\n").filter((line) => line.startsWith("sluice: "))).toHaveLength(1);
    };
    await refused(["--table", "no-stream"], /sluice: the table no-stream has no stream, .*aws dynamodb update-table/);
    await refused(["--table", "keys-only"], /has KEYS_ONLY; expected NEW_IMAGE or NEW_AND_OLD_IMAGES/);
    await refused(["--table", "absent"], /sluice: the table absent: ResourceNotFoundException/);
    await refused(["--table", shop.table, "--routes", "nope"], /--routes has nope; expected .*: postgres/);
    await refused(
      ["--table", shop.table],
      /each of the first \d+ items that a route takes would fail at route postgres, with MAPPING_FAILED/,
      { BAD: "" },
    );
    await refused(["--table", shop.table], /each of the first \d+ items that a route takes would fail .* with SINK_/, {
      DATABASE_URL: "postgres://postgres:x@127.0.0.1:1/none",
    });

    expect((await shop.run(["--run", "taken"])).code).toBe(0);
    await refused(
      ["--table", shop.table, "--run", "taken", "--routes", "postgres"],
      /belongs to other work: the routes was all routes, and is now postgres/,
    );
    await refused(
      ["--table", shop.table, "--state", shop.filePath("taken.json")],
      /sluice: the run's state, \S+\/taken\.json\/\S+: (EEXIST|ENOTDIR).*(?<!--verbose shows where\))$/m,
    );
    await writeFile(shop.filePath("broken.json"), '{"format":1');
    await refused(
      ["--table", shop.table, "--run", "broken"],
      /broken\.json is no JSON object; expected the state of a run/,
    );
    expect(await shop.rows()).toEqual(everything);
    await shop.close();
  });
});
