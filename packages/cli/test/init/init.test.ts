// What `sluice init` writes, and what it refuses.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type ProjectFile, projectFiles } from "../../src/init/files.ts";
import { versions } from "../../src/init/manifest.ts";
import { keyIn, type ProjectPlan, sinksIn } from "../../src/init/plan.ts";
import { sinkNames } from "../../src/init/sinks.ts";
import { program, runSluice } from "../support/sluice.ts";
import { combination, type Manifest, readJson, root } from "./support.ts";

const scratch = mkdtempSync(join(tmpdir(), "sluice-init-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = (...args: readonly string[]) => runSluice(["init", ...args], { cwd: scratch });

const planWith = (change: Partial<ProjectPlan> = {}): ProjectPlan => ({
  name: "orders",
  table: "Orders",
  key: keyIn("id"),
  sinks: ["postgres"],
  ...change,
});

const textOf = (files: readonly ProjectFile[], wanted: string): string =>
  files.find(({ path }) => path === wanted)?.text ?? "";

const modulesIn = (text: string): string[] =>
  [...text.matchAll(/(?: from |import\()"((?:@[^/"]+\/)?[^./"][^/"]*)/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !name.startsWith("node:"));

/** Packages that no file imports: peers that our packages load, and tools. */
const unimported = [
  "@aws-lambda-powertools/idempotency",
  "@aws-sdk/client-dynamodb",
  "@aws-sdk/client-eventbridge",
  "@aws-sdk/client-sesv2",
  "@opensearch-project/opensearch",
  "@sluice/cli",
  "@sluice/dev",
  "@types/node",
  "@types/pg",
  "aws-cdk",
  "constructs",
  "esbuild",
  "pg",
  "typescript",
];

describe("the files of a project", () => {
  const all = Array.from({ length: 2 ** sinkNames.length - 1 }, (_, index) => combination(sinkNames, index + 1));

  test("of every combination of targets contain no mark and no placeholder, and name the packages that they import", async () => {
    expect(all).toHaveLength(255);
    for (const sinks of all) {
      const files = await projectFiles(planWith({ sinks }));
      const text = files.map((file) => file.text).join("\n");
      expect(text).not.toMatch(/@when|@end|init-|init_|\binitName|InitName|initKey|initSort/);
      expect(text).not.toMatch(/\n{3}/);
      const { dependencies, devDependencies } = JSON.parse(textOf(files, "package.json")) as Manifest;
      const ofFunction = files.filter(({ path }) => path.startsWith("src/")).flatMap((file) => modulesIn(file.text));
      expect(Object.keys(dependencies)).toEqual(expect.arrayContaining(ofFunction));
      const imported = files.flatMap((file) => modulesIn(file.text));
      const known = Object.keys({ ...dependencies, ...devDependencies });
      expect(known).toEqual(expect.arrayContaining(imported));
      expect(known.filter((name) => !imported.includes(name) && !unimported.includes(name))).toEqual([]);
    }
  });

  test("list in .env.example exactly the variables that the function reads", async () => {
    for (const sinks of all) {
      const files = await projectFiles(planWith({ sinks }));
      const code = files.filter(({ path }) => path.startsWith("src/")).map(({ text }) => text);
      const read = [...code.join("").matchAll(/(?:required|list)\("(\w+)"\)|process\.env\.(\w+)/g)].map(
        ([, called, member]) => called ?? member,
      );
      // The example has the address of Postgres itself, and says that the stack sets the secret instead.
      const variables = read.filter((name) => name !== "DATABASE_SECRET_ARN");
      const listed = [...textOf(files, ".env.example").matchAll(/^(\w+)=/gm)].map(([, name]) => name);
      expect(listed.sort()).toEqual(variables.sort());
    }
  });

  test("pin our packages to this release, and other packages as the workspace does", async () => {
    const { version } = readJson<{ readonly version: string }>(join(root, "packages/cli/package.json"));
    const manifest = JSON.parse(textOf(await projectFiles(planWith()), "package.json")) as Manifest;
    const pins = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    for (const [name, pin] of pins)
      expect([name, pin]).toEqual([name, name.startsWith("@sluice/") ? version : versions[name]]);
    const manifests = execFileSync("git", ["ls-files", "package.json", "*/package.json"], {
      cwd: root,
      encoding: "utf8",
    })
      .trim()
      .split("\n")
      .map((path) => readJson<Partial<Manifest>>(join(root, path)));
    for (const [name, pin] of Object.entries(versions)) {
      const used = manifests.flatMap(({ dependencies, devDependencies }) => [
        dependencies?.[name],
        devDependencies?.[name],
      ]);
      // Only users need the CLI of the CDK.
      if (name !== "aws-cdk") expect([name, used]).toEqual([name, expect.arrayContaining([pin])]);
    }
  });

  test("have the key of the table", async () => {
    const files = await projectFiles(planWith({ key: keyIn("customer-id,total:N"), sinks: ["postgres", "dynamodb"] }));
    expect(textOf(files, "src/pipeline.ts")).toContain('key: ["customer-id", "total"],');
    expect(textOf(files, "src/pipeline.ts")).toContain(
      'columns: { "customer-id": "text", total: "numeric", customer: "text", amount: "numeric" },',
    );
    expect(textOf(files, "stack/app.ts")).toContain(
      'partitionKey: { name: "customer-id", type: AttributeType.STRING }',
    );
    expect(textOf(files, "stack/app.ts")).toContain('sortKey: { name: "total", type: AttributeType.NUMBER }');
    expect(textOf(files, "test/pipeline.test.ts")).toContain(
      '{ "customer-id": "1", total: 1, customer: "Ada", amount: 12.5 }',
    );
  });

  test("have items for `npm run dev`, with the key of the table", async () => {
    for (const key of ["id", "pk,sk:N", "id:N", "customer-id,total:N"]) {
      const files = await projectFiles(planWith({ key: keyIn(key) }));
      const { scripts } = JSON.parse(textOf(files, "package.json")) as { readonly scripts: Record<string, string> };
      expect(scripts.dev).toBe(`sluice dev src/pipeline.ts --table Orders --key ${key} --seed seed.ndjson`);
      const lines = textOf(files, "seed.ndjson").trimEnd().split("\n");
      expect(lines).toHaveLength(3);
      for (const line of lines) {
        const item = JSON.parse(line) as Record<string, unknown>;
        const attributes = key.split(",").map((attribute) => attribute.split(":"));
        for (const [name = "", type] of attributes) expect(typeof item[name]).toBe(type === "N" ? "number" : "string");
        expect(Object.keys(item)).toHaveLength(attributes.length + 2);
      }
    }
  });

  test("may have names that are like placeholders", async () => {
    const plan = planWith({ name: "init-table", table: "initKey", key: keyIn("init_name"), sinks: ["postgres"] });
    const files = await projectFiles(plan);
    expect(textOf(files, "stack/app.ts")).toContain('tableName: "initKey"');
    expect(textOf(files, "src/pipeline.ts")).toContain('pipeline("init-table"');
    expect(textOf(files, "src/pipeline.ts")).toContain('key: ["init_name"]');
  });

  test("are in the package that is published", () => {
    const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const [packed] = JSON.parse(execFileSync("npm", args, { cwd: join(root, "packages/cli"), encoding: "utf8" }));
    const paths = packed.files.map(({ path }: { readonly path: string }) => path);
    const folder = join(root, "packages/cli/templates");
    const templates = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length - "templates".length));
    expect(templates.length).toBeGreaterThan(10);
    expect(paths).toEqual(expect.arrayContaining(templates));
  });
});

