// `sluice dev` as a process, with real engines: what it prints, the lines to paste, and that nothing outlives it.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { defaultPort } from "../../src/dev/options.ts";
import { runSluice, type Started, startSluice } from "../support/sluice.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const run = promisify(execFile);

let folder = "";
let started: Started | undefined;

const orders = `
import { type Pipeline, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import { table } from "./table";

interface Order { readonly id: string; readonly total?: number }

const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(\`the environment variable \${name} is not set\`);
  return value;
};

console.log("loaded by", process.pid);

export const orders: Pipeline<Order> = pipeline<Order>("orders", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
}).to(
  postgresSink({
    connection: { connectionString: required("DATABASE_URL") },
    table,
    key: ["id"],
    columns: { id: "text", total: "numeric" },
  }),
);
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-dev-command-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "orders.ts"), orders);
  await writeFile(join(folder, "table.ts"), 'export const table: string = "orders";\n');
  await writeFile(join(folder, "seed.ndjson"), '{"id":"o-1","total":12345678901234567890.5}\n{"id":"o-2"}\n');
});
afterEach(async () => {
  started?.child.kill("SIGKILL");
  await started?.ended;
  started = undefined;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The pids of all processes below a process. */
const descendants = async (pid: number): Promise<number[]> => {
  const { stdout } = await run("ps", ["-eo", "pid=,ppid="]);
  const pairs = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] =>
    pairs.filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A zombie counts as dead. */
const untilDead = async (pids: readonly number[]): Promise<void> => {
  for (let waited = 0; pids.some(isAlive) && waited < 15_000; waited += 50) await sleep(50);
  expect(pids.filter(isAlive)).toEqual([]);
};

const start = async (
  module: string,
  ...args: string[]
): Promise<{ readonly dev: Started; readonly text: () => string }> => {
  const dev = startSluice(["dev", module, ...args], { cwd: folder });
  started = dev;
  let output = "";
  for (const stream of [dev.child.stdout, dev.child.stderr])
    stream.on("data", (part: Buffer) => {
      output += part.toString();
    });
  await Promise.race([dev.said(/Console: |psql|look into \S+ \(target\)\n.+\n/), dev.ended]);
  return { dev, text: () => output };
};

const shell = async (command: string, env: NodeJS.ProcessEnv = {}): Promise<string> =>
  (await run("sh", ["-c", command], { env: { PATH: process.env.PATH, HOME: "/dev/null", ...env } })).stdout;

const lineAfter = (text: string, label: string): string => {
  const lines = text.split("\n");
  return lines[lines.findIndex((line) => line.includes(`# ${label}`)) + 1]?.trim() ?? "";
};

const until = async (isReached: () => Promise<boolean>): Promise<void> => {
  for (let waited = 0; !(await isReached()) && waited < 60_000; waited += 100) await sleep(100);
  expect(await isReached()).toBe(true);
};

