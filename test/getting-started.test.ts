// Runs every step of docs/getting-started.md in an empty folder. Installs tarballs, as a user would get them from npm.

import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb, startOpensearch } from "@sluice/local";
import { type Fence, fencesOf, root } from "./markdown.ts";
import { pack, withTarballs } from "./packed.ts";

const path = "docs/getting-started.md";
const fences = fencesOf({ path, text: readFileSync(join(root, path), "utf8") });

const scratch = mkdtempSync(join(tmpdir(), "sluice-getting-started-"));
// If the test runs as root, the embedded Postgres runs as another user. That user needs access to the binaries in this
// folder.
chmodSync(scratch, 0o755);
const project = join(scratch, "orders");
const tarballs = pack(scratch, ["core", "sink-postgres", "sink-opensearch", "local"]);
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

const execute = (command: string): Promise<{ readonly stdout: string; readonly stderr: string }> =>
  promisify(execFile)("sh", ["-e", "-c", command], { cwd: project, env: environment, timeout: 150_000 });

const run = async (command: string): Promise<string> => (await execute(command)).stdout;

const named = (info: RegExp): Fence[] => fences.filter((fence) => info.test(fence.info));

/** Returns a command of the page, and the output that the page shows for the command. */
const session = (index: number): { readonly command: string; readonly output: string } => {
  const { code = "" } = named(/^console run:/)[index] ?? {};
  const [, command = "", output = ""] = /^\$ (.*)\n([\s\S]*)$/.exec(code) ?? [];
  return { command, output };
};

// The page's code starts engines. The tests are skipped if this machine cannot start DynamoDB Local, which needs Java.
const describeWithJava = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithJava("docs/getting-started.md", () => {
  const [install, , bundle] = named(/^sh run:/);

  test("installs packed packages in an empty folder", async () => {
    mkdirSync(project);
    const command = withTarballs(install?.code ?? "", tarballs);
    expect(command).not.toContain("@sluice/");
    await run(command);
    const installed = readdirSync(join(project, "node_modules"));
    expect(installed).not.toContain("aws-cdk-lib");
  });

  test("shows files that print the rows that the page shows", async () => {
    for (const { info, code } of named(/ file: /)) {
      writeFileSync(join(project, info.replace(/^.* file: /, "")), code);
    }
    const { command, output } = session(0);
    expect(output.split("\n").length).toBeGreaterThan(3);
    expect(await run(command)).toBe(output);
  });

  test("shows an item that Postgres refuses, and its dead letter", async () => {
    const [refused] = named(/^json refused: item\.json$/);
    writeFileSync(join(project, "item.json"), refused?.code ?? "");
    const { command, output } = session(1);
    expect(output).toContain("put: []\n");
    expect(output).toMatch(/^dead letter: .+$/m);
    const { stdout, stderr } = await execute(command);
    expect(stdout).toBe(output);
    const warnings = [...stderr.matchAll(/"message":"([^"]+)"/g)].map(([, message]) => message);
    expect(warnings).toEqual(["dead letter", "batch finished with failures"]);
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
    writeFileSync(join(project, "item.json"), '{ "sku": "s-1", "price": { "amount": 3 }, "total": 1 }');
    edit("local.js", ['keyName = "id"', 'keyName = "sku"'], ["{ total: 99 }", "{ price: { amount: 4 } }"]);
    edit(
      "orders.js",
      ['key: ["id"]', 'key: ["sku"]'],
      ['id: "text"', 'sku: "text"'],
      ["customer.name", "price.amount"],
    );
    const output = await run("node local.js");
    expect(output).toContain('put: [{"sku":"s-1","customer":"3","total":"1","lines":null}]');
    expect(output).toContain('changed: [{"sku":"s-1","customer":"4","total":"1","lines":null}]');
  });

  test("bundles a function that Lambda can load", async () => {
    await run(bundle?.code ?? "");
    const load = 'const { handler } = require("./dist/index.cjs"); console.log(typeof handler)';
    const variables =
      "DATABASE_URL=postgres://db/orders DEAD_LETTER_QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/1/dead";
    expect(await run(`${variables} node -e '${load}'`)).toBe("function\n");
  });
});

const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, () => startOpensearch());

describeWithOpensearch("docs/getting-started.md, Postgres and OpenSearch", () => {
  const [, install] = named(/^sh run:/);

  test("shows a runner that fills both", async () => {
    await run(withTarballs(install?.code ?? "", tarballs));
    const { command, output } = session(2);
    expect(await run(command)).toBe(output);
  });
});
