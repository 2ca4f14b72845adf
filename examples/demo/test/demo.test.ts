import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import pg from "pg";
import { childrenOf, runDemo, stillRunning } from "./run-demo.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

// The README's commands run the compiled code, so the test compiles the packages first.
execFileSync("npx", ["tsc", "-b", "packages/cli", "examples/demo"], { cwd: root });

const wanted = { postgres: true, dynamodb: true, sqs: true } as const;
// The whole demo takes 5 to 10 seconds on an idle machine.
jest.setTimeout(180_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const environment = {
  ...process.env,
  DATABASE_URL: undefined,
  DYNAMODB_ENDPOINT: undefined,
  AWS_ENDPOINT_URL_SQS: undefined,
};

const pointedAt = ({ postgres, dynamodb, sqs }: Engines<typeof wanted>) => ({
  ...environment,
  DATABASE_URL: postgres.url,
  DYNAMODB_ENDPOINT: dynamodb.endpoint,
  AWS_ENDPOINT_URL_SQS: sqs.endpoint,
});

const inTemplate = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url.replace(/[^/]*$/, "template1") });
  client.on("error", () => undefined);
  await client.connect();
  await client.query(sql);
  await client.end();
};

/** Returns the commands of the first `console` block in the README, each with its output. */
const readmeConsole = (): [command: string, shown: string][] => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, block = ""] = /^```console\n([\s\S]*?)^```$/m.exec(readme) ?? [];
  const steps = block
    .replaceAll(/\\\n\s*/g, "")
    .split(/^\$ /m)
    .slice(1);
  return steps.map((step) => {
    const end = step.indexOf("\n");
    return [step.slice(0, end), withoutRun(step.slice(end + 1))];
  });
};

const withoutRun = (text: string): string => text.replaceAll(/sluice-demo-\d+/g, "sluice-demo");

/** Runs a command in the root folder with the variables that the demo has printed. Returns the command's output. */
const outputOf = async (command: string, demoOutput: string): Promise<string> => {
  const [, variables = ""] = /export (.*)$/m.exec(demoOutput) ?? [];
  const { stdout } = await promisify(execFile)("sh", ["-c", `export ${variables}; { ${command}; } 2>&1`], {
    cwd: root,
  });
  return withoutRun(stdout);
};

/** Checks the output of `--keep`, and the rows in Postgres. */
const checkKept = async (output: string): Promise<void> => {
  const [, url = ""] = /psql (\S+)/.exec(output) ?? [];
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  const { rows } = await client.query("SELECT count(*)::int AS films FROM films WHERE film_id <> 100001");
  const { rows: badFilms } = await client.query("SELECT title FROM films WHERE film_id = 100001");
  await client.end();
  expect(rows[0].films).toBeGreaterThan(3_000);
  // The bad record is missing, because its dead letter is still in the queue.
  expect(badFilms).toEqual([]);
  expect(output).toMatch(/films left in the dead-letter queue: 1/);
  expect(output).toMatch(/npx sluice redrive http:\S+/);
  expect(output).toMatch(/DynamoDB http:\/\/127\.0\.0\.1:\d+ +SQS http:\/\/127\.0\.0\.1:\d+/);
};

describeWithEngines("the demo, on external engines", (engines) => {
  test("ends with equal copies, a redriven bad record, and exit code 0", async () => {
    const demo = runDemo(["--writes", "60"], pointedAt(engines));
    expect([await demo.exitCode, demo.output()]).toEqual([0, expect.anything()]);
    const output = demo.output();
    expect(output).toContain('"code": "SINK_REJECTED"');
    expect(output).toContain('"S": "Logistics"');
    expect(output).toContain("redriven: 1, left in the queue: 0");
    expect(output).toMatch(/changes +3,2\d\d in \d+ invocations/);
    expect(output).toMatch(
      /outcomes .*delivered, .*superseded, 0 filtered, 1 rejected, \d+ retried \(including the redrive\)/,
    );
    expect(output).toMatch(/write to visible +p50 [\d,]+ ms, p99 [\d,]+ ms/);
    expect(output).toMatch(/postgres +3,\d\d\d compared: 0 missing, 0 stale, 0 differing, 0 ghost/);
    expect(output).toContain("--keep");
    expect(output).not.toContain("\u001b");
  });

  test("ends with exit code 1 when a copy is missing and another one differs", async () => {
    await inTemplate(
      engines.postgres.url,
      `CREATE TABLE films (film_id bigint PRIMARY KEY, title text);
       CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.film_id = 7 THEN RETURN NULL; END IF;
         IF NEW.film_id = 8 THEN NEW.title = 'wrong'; END IF;
         RETURN NEW; END $$;
       CREATE TRIGGER forge BEFORE INSERT OR UPDATE ON films FOR EACH ROW EXECUTE FUNCTION forge()`,
    );
    const demo = runDemo(["--writes", "1", "--seed", "1"], pointedAt(engines));
    const exitCode = await demo.exitCode;
    await inTemplate(engines.postgres.url, "DROP TABLE films; DROP FUNCTION forge");
    expect([exitCode, demo.output()]).toEqual([1, expect.stringContaining("1 missing, 0 stale, 1 differing, 0 ghost")]);
  });

  test("with --backfill copies what is older than the stream, and names and heals corrupted copies", async () => {
    const args = ["--backfill", "--sinks", "postgres,dynamodb", "--items", "600", "--writes", "200"];
    const demo = runDemo(args, pointedAt(engines));
    expect([await demo.exitCode, demo.output()]).toEqual([0, expect.anything()]);
    const output = demo.output();
    expect(output).toMatch(/backfill: [\d,]+ items in .*: [\d,]+ delivered, [\d,]+ superseded by the stream/);
    const named = "1 missing, 1 wrongly-removed, 1 stale, 1 different, 1 ghost";
    expect(output).toMatch(new RegExp(`postgres +[\\d,]+ equal, ${named}\n`));
    expect(output).toMatch(new RegExp(`postgres +[\\d,]+ equal, ${named}, 5 repaired\n`));
    for (const name of ["postgres", "dynamodb"])
      expect(output).toMatch(new RegExp(`${name} +\\d+ compared: 0 missing, 0 stale, 0 differing, 0 ghost`));
  });

  test("with --keep does not print the user's own AWS keys", async () => {
    const keys = { AWS_ACCESS_KEY_ID: "AKIA0000", AWS_SECRET_ACCESS_KEY: "hush" };
    const demo = runDemo(["--keep", "--writes", "1"], { ...pointedAt(engines), ...keys });
    await demo.says("Ctrl-C stops the engines");
    demo.child.kill("SIGINT");
    expect([await demo.exitCode, demo.output()]).toEqual([0, expect.stringContaining("npx sluice redrive")]);
    expect(demo.output()).not.toMatch(/AKIA0000|hush/);
  });

  test("names an address that does not answer, and ends with exit code 2", async () => {
    const demo = runDemo([], { ...pointedAt(engines), DYNAMODB_ENDPOINT: "http://127.0.0.1:1" });
    expect(await demo.exitCode).toBe(2);
    expect(demo.output().trim().split("\n").at(-1)).toBe(
      "DYNAMODB_ENDPOINT is set, but no server answers at 127.0.0.1:1: start that engine, or unset the variable.",
    );
  });

  test("says what to install when Java is missing, and ends with exit code 2", async () => {
    const bin = await mkdtemp(join(tmpdir(), "sluice-demo-path-test-"));
    await symlink("/usr/bin/id", join(bin, "id"));
    const demo = runDemo([], { ...pointedAt(engines), DYNAMODB_ENDPOINT: undefined, JAVA_HOME: undefined, PATH: bin });
    expect(await demo.exitCode).toBe(2);
    expect(demo.output().trim().split("\n").at(-1)).toBe(
      "DynamoDB Local needs Java 17 or newer (found: none): install a JDK, start Docker, or set DYNAMODB_ENDPOINT.",
    );
    await rm(bin, { recursive: true });
  });
});