describe("sluice init", () => {
  test("takes the defaults without a terminal, and says what comes next", async () => {
    const { code, stdout, stderr } = await run("defaults");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("14 files in defaults:\n  package.json\n");
    expect(stdout).toMatch(/\nnext:\n {2}cd defaults && npm install\n {2}npm run dev\n {2}npm test\n/);
    const pipeline = readFileSync(join(scratch, "defaults/src/pipeline.ts"), "utf8");
    expect(pipeline).toContain('pipeline("defaults"');
    expect(pipeline).toContain("}).to(rows);");
    expect(readFileSync(join(scratch, "defaults/.gitignore"), "utf8")).toContain(".env\n");
  });

  test("writes into the current folder, beside Git and a licence", async () => {
    const cwd = join(scratch, "current");
    mkdirSync(join(cwd, ".git"), { recursive: true });
    writeFileSync(join(cwd, "LICENSE"), "MIT");
    const { code, stdout } = await runSluice(["init", "--yes", "--sinks", "sqs"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain("files in this folder:\n");
    expect(stdout).toContain("\nnext:\n  npm install\n");
    expect(existsSync(join(cwd, "src/ensure.ts"))).toBe(false);
  });

  test("overwrites no file: it lists the files that exist, and writes nothing", async () => {
    const folder = join(scratch, "taken");
    mkdirSync(join(folder, "src"), { recursive: true });
    writeFileSync(join(folder, "README.md"), "mine");
    writeFileSync(join(folder, "src/handler.ts"), "mine");
    expect(await run("taken", "--yes")).toEqual({
      code: 2,
      stdout: "",
      stderr: "sluice: taken has README.md, src/handler.ts already; expected an empty folder. Nothing was written\n",
    });
    expect(readdirSync(folder).sort()).toEqual(["README.md", "src"]);
    expect(readFileSync(join(folder, "README.md"), "utf8")).toBe("mine");
  });

  test("refuses a folder with other files, and a file", async () => {
    mkdirSync(join(scratch, "full"));
    for (const name of ["f", "e", "d", "c", "b", "a"]) writeFileSync(join(scratch, "full", name), "");
    writeFileSync(join(scratch, "afile"), "");
    expect(await run("full")).toMatchObject({
      code: 2,
      stderr: "sluice: full is not empty: it has a, b, c, d, e, …; expected an empty folder. Nothing was written\n",
    });
    expect(readdirSync(join(scratch, "full"))).toHaveLength(6);
    expect(await run("afile")).toMatchObject({ code: 2, stderr: "sluice: afile is a file; expected a folder\n" });
    expect(await run("afile/orders")).toMatchObject({ code: 2, stderr: expect.stringContaining("expected a folder") });
  });

  test.each([
    [["My Orders!"], 'the name of the project is "My Orders!"; expected at most 40 lower-case letters'],
    [["x", "--name", "x-"], 'the name of the project is "x-"'],
    [["x", "--name", "a--b"], 'the name of the project is "a--b"'],
    [["x", "--name", "a".repeat(41)], "the name of the project is"],
    [["x", "--table", "a b"], 'the name of the table is "a b"; expected 3 to 255 letters'],
    [["x", "--table", "ab"], 'the name of the table is "ab"; expected 3 to 255 letters'],
    // The user gave no --table: the default is too short.
    [
      ["ab"],
      'the name of the table is "ab"; expected 3 to 255 letters, digits, underscores, hyphens and dots. Give another name with --table',
    ],
    [["x", "--key", "a,b,c"], '--key is "a,b,c"; expected the partition key, and perhaps the sort key'],
    [["x", "--key", "a,a"], "--key has the attribute a twice"],
    [["x", "--key", "a:B"], '--key has the attribute "a:B"; expected a name'],
    [["x", "--key", "a,"], '--key has the attribute ""; expected a name'],
    [["x", "--key", 'a"b'], '--key has the attribute "a\\"b"; expected a name'],
    [["x", "--key", "__proto__"], '--key has the attribute "__proto__"; expected a name'],
    [["x", "--key", "constructor"], '--key has the attribute "constructor"; expected a name'],
    [["x", "--key", "_sluice"], '--key has the attribute "_sluice"; expected a name'],
    [["x", "--sinks", "postgres,kafka"], '--sinks has "kafka"; expected one or more of postgres,opensearch,'],
    [["x", "--sinks", "sqs,sqs"], "--sinks has sqs twice; expected each target once"],
    [["x", "--sinks", ""], "--sinks is empty; expected A,B"],
  ])("refuses %j", async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`sluice: ${message}`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(join(scratch, args[0] ?? ""))).toBe(false);
  });

  test("accepts spaces in lists, and sorts the targets", () => {
    expect(sinksIn(" sqs, postgres")).toEqual(["postgres", "sqs"]);
    expect(keyIn("pk, sk:N")).toEqual([
      { name: "pk", type: "S" },
      { name: "sk", type: "N" },
    ]);
  });
});

