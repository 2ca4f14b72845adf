// Pipelines that run on this machine, with their engines: variables, queues, errors, calls, timeouts and two modules.

import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startPostgres } from "@sluice/local";
import pg from "pg";
import { type DevOptions, type DevReports, type DevRun, startDev } from "../src/index.ts";
import { createWorkspace, type Workspace } from "./support/workspace.ts";

let workspace: Workspace;
let run: DevRun | undefined;
let lines: string[] = [];

beforeEach(async () => {
  workspace = await createWorkspace();
  lines = [];
});
afterEach(async () => {
  if (process.env.DEBUG) process.stdout.write(`${lines.join("\n")}\n`);
  await run?.stop();
  run = undefined;
  await workspace.remove();
});

const start = async (modules: readonly string[], options: Partial<DevOptions> = {}): Promise<DevRun> => {
  run = await startDev({
    modules: modules.map((name) => workspace.path(name)),
    worker: workspace.worker,
    onLine: (line) => lines.push(line),
    directory: workspace.path("state"),
    ...options,
  });
  return run;
};

const clientOf = (started: DevRun): DynamoDB => {
  const endpoint = started.engines().find(({ name }) => name === "DynamoDB")?.address ?? "";
  return new DynamoDB({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
};

const until = async (isReached: () => boolean | Promise<boolean>): Promise<void> => {
  for (let waited = 0; !(await isReached()) && waited < 30_000; waited += 50) await sleep(50);
  expect(await isReached()).toBe(true);
};

const never = (): AbortSignal => new AbortController().signal;

const statusOf = (started: DevRun): string | undefined => started.pipelines()[0]?.status;

/** A module whose only route runs `body` for each change. */
const source = (body: string, options = ""): string => `
import { pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
const required = (name) => process.env[name] ?? (() => { throw new Error("the environment variable " + name + " is not set"); })();
export const orders = pipeline("orders", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  ${options}
}).to(
  {
    name: "log",
    supports: { writes: "append" },
    write: async (batch, context) => { ${body} return batch.map((delivery) => ({ delivery, outcome: "delivered" })); },
  },
  (change) => ({ id: change.keys.id }),
  { dedupe: "none" },
);
`;

/** The same with a retry queue. A route that appends would also need a store for its pending items. */
const retrying = (body: string, options = ""): string =>
  source(body, `${options} retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL"), firstDelaySeconds: 1 }),`)
    .replace('writes: "append"', 'writes: "upsert"')
    .replace(/\{ dedupe: "none" \},\n/, "");

const put = async (started: DevRun, table: string, id: string): Promise<void> => {
  const client = clientOf(started);
  await client.putItem({ TableName: table, Item: { id: { S: id } } });
  client.destroy();
};

describe("a module", () => {
  test("gets queues, a table by its own name, engines' addresses, and no real credentials", async () => {
    await workspace.write("orders.mjs", retrying('console.log("got", batch.length);'));
    const before = { AWS_PROFILE: process.env.AWS_PROFILE, AWS_SESSION_TOKEN: process.env.AWS_SESSION_TOKEN };
    Object.assign(process.env, { AWS_PROFILE: "production", AWS_SESSION_TOKEN: "real" });
    let started: DevRun;
    try {
      started = await start(["orders.mjs"], { env: { MY_TABLE: "x-$SOURCE_TABLE-$NOT_THERE" } });
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    const names = [
      "SOURCE_TABLE",
      "MY_TABLE",
      "AWS_PROFILE",
      "AWS_SESSION_TOKEN",
      "AWS_ACCESS_KEY_ID",
      "AWS_ENDPOINT_URL",
      "AWS_EC2_METADATA_DISABLED",
    ];
    expect(await started.call("orders", "environment", names, { signal: never() })).toEqual({
      SOURCE_TABLE: "orders",
      MY_TABLE: "x-orders-$NOT_THERE",
      AWS_PROFILE: null,
      AWS_SESSION_TOKEN: null,
      AWS_ACCESS_KEY_ID: "local",
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      AWS_EC2_METADATA_DISABLED: "true",
    });
    expect(started.queues().map(({ kind, name, pipeline }) => [pipeline, kind, name])).toEqual([
      ["orders", "dead letters", "orders-dead-letters"],
      ["orders", "retry queue", "orders-retries.fifo"],
      ["orders", "on-failure destination", "orders-failed-batches"],
    ]);
    await put(started, "orders", "o-1");
    await until(() => lines.some((line) => line === "orders | got 1"));
  });

  test("reports deliveries with the item's key, also those from the retry queue", async () => {
    await workspace.write(
      "orders.mjs",
      `import { SinkError } from "@sluice/core/sink-kit";
      let failures = 1;
      ${retrying('if (failures-- > 0) return batch.map((delivery) => ({ delivery, outcome: "failed", error: new SinkError("SINK_UNAVAILABLE", "away") }));', "retry: { maxAttempts: 1 },")}`,
    );
    const started = await start(["orders.mjs"]);
    const reports: DevReports[] = [];
    started.onReports((report) => reports.push(report));
    await put(started, "orders", "o-1");
    await until(() => reports.flatMap(({ deliveries }) => deliveries).length >= 2);
    expect(
      reports.flatMap(({ deliveries }) => deliveries.map(({ origin, outcome, keys }) => [origin, outcome, keys])),
    ).toEqual([
      ["stream", "retried", { id: { S: "o-1" } }],
      ["retry", "delivered", { id: { S: "o-1" } }],
    ]);
    expect(reports.every(({ pipeline }) => pipeline === "orders")).toBe(true);
  });

  test("answers calls, with progress, errors with their codes, and an end by a signal", async () => {
    await workspace.write("orders.mjs", source(""));
    const started = await start(["orders.mjs"]);
    const progress: unknown[] = [];
    const call = { signal: never(), onProgress: (one: unknown) => progress.push(one) };
    expect(await started.call("orders", "count", 3, call)).toBe("done");
    expect(progress).toEqual([0, 1, 2]);
    await expect(started.call("orders", "fail", null, call)).rejects.toMatchObject({
      name: "TypeError",
      message: "refused",
      code: "NO",
    });
    await expect(started.call("orders", "none", null, call)).rejects.toThrow("there is no method none");
    await expect(started.call("nothing", "count", 3, call)).rejects.toThrow("there is no pipeline nothing");
    const controller = new AbortController();
    const counting = started.call("orders", "count", 10_000, { signal: controller.signal });
    controller.abort();
    expect(await counting).toBe("aborted");
    expect(await started.call("orders", "place", null, call)).toMatchObject({
      table: "orders",
      pipeline: "orders",
      key: [{ name: "id", type: "S" }],
    });
    // A signal may live longer than a call, as that of a server does.
    await until(() => getEventListeners(call.signal, "abort").length === 0);
  });

  test("finishes a call in the process that began it, when the module changes meanwhile", async () => {
    await workspace.write("orders.mjs", source(""));
    const started = await start(["orders.mjs"]);
    const pid = (await started.call("orders", "pid", null, { signal: never() })) as number;
    const counting = started.call("orders", "count", 200, { signal: never() });
    await workspace.write("orders.mjs", `${source("")}// changed`);
    await until(async () => (await started.call("orders", "pid", null, { signal: never() })) !== pid);
    expect(await counting).toBe("done");
    await until(() => !isAlive(pid));
  });

  test("that never returns from a call is ended after the call's abort, also when a new process serves", async () => {
    await workspace.write("orders.mjs", source(""));
    const started = await start(["orders.mjs"], { functionTimeoutMs: 1_000 });
    const stop = new AbortController();
    const call = started.call("orders", "loop", null, { signal: stop.signal });
    const ended = expect(call).rejects.toThrow("its process ended by SIGKILL");
    await workspace.write("orders.mjs", `${source("")}\n// mended`);
    await until(() => lines.some((line) => line.includes("loaded again")));
    stop.abort();
    await ended;
    expect(await started.call("orders", "pid", null, { signal: never() })).toEqual(expect.any(Number));
  });

  test("that is broken says file and line; changes wait until it is mended", async () => {
    await workspace.write("orders.mjs", source("").replace("export const orders", "export const const orders"));
    const started = await start(["orders.mjs"]);
    expect(started.pipelines()).toMatchObject([
      { status: "broken", reason: expect.stringMatching(/orders\.mjs:4:\d+: /) },
    ]);
    await workspace.write("orders.mjs", source('console.log("got", batch.length);'));
    await until(() => statusOf(started) === "running");
    await put(started, "orders", "o-1");
    await until(() => lines.includes("orders | got 1"));
    const pid = await started.call("orders", "pid", null, { signal: never() });

    await workspace.write("orders.mjs", 'import { gone } from "./gone.mjs";\nexport default gone;');
    await until(() => statusOf(started) === "broken");
    expect(started.pipelines()[0]?.reason).toMatch(/orders\.mjs:1:\d+: Could not resolve "\.\/gone\.mjs"/);
    await put(started, "orders", "o-2");
    await sleep(1_000);
    expect(lines.filter((line) => line.endsWith("got 1"))).toHaveLength(1);
    // Calls go on to the process that could be loaded.
    expect(await started.call("orders", "pid", null, { signal: never() })).toBe(pid);
    await workspace.write("gone.mjs", "export const gone = 1;");
    await workspace.write("orders.mjs", source('console.log("got", batch.length);'));
    await until(() => lines.filter((line) => line.endsWith("got 1")).length === 2);
    await until(() => !isAlive(pid as number));
  });

  test("is mended by a file that it lacked", async () => {
    await workspace.write("orders.mjs", `import "./late.mjs";\n${source("")}`);
    const started = await start(["orders.mjs"]);
    expect(statusOf(started)).toBe("broken");
    await workspace.write("late.mjs", "");
    await until(() => statusOf(started) === "running");
  });

  test("that hangs times out; its process is ended, and the changes are delivered by another one", async () => {
    await workspace.write(
      "orders.mjs",
      source(
        'const { existsSync, writeFileSync } = await import("node:fs"); if (!existsSync(process.env.MARK)) { writeFileSync(process.env.MARK, ""); for (;;); } console.log("got", batch.length);',
      ),
    );
    const started = await start(["orders.mjs"], { functionTimeoutMs: 1_500, env: { MARK: workspace.path("mark") } });
    const pid = (await started.call("orders", "pid", null, { signal: never() })) as number;
    await put(started, "orders", "o-1");
    await until(() => lines.includes("orders | got 1"));
    expect(isAlive(pid)).toBe(false);
    expect(lines.join("\n")).toMatch(/an invocation failed: Task timed out after 1\.5 seconds/);
  });

  test("names variables that are not set", async () => {
    await workspace.write("orders.mjs", `process.env.CRM_TOKEN; process.env.WITH ?? "default";${source("")}`);
    await start(["orders.mjs"]);
    expect(lines.join("\n")).toMatch(/orders\.mjs: reads CRM_TOKEN, which is not set: --env CRM_TOKEN=…/);
    expect(lines.join("\n")).not.toMatch(/WITH/);
  });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("a run", () => {
  test("uses a given Postgres, and neither stops nor empties it", async () => {
    const postgres = await startPostgres();
    try {
      const url = await postgres.createDatabase("mine");
      await workspace.write(
        "orders.mjs",
        `import { pipeline } from "@sluice/core"; import { postgresSink } from "@sluice/sink-postgres";
        export const orders = pipeline("orders", { onReject: "block" }).to(postgresSink({ connection: { connectionString: process.env.DATABASE_URL }, table: "orders", key: ["id"], columns: { id: "text" } }));`,
      );
      const started = await start(["orders.mjs"], { env: { DATABASE_URL: url } });
      expect(started.engines().find(({ name }) => name === "Postgres")?.lines[0]?.command).toContain("/mine");
      await put(started, "orders", "o-1");
      const rows = async (): Promise<number> => {
        const client = new pg.Client(url);
        client.on("error", () => undefined);
        await client.connect();
        const { rowCount } = await client.query("SELECT * FROM orders");
        await client.end();
        return rowCount ?? 0;
      };
      await until(async () => (await rows()) === 1);
      await started.stop();
      run = undefined;
      expect(await rows()).toBe(1);
    } finally {
      await postgres.stop();
    }
  });

  test("of two modules has two processes, tables and sets of queues; a broken one leaves the other alone", async () => {
    await workspace.write("orders.mjs", source('console.log("got", batch.length);'));
    await workspace.write(
      "films.mjs",
      source('console.log("got", batch.length);')
        .replaceAll('"orders"', '"films"')
        .replace("const orders", "const films"),
    );
    const started = await start(["orders.mjs", "films.mjs#films"]);
    expect(started.pipelines().map(({ name, table, status }) => [name, table, status])).toEqual([
      ["orders", "orders", "running"],
      ["films", "films", "running"],
    ]);
    expect(new Set(started.queues().map(({ url }) => url)).size).toBe(4);
    await workspace.write("orders.mjs", "export const = 1");
    await until(() => statusOf(started) === "broken");
    await put(started, "films", "f-1");
    await until(() => lines.includes("films | got 1"));
    await expect(started.seed(() => undefined)).resolves.toBe(0);
  });

  test("without its module, seed or file of variables does not start", async () => {
    await workspace.write("orders.mjs", source(""));
    await expect(start(["none.mjs"])).rejects.toMatchObject({
      code: "DEV_INVALID",
      message: expect.stringMatching(/there is no file .*none\.mjs/),
    });
    await expect(start(["orders.mjs"], { seed: workspace.path("none.json") })).rejects.toThrow(
      /cannot be read: ENOENT/,
    );
    await expect(start(["orders.mjs"], { envFiles: [workspace.path("none.env")] })).rejects.toThrow(
      /cannot be read: ENOENT/,
    );
  });

  test("that is given up while its engines start stops them", async () => {
    await workspace.write("orders.mjs", source(""));
    const controller = new AbortController();
    const starting = start(["orders.mjs"], { signal: controller.signal });
    await sleep(200);
    controller.abort(new Error("given up"));
    await expect(starting).rejects.toThrow("given up");
  });

  test("sends batches whose record is malformed nowhere but to the dead letters", async () => {
    await workspace.write(
      "orders.mjs",
      source("").replace("(change) => ({ id: change.keys.id })", '() => { throw new Error("no mapping"); }'),
    );
    const started = await start(["orders.mjs"]);
    await put(started, "orders", "o-1");
    const [deadLetters] = started.queues();
    await until(async () => (await started.depthOf(deadLetters?.url ?? "")).visible === 1);
    const sqs = new SQS({
      endpoint: started.engines()[1]?.address ?? "",
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: deadLetters?.url });
    expect(JSON.parse(Messages[0]?.Body ?? "{}")).toMatchObject({ pipeline: "orders", code: "MAPPING_FAILED" });
    sqs.destroy();
  });
});
