// Runs every step of docs/getting-started.md in an empty folder. Installs tarballs, as a user would get them from npm.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb, startOpensearch } from "@sluice/local";
import pg from "pg";
import { type Fence, fencesOf, root } from "./markdown.ts";
import { pack, withTarballs } from "./packed.ts";

const path = "docs/getting-started.md";
const fences = fencesOf({ path, text: readFileSync(join(root, path), "utf8") });

const scratch = mkdtempSync(join(tmpdir(), "sluice-getting-started-"));
// If the test runs as root, the embedded Postgres runs as another user. That user needs access to the binaries in this
// folder.
chmodSync(scratch, 0o755);
const project = join(scratch, "orders");
/** Our packages on which the packages of the page depend: npm finds them only if they are named, too. */
const indirect = ["local", "console", "inspect", "rules", "redrive", "backfill"];
const tarballs = pack(scratch, ["core", "sink-postgres", "sink-opensearch", "cli", "dev", ...indirect]);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * The environment variables of a reader of the page. Variables that npm or Jest has set, and variables that name
 * external engines, are left out.
 */
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(registry|cache)$)/.test(name)),
  ),
  ...{
    NODE_OPTIONS: undefined,
    DATABASE_URL: undefined,
    DYNAMODB_ENDPOINT: undefined,
    AWS_ENDPOINT_URL_SQS: undefined,
    OPENSEARCH_URL: undefined,
  },
  ...{ NODE_NO_WARNINGS: "1", npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" },
};

const run = async (command: string): Promise<string> => {
  const options = { cwd: project, env: environment, timeout: 150_000 };
  return (await promisify(execFile)("sh", ["-e", "-c", command], options)).stdout;
};

const named = (info: RegExp): Fence[] => fences.filter((fence) => info.test(fence.info));

/** Returns a command of the page, and the lines that the page shows for the command. */
const session = (info: RegExp, index = 0): { readonly command: string; readonly lines: readonly string[] } => {
  const { code = "" } = named(info)[index] ?? {};
  const [first = "", ...lines] = code.trimEnd().split("\n");
  return { command: first.replace(/^\$ /, ""), lines };
};

/** Whether a line of the page stands for a printed line: `…` stands for any text. */
const standsFor = (shown: string, printed: string): boolean => {
  const parts = shown.split("…").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(printed);
};

/** A command of the page that runs until Ctrl-C. */
interface Running {
  readonly child: ChildProcess;
  readonly lines: () => readonly string[];
}

const running: Running[] = [];

const isAlive = (group: number): boolean => {
  try {
    return process.kill(-group, 0);
  } catch {
    return false; // no process of the group is left
  }
};

/** Presses Ctrl-C, and waits until the last process of the group has ended: no engine may be left. */
const stop = async ({ child: { pid = 0 } }: Running): Promise<void> => {
  if (isAlive(pid)) process.kill(-pid, "SIGINT");
  while (isAlive(pid)) await sleep(50);
};

afterAll(() => Promise.all(running.map(stop)));

/** Starts a command, in a process group of its own so that it can get Ctrl-C. */
const start = (command: string): Running => {
  const child = spawn("sh", ["-c", command], { cwd: project, env: environment, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part: Buffer) => {
      output += part.toString();
    });
  }
  const started = { child, lines: () => output.split("\n") };
  running.push(started);
  return started;
};

/** Asks until the answer is not undefined. The limit of the test's time ends it. */
const eventually = async <Answer>(
  { child, lines }: Running,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer> => {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (child.exitCode !== null) throw new Error(`the command ended:\n${lines().join("\n")}`);
    await sleep(200);
  }
};

/** Runs a session of the page. Returns when the command has printed all lines that the page shows. */
const runSession = async (index: number): Promise<Running> => {
  const { command, lines } = session(/^console run:/, index);
  expect(lines.length).toBeGreaterThan(3);
  const started = start(command);
  const hasPrinted = (shown: string): boolean => started.lines().some((printed) => standsFor(shown, printed));
  await eventually(started, async () => (hasPrinted(lines.at(-1) ?? "") ? true : undefined));
  // A seed that takes long is announced after the console.
  for (let waited = 0; waited < 30_000 && !lines.every(hasPrinted); waited += 200) await sleep(200);
  expect(lines.filter((shown) => !hasPrinted(shown))).toEqual([]);
  return started;
};

const addressIn = ({ lines }: Running, pattern: RegExp): string => pattern.exec(lines().join("\n"))?.[1] ?? "";

/** Asks Postgres at the printed address, until there are as many rows as expected. */
const rowsOf = async (started: Running, sql: string, count: number): Promise<readonly Record<string, unknown>[]> => {
  const client = new pg.Client(addressIn(started, /psql '([^']+)'/));
  client.on("error", () => undefined); // the server closes the connection when the command ends
  await client.connect();
  try {
    return await eventually(started, async () => {
      const { rows } = await client.query(sql);
      return rows.length >= count ? rows : undefined;
    });
  } finally {
    await client.end();
  }
};