/** Returns the highest lags that the demo has measured, in seconds, by route. */
const highestLagsIn = (output: string): Record<string, number> =>
  Object.fromEntries(
    [...(/^Highest lag: (.*)$/m.exec(output)?.[1] ?? "").matchAll(/([\d.]+) s (\w+)/g)].map(([, lag, route]) => [
      route,
      Number(lag),
    ]),
  );

describeWithEngines("the demo, on embedded engines", () => {
  test("with --outage ends with the lag of each route as a chart, in plain text and as SVG", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-demo-svg-test-"));
    const demo = runDemo(["--outage", "--svg", join(folder, "lag.svg")], { ...environment, LC_ALL: "C" });
    expect([await demo.exitCode, demo.output()]).toEqual([0, expect.anything()]);
    const svg = readFileSync(join(folder, "lag.svg"), "utf8");
    await rm(folder, { recursive: true });
    const [chart = ""] = /^Lag: [\s\S]*/m.exec(demo.output()) ?? [];
    expect(chart).toMatch(/v Postgres is killed[\s\S]*v Postgres runs/);
    expect(chart.match(/^ *[\d.]* [|+] .*p.*$/gm)?.length).toBeGreaterThan(2);
    expect(chart).toMatch(/\+-+\+\n[\s\S]*seconds since the first write\n +p postgres {3}s sqs {3}d dynamodb\n/);
    expect(chart).toMatch(/^[\n\x20-\x7e]*$/);
    for (const label of ["postgres", "sqs", "dynamodb"]) expect(svg).toContain(`>${label}</text>`);
    const { postgres = 0, sqs = 0 } = highestLagsIn(chart);
    expect(sqs).toBeGreaterThan(0);
    expect(postgres).toBeGreaterThan(3);
    // A pause of the machine may delay one of the other routes, too. But none waits for Postgres.
    const [, written = ""] = /^ *written +(.*) \(changes during the outage\)$/m.exec(demo.output()) ?? [];
    for (const route of ["sqs", "dynamodb"]) expect(written).toMatch(new RegExp(`\\b[1-9][\\d,]* ${route}\\b`));
  });

  test("leaves no process behind after Ctrl-C", async () => {
    const demo = runDemo([], environment);
    await demo.says("loaded");
    const children = await childrenOf(demo.child.pid as number);
    expect(children.length).toBeGreaterThanOrEqual(2);
    demo.child.kill("SIGINT");
    expect([await demo.exitCode, demo.output()]).toEqual([130, expect.stringContaining("interrupted")]);
    expect(await stillRunning(children)).toEqual([]);
    expect(demo.output()).not.toMatch(/Error|Warning/);
  });

  test("with --keep prints instructions, and stops its engines after Ctrl-C", async () => {
    const demo = runDemo(["--keep", "--writes", "1"], environment);
    await demo.says("Ctrl-C stops the engines");
    const children = await childrenOf(demo.child.pid as number);
    try {
      await checkKept(demo.output());
      for (const [command, shown] of readmeConsole()) expect(await outputOf(command, demo.output())).toBe(shown);
    } finally {
      demo.child.kill("SIGINT");
    }
    expect(await demo.exitCode).toBe(0);
    expect(await stillRunning(children)).toEqual([]);
  });
});