describe("sluice dev", () => {
  test("replicates the seed and what the pasted lines write, tells the API, restarts, and ends by Ctrl-C", async () => {
    const { dev, text } = await start("orders.ts", "--seed", "seed.ndjson", "--history", "history.ndjson");
    await dev.said(/Console: /);
    const psql = lineAfter(text(), "open Postgres");
    const select = async (): Promise<string> => shell(`${psql} -Atc 'SELECT id, total FROM orders ORDER BY id'`);
    await until(async () => (await select()) === "o-1|12345678901234567890.5\no-2|\n");
    expect(text().trimEnd().split("\n").at(-1)).toMatch(/^Console: http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32,}$/);
    expect(text()).toMatch(/^orders \| loaded by \d+$/m);
    expect(text()).toMatch(/the key of orders is id \(S\)/);

    await shell(lineAfter(text(), "put an item into orders"));
    await until(async () => (await select()).startsWith("1|\n"));

    const [, origin = "", token = ""] = /Console: (\S+)\/#token=(\S+)/.exec(text()) ?? [];
    const ask = async (path: string) =>
      (await fetch(`${origin}${path}`, { headers: { "x-sluice-token": token } })).json();
    expect(await ask("/api/about")).toMatchObject({
      mode: "dev",
      title: "orders.ts",
      pipelines: [
        {
          name: "orders",
          table: "orders",
          keyNames: ["id"],
          keyTypes: { id: "S" },
          routes: [{ name: "postgres", isReadable: true }],
        },
      ],
      queues: [{ kind: "dead letters" }, { kind: "on-failure destination" }],
      engines: [{ name: "DynamoDB" }, { name: "SQS, SNS and S3" }, { name: "Postgres" }],
    });
    const { engines } = (await ask("/api/about")) as {
      engines: readonly { lines: readonly { label: string; command: string }[] }[];
    };
    const commandOf = (label: string): string =>
      engines.flatMap(({ lines }) => lines).find((line) => line.label.startsWith(label))?.command ?? "";
    expect(await shell(commandOf("list the items of orders"))).toContain('"o-1"');
    expect(await shell(commandOf("look into orders-dead-letters"))).toBe("");
    // The process reports a delivery shortly after it.
    const untilReported = (count: number) =>
      until(async () => ((await ask("/api/changes")) as { rows: readonly unknown[] }).rows.length === count);
    await untilReported(3);
    const { rows } = (await ask("/api/changes")) as { rows: readonly { keys: unknown; outcome: string }[] };
    expect(rows.map(({ outcome }) => outcome)).toEqual(["delivered", "delivered", "delivered"]);
    expect(rows[0]?.keys).toEqual({ id: { S: "1" } });
    expect(await ask("/api/overview")).toMatchObject({
      pipelines: [{ name: "orders", status: "running" }],
      routes: [{ route: "postgres", counts: { delivered: 3 } }],
      queues: [{ visible: 0 }, { visible: 0 }],
    });

    await writeFile(join(folder, "table.ts"), 'export const table: string = "orders_2" + ;\n');
    await dev.said(/broken: table\.ts:1:\d+: Unexpected ";"/);
    await writeFile(join(folder, "table.ts"), 'export const table: string = "orders_2";\n');
    await dev.said(/loaded again after a change/);
    await shell(lineAfter(text(), "put an item into orders").replace('"S":"1"', '"S":"2"'));
    await until(async () => (await shell(`${psql} -Atc 'SELECT id FROM orders_2'`)) === "2\n");
    await untilReported(4);

    const below = await descendants(dev.child.pid as number);
    expect(below.length).toBeGreaterThan(3);
    dev.child.kill("SIGINT");
    expect(await dev.ended).toMatchObject({ code: 0 });
    await untilDead(below);
    const history = (await readFile(join(folder, "history.ndjson"), "utf8")).trim().split("\n");
    expect(history.map((line) => JSON.parse(line).outcome)).toEqual([
      "delivered",
      "delivered",
      "delivered",
      "delivered",
    ]);
    expect(history.join()).not.toContain("12345678901234567890");
    await writeFile(join(folder, "table.ts"), 'export const table: string = "orders";\n');
  });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "leaves no process behind after %s, even if the module never returns",
    async (signal) => {
      await writeFile(join(folder, "busy.ts"), `${orders}\nsetTimeout(() => { for (;;); }, 2_000);\n`);
      const { dev } = await start("busy.ts", "--no-console");
      const below = await descendants(dev.child.pid as number);
      await sleep(2_000);
      dev.child.kill(signal);
      expect((await dev.ended).code).toBe(signal === "SIGTERM" ? 0 : undefined);
      await untilDead(below);
    },
  );

  test("ends at once at the second Ctrl-C, and when it is interrupted while its engines start", async () => {
    const dev = startSluice(["dev", "orders.ts"], { cwd: folder });
    started = dev;
    // The first process is an engine.
    await until(async () => (await descendants(dev.child.pid as number)).length > 0);
    const below = await descendants(dev.child.pid as number);
    dev.child.kill("SIGINT");
    await dev.said(/stopping\. Ctrl-C again ends at once/);
    dev.child.kill("SIGINT");
    expect([0, 130]).toContain((await dev.ended).code);
    await untilDead(below);
  });

  test("takes the next port if its own is taken, and says so if a given one is", async () => {
    const taken = createServer();
    // Another program may have the default port already.
    const taking = new Promise<boolean>((resolve) =>
      taken.once("listening", () => resolve(true)).once("error", () => resolve(false)),
    );
    taken.listen(defaultPort, "127.0.0.1");
    const other = createServer().listen(0, "127.0.0.1");
    const [isTaken] = await Promise.all([taking, once(other, "listening")]);
    const given = String((other.address() as AddressInfo).port);
    try {
      const { dev, text } = await start("orders.ts");
      await dev.said(/Console: /);
      const port = Number(/Console: http:\/\/127\.0\.0\.1:(\d+)\//.exec(text())?.[1]);
      // A program that had the port may have given it back.
      expect(port).toBeGreaterThanOrEqual(isTaken ? defaultPort + 1 : defaultPort);
      expect(port).toBeLessThan(defaultPort + 20);
      const { code, stderr } = await runSluice(["dev", "orders.ts", "--port", given], { cwd: folder });
      expect({ code, stderr: stderr.split("\n").at(-2) }).toEqual({
        code: 2,
        stderr: `sluice: port ${given} is taken by other programs; expected a free one: --port N, or --no-console`,
      });
    } finally {
      taken.close();
      other.close();
    }
  });

  test("publishes to a topic that it creates; its messages can be looked at", async () => {
    const module = join(root, "examples/publish-to-sns/src/orders.ts");
    const { text } = await start(module, "--key", "orderId", "--no-console");
    expect(text()).not.toMatch(/broken/);
    const item = '{"orderId":{"S":"o-1"},"customerId":{"S":"c-1"},"status":{"S":"paid"},"total":{"N":"7"}}';
    await shell(lineAfter(text(), "put an item into orders").replace('{"orderId":{"S":"1"}}', item));
    const receive = lineAfter(text(), "look into order-events-messages");
    await until(async () => (await shell(receive)).includes("OrderPaid"));
  });

  test.each([
    [[], "sluice: the module is missing; expected its path: sluice dev orders.ts"],
    [["none.ts"], "sluice: there is no file none.ts; expected the module that exports the pipeline"],
    [["orders.ts", "--port", "x"], 'sluice: --port is "x"; expected a whole number from 0 to 65535'],
    [["orders.ts", "--env", "X"], "sluice: --env has no name and value; expected NAME=VALUE"],
    [["orders.ts", "--timeout", "0"], 'sluice: --timeout is "0"; expected a whole number of seconds from 1 to 900'],
    [["orders.ts", "--open", "--no-console"], "sluice: --no-console excludes --open; expected one of the two"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr, stdout } = await runSluice(["dev", ...args], { cwd: folder });
    expect({ code, stderr, stdout }).toEqual({ code: 2, stderr: `${message}\n`, stdout: "" });
  });

  test("refuses a malformed seed before an engine starts", async () => {
    await writeFile(join(folder, "bad.ndjson"), '{"id":"o-1"}\n{"id":"secret\n');
    const { code, stderr } = await runSluice(["dev", "orders.ts", "--seed", "bad.ndjson"], { cwd: folder });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^sluice: bad\.ndjson: line 2 is not JSON[^\n]*Nothing was written\n$/),
    });
    expect(stderr).not.toContain("secret");
  });
});