/** The rows of a table that psql prints. */
const cellsIn = (lines: readonly string[]): string[][] =>
  lines.slice(2).map((line) => line.split("|").map((cell) => cell.trim()));

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value).replaceAll(",", ", ");

// The page's code starts engines. The tests are skipped if this machine cannot start DynamoDB Local, which needs Java.
const describeWithJava = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithJava("docs/getting-started.md", () => {
  const [install, , bundle] = named(/^sh run:/);

  test("installs packed packages in an empty folder", async () => {
    mkdirSync(project);
    const files = indirect.map((name) => tarballs.get(`@sluice/${name}`)).join(" ");
    const command = withTarballs(install?.code ?? "", tarballs).replaceAll(/^npm install /gm, `$&${files} `);
    expect(command).not.toContain("@sluice/");
    await run(command);
    const installed = readdirSync(join(project, "node_modules"));
    expect(installed).not.toContain("aws-cdk-lib");
  });

  test("shows files and a command that fill Postgres with the rows that the page shows", async () => {
    for (const { info, code } of named(/ file: /)) {
      writeFileSync(join(project, info.replace(/^.* file: /, "")), code);
    }
    const started = await runSession(0);
    const { command, lines } = session(/^console not run: .* rows$/);
    const [, sql = ""] = /-c '([^']+)'/.exec(command) ?? [];
    const shown = cellsIn(lines);
    expect(shown.length).toBe(2);
    const rows = await rowsOf(started, sql, shown.length);
    expect(rows.map((row) => Object.values(row).map(textOf))).toEqual(shown);

    const [letter] = named(/^text dead letter$/);
    const sqs = new SQS({
      endpoint: addressIn(started, /^SQS.* at (\S+)$/m),
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    const QueueUrl = addressIn(started, /--queue-url (\S+dead-letters)/);
    const body = await eventually(started, async () => {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, VisibilityTimeout: 0 });
      return Messages[0]?.Body;
    });
    sqs.destroy();
    expect(`${JSON.parse(body).message}\n`).toBe(letter?.code);
    const warnings = (): (string | undefined)[] =>
      [
        ...started
          .lines()
          .join("\n")
          .matchAll(/"message":"([^"]+)"/g),
      ].map(([, message]) => message);
    // The function logs a dead letter after the queue has it.
    await eventually(started, async () => (warnings().length > 1 ? true : undefined));
    expect(warnings()).toEqual(["dead letter", "batch finished with failures"]);
    await stop(started);
  });

  test("works for another table after the edits that the page describes", async () => {
    const edit = (name: string, ...edits: [string, string][]): void => {
      const file = join(project, name);
      const text = readFileSync(file, "utf8");
      for (const [from] of edits) expect(text).toContain(from);
      writeFileSync(
        file,
        edits.reduce((all, [from, to]) => all.replace(from, to), text),
      );
    };
    writeFileSync(join(project, "orders.json"), '[{ "sku": "s-1", "price": { "amount": 3 }, "total": 1 }]');
    edit(
      "orders.js",
      ['key: ["id"]', 'key: ["sku"]'],
      ['id: "text"', 'sku: "text"'],
      ["customer.name", "price.amount"],
      ['source: "orders"', 'source: "shop"'],
    );
    const started = start("npx sluice dev orders.js --seed orders.json --key sku");
    await eventually(started, async () => addressIn(started, /(Console: )/) || undefined);
    const rows = await rowsOf(started, "SELECT * FROM orders", 1);
    expect(rows).toEqual([{ sku: "s-1", customer: "3", total: "1", lines: null }]);
    await stop(started);
  });

  test("bundles a function that Lambda can load", async () => {
    await run(bundle?.code ?? "");
    const load = 'const { handler } = require("./dist/index.cjs"); console.log(typeof handler)';
    const variables =
      "DATABASE_URL=postgres://db/orders DEAD_LETTER_QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/1/dead";
    expect(await run(`${variables} node -e '${load}'`)).toBe("function\n");
  });
});

interface Found {
  readonly hits: { readonly hits: readonly { readonly _source: { readonly name: string; readonly tags: unknown } }[] };
}

const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, () => startOpensearch());

describeWithOpensearch("docs/getting-started.md, Postgres and OpenSearch", () => {
  const [, install] = named(/^sh run:/);

  test("shows a pipeline that fills both", async () => {
    await run(withTarballs(install?.code ?? "", tarballs));
    const started = await runSession(1);
    const rows = await rowsOf(started, "SELECT * FROM products ORDER BY sku", 2);
    expect(rows).toEqual([
      { sku: "p-1", name: "Green tea", price: "4.2" },
      { sku: "p-2", name: "Black tea", price: "3" },
    ]);
    const search = addressIn(started, /curl '(\S+_search\S*)'/);
    const found = await eventually(started, async () => {
      const { hits } = (await (await fetch(search)).json()) as Found;
      return hits.hits.length === 2 ? hits.hits : undefined;
    });
    expect(found.map(({ _source: { name, tags } }) => ({ name, tags }))).toEqual(
      expect.arrayContaining([{ name: "Green tea", tags: ["tea", "green"] }]),
    );
    await stop(started);
  });
});
