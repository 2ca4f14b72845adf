// `sluice trace` as a process: its report on a terminal of 80 and 120 columns, its JSON, its exit codes, wrong arguments.

import { execFileSync, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import { collected, type Ended } from "../child-output.ts";
import { root } from "../markdown.ts";
import { openWorld, refusedTotal, type World } from "./world.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true, moto: true }),
);

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
const program = join(dirname(require.resolve("@sluice/cli/package.json")), "bin/sluice.js");
const module = fileURLToPath(new URL("orders.ts", import.meta.url));

const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> =>
  collected(spawn(command, args, { env: { PATH: process.env.PATH, HOME: "/dev/null", ...env } })).ended;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Runs the command in a pseudo-terminal of this width. */
const onTerminal = (columns: number, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> => {
  const words = [process.execPath, program, ...args].map(quoted).join(" ");
  return run("script", ["--quiet", "--return", "--command", `stty cols ${columns}; ${words}`, "/dev/null"], env);
};

describeWithEngines("sluice trace", (engines) => {
  const built = ["cli", "sink-postgres", "sink-dynamodb", "sink-sqs", "testing", "local"];
  execFileSync(process.execPath, [tsc, "-b", ...built.map((name) => join(root, "packages", name))]);
  const worlds: World[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });

  const open = async () => {
    const world = await openWorld(engines);
    worlds.push(world);
    const env = {
      DATABASE_URL: world.databaseUrl,
      REPLICA: world.replica,
      AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB_STREAMS: engines.dynamodb.endpoint,
      AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: engines.moto.endpoint,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local-secret",
      AWS_REGION: "us-east-1",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const queues = ["--retry-queue", world.retryQueue, "--dead-letters", world.deadLetters];
    const argsOf = (id: string, more: readonly string[] = [], name = "orders"): string[] => [
      "trace",
      `${module}#${name}`,
      ...["--table", world.name, "--key", JSON.stringify({ id }), ...more],
    ];
    return {
      world,
      env,
      argsOf,
      trace: (id: string, more: readonly string[] = queues, name?: string) =>
        run(process.execPath, [program, ...argsOf(id, more, name)], env),
      terminal: (columns: number, id: string, more = queues) => onTerminal(columns, argsOf(id, more), env),
    };
  };

  test("tells the story of an item that one route has and the other one rejected, within the terminal's width", async () => {
    const { world, terminal, trace } = await open();
    const client = new CloudWatchLogs(engines.moto.clientConfig);
    const group = { logGroupName: `/aws/lambda/${world.name}` };
    await client.createLogGroup(group);
    await client.createLogStream({ ...group, logStreamName: "s" });
    await world.put({ id: "o-1", total: 1, note: "canary" });
    await world.deliver();
    await world.put({ id: "o-1", total: refusedTotal, note: "canary" });
    await world.deliver();
    const logEvents = world.lines.map((message) => ({ message, timestamp: Date.now() }));
    expect(logEvents).toHaveLength(1);
    await client.putLogEvents({ ...group, logStreamName: "s", logEvents });
    client.destroy();
    const more = ["--retry-queue", world.retryQueue, "--dead-letters", world.deadLetters, "--function", world.name];
    for (const columns of [80, 120]) {
      const { code, stdout } = await terminal(columns, "o-1", more);
      // The progress is on the same terminal, and each step erases the line.
      const lines = stdout.replaceAll("\r", "").replaceAll("\u001b[2K", "\n").split("\n");
      expect(lines.filter((line) => line.length > columns && !/^next: |http|:orders:/.test(line))).toEqual([]);
      expect(code).toBe(1);
      expect(stdout).not.toContain("canary");
    }
    const { stdout, stderr } = await trace("o-1", more);
    // A slow search may write how far it is.
    expect(stderr).not.toContain("sluice:");
    for (const line of [
      new RegExp(`^item {"id":"o-1"} of table ${world.name}, pipeline orders$`, "m"),
      /^ {2}table +has the item$/m,
      /^ {2}stream +2 changes of the item in the last 24 hours; 1 of 1 shard read to the end, 2 records$/m,
      /^ {2}postgres +holds a copy of the insert of 20\S+Z; different: total$/m,
      /^ {2}replica +holds a copy of the modify of 20\S+Z, as it should$/m,
      /^ {2}retry queue +\S+-retry: 0 deliveries of the item$/m,
      /^ {2}dead letters +\S+-dead: 1 delivery of the item$/m,
      /^ {2}log +\/aws\/lambda\/\S+: 1 delivery of the item since 20\S+Z$/m,
      /^ {2}20\S+Z +table: insert$/m,
      /^ {2}20\S+Z +postgres: first failed, now a dead letter, SINK_REJECTED, 1 attempt$/m,
      /^ {2}20\S+Z +postgres: rejected, SINK_REJECTED, 1 attempt \(log\)$/m,
      /^postgres {2}rejected with SINK_REJECTED at /m,
      /^replica {3}up to date: the copy equals the item$/m,
      /^next: npx sluice dead-letters show http\S+-dead \S+:orders:postgres$/m,
    ]) {
      expect(stdout).toMatch(line);
    }
  });

  test("has the exit code 0 if all copies are equal, and writes one JSON object", async () => {
    const { world, trace } = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    expect(await trace("o-1")).toMatchObject({ code: 0, stderr: expect.not.stringContaining("sluice:") });
    const { code, stdout } = await trace("o-1", ["--json", "--no-stream"]);
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      table: world.name,
      keys: { id: { S: "o-1" } },
      item: { value: { exists: true } },
      stream: { unanswered: { reason: "not asked" } },
      queues: [],
      next: [],
      exitCode: 0,
    });
    expect((await trace("never", [])).stdout).toContain("table         does not have the item\n");
  });

  test("names the repair of a copy that differs without a reason", async () => {
    const { world, trace } = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    await world.pool.query("UPDATE orders SET total = 77");
    const { code, stdout } = await trace("o-1");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^postgres +differs without a known reason: the copy differs in total$/m);
    expect(stdout).toMatch(/^next: npx sluice verify \S+ --table \S+ --key '{"id":"o-1"}' --repair$/m);
    // The command reaches the region that the user named.
    expect((await trace("o-1", ["--region", "us-east-1"])).stdout).toMatch(/ --repair --region us-east-1$/m);
  });

  test("has the exit code 2 if a target does not answer, or nothing can be compared", async () => {
    const { world, trace } = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    const append = await trace("o-1", ["--no-stream"], "queued");
    expect(append).toMatchObject({ code: 2 });
    expect(append.stdout).toContain(
      "unknown: the target of an append route cannot be compared; a change may be in a retry queue",
    );
    await world.pool.query("DROP TABLE orders CASCADE");
    const { code, stdout } = await trace("o-1");
    expect(code).toBe(2);
    expect(stdout).toMatch(/^ {2}postgres +unknown: SINK_MISSING \(read access to the target of postgres\)$/m);
  });

  test.each([
    [["--key", '{"pk":"a"}'], '--key has no id; expected all key attributes of the table as JSON: \'{"id":"…"}\''],
    [["--key", '{"id":1}'], "--key has at id a value that is no key of type S"],
    [["--key", '{"id":"a","total":1}'], "--key has total, which is no key attribute"],
    [["--key", "o-1"], "--key is not JSON"],
    [[], "--key is missing; expected all key attributes of one item as JSON"],
    [["--key", '{"id":"a"}', "--retry-queue", "orders"], '"orders" is not the URL of a queue'],
    [["--key", '{"id":"a"}', "--no-stream", "--stream-time", "5s"], "--stream-time limits the read of the stream"],
  ])("%j is refused with exit code 2", async (more, message) => {
    const { world, env } = await open();
    const args = [program, "trace", `${module}#orders`, "--table", world.name, ...more];
    const { code, stderr, stdout } = await run(process.execPath, args, env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${message}`);
  });
});
