// Makes the projects that the README of @sluice/local describes for Jest and node:test, from packed packages, and runs
// their tests.

import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { fencesOf, root } from "./markdown.ts";
import { pack, withTarballs } from "./packed.ts";

const path = "packages/local/README.md";
const fences = fencesOf({ path, text: readFileSync(join(root, path), "utf8") });
const blockOf = (info: string): string => fences.find((fence) => fence.info === info)?.code ?? "";

const scratch = mkdtempSync(join(tmpdir(), "sluice-runners-"));
// If the test runs as root, the embedded Postgres runs as another user, which needs the binaries in this folder.
chmodSync(scratch, 0o755);
const project = join(scratch, "project");
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The environment of a user, without the variables that npm and Jest have set. */
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_(registry|cache)$)|NODE_|JEST_)/.test(name)),
  ),
  ...{ CI: "true", DATABASE_URL: undefined, POWERTOOLS_LOG_LEVEL: "SILENT" },
  ...{ npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" },
};

/** Runs a command in the project. Returns everything that the command prints. */
const run = async (command: string): Promise<string> => {
  const { stdout } = await promisify(execFile)("sh", ["-e", "-c", `{ ${command}\n} 2>&1`], {
    cwd: project,
    env: environment,
    timeout: 150_000,
  });
  return stdout;
};

const testFile = "orders.test.js";
const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("a project of a user", () => {
  test("runs its tests with Jest as the README says", async () => {
    mkdirSync(project);
    const tarballs = pack(scratch, ["core", "local", "testing", "sink-postgres"]);
    const command = withTarballs(blockOf("sh run: test/test-runners.test.ts"), tarballs);
    expect(command).not.toContain("@sluice/");
    await run(command);
    writeFileSync(join(project, testFile), blockOf(`js file: ${testFile}`));
    expect(await run("npm test")).toMatch(/Tests: +1 passed, 1 total/);
  });

  test("fails without the flag with the message in the README", async () => {
    await expect(run("npx jest")).rejects.toMatchObject({
      stdout: expect.stringContaining("Must use import to load ES Module"),
    });
  });

  test("runs TypeScript with Jest", async () => {
    await run("npm install --save-dev @swc/core @swc/jest");
    writeFileSync(join(project, "jest.config.js"), blockOf("js file: jest.config.js"));
    const code = blockOf(`js file: ${testFile}`);
    writeFileSync(join(project, "typed.test.ts"), `${code}\nconst one: number = 1;\nexport type One = typeof one;\n`);
    expect(await run("npm test")).toMatch(/Tests: +2 passed, 2 total/);
    rmSync(join(project, "typed.test.ts"));
  });

  test("runs .mjs tests with Jest in a CommonJS project", async () => {
    await run("npm pkg delete type");
    rmSync(join(project, "jest.config.js"));
    rmSync(join(project, testFile));
    writeFileSync(join(project, "orders.test.mjs"), blockOf(`js file: ${testFile}`));
    expect(await run("npm test")).toMatch(/Tests: +1 passed, 1 total/);
  });

  test("runs its tests with node:test", async () => {
    const code = blockOf(`js file: ${testFile}`)
      .replace('import { afterAll, describe, expect, test } from "@jest/globals";', nodeTestImports)
      .replace("{ describe, test, afterAll }", "{ describe, test, afterAll: after }");
    writeFileSync(join(project, "orders.test.mjs"), code);
    expect(await run("node --test")).toMatch(/# pass 1\n/);
  });
});

const nodeTestImports = `import { strict as assert } from "node:assert";
import { after, describe, test } from "node:test";
const expect = (actual) => ({ toEqual: (expected) => assert.deepEqual(actual, expected) });`;