/** Runs the command on a terminal, which the program `script` provides, and answers its questions. */
const onTerminal = async (
  args: string,
  answers: string,
): Promise<{ readonly code: number; readonly output: string }> => {
  const child = spawn("script", ["-qec", `"${process.execPath}" "${program}" init ${args}`, "/dev/null"], {
    cwd: scratch,
  });
  let output = "";
  child.stdout.on("data", (part: Buffer) => {
    output += part;
  });
  child.stdin.write(answers);
  const [code] = await once(child, "close");
  child.stdin.end();
  return { code: code as number, output: output.replaceAll("\r", "") };
};

const hasScript = existsSync("/usr/bin/script");
const describeWithScript = hasScript
  ? describe
  : (name: string, _body: () => void) => test.todo(`${name}: needs script`);

describeWithScript("sluice init on a terminal", () => {
  test("asks for what the options do not say, and asks again after a wrong answer", async () => {
    const { code, output } = await onTerminal("asked --key pk,sk", "\nkafka\nsqs,email\n");
    expect(code).toBe(0);
    expect(output).toContain("Name of the DynamoDB table? (asked) ");
    expect(output).not.toContain("Its key");
    expect(output).toContain("Targets, of postgres, opensearch, ");
    expect(output).toContain('--sinks has "kafka"');
    const pipeline = readFileSync(join(scratch, "asked/src/pipeline.ts"), "utf8");
    expect(pipeline).toContain(".to(queue,");
    expect(pipeline).toContain(".to(mail,");
    expect(pipeline).toContain("sk: z.string()");
  });

  test("asks nothing with --yes", async () => {
    const { code, output } = await onTerminal("unasked --yes", "");
    expect(code).toBe(0);
    expect(output).not.toContain("?");
  });

  test("writes nothing if the input ends before the last answer", async () => {
    const { code, output } = await onTerminal("ended", "orders\n\u0004");
    expect(code).toBe(2);
    expect(output).toContain("the input ended before the last answer; nothing was written");
    expect(existsSync(join(scratch, "ended"))).toBe(false);
  });
});
