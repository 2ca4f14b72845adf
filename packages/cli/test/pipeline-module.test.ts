// Which modules have a pipeline, and what is said of those that have none.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { program } from "./support/sluice.ts";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-modules-"));
  await symlink(modules, join(folder, "node_modules"));
});
afterAll(() => rm(folder, { recursive: true }));

const pipelineOf = (name: string): string =>
  `pipeline(${JSON.stringify(name)}, { onReject: "block" }).to({ name: "log", supports: { writes: "upsert" }, write: async () => [] }, (change) => change.after)`;
const core = 'import { pipeline } from "@sluice/core";';

/** Loads a module in a process of its own, as the command does: Jest has its own loader. */
const load = async (file: string, text: string, path: string = file): Promise<string> => {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), text);
  const loader = new URL(`file://${join(dirname(program), "../dist/pipeline-module/pipeline-module.js")}`).href;
  const script = `
    const { loadPipeline } = await import(${JSON.stringify(loader)});
    const { pipeline, exportName, close } = await loadPipeline(${JSON.stringify(path)}).catch((error) => ({ exportName: error.name + ": " + error.message, close() {} }));
    await close();
    console.log(pipeline?.name ?? "", exportName);`;
  const args = ["--input-type=module", "--eval", script];
  return execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" }).trim();
};

describe("a module with one pipeline", () => {
  test.each([
    [
      "orders.mjs",
      `${core} export const orders = ${pipelineOf("shop")}; export const handler = orders.handler();`,
      "shop orders",
    ],
    ["default.mjs", `${core} export default ${pipelineOf("shop")};`, "shop default"],
    ["twice.mjs", `${core} export const a = ${pipelineOf("shop")}; export { a as b };`, "shop a"],
    [
      "orders.ts",
      `${core} enum Color { Red = "red" } interface Order { readonly id: string }
       const name: string = Color.Red satisfies string; export const orders = ${pipelineOf("shop")}; export type { Order }; void name;`,
      "shop orders",
    ],
    ["orders.mts", `${core} export const orders = ${pipelineOf("shop")} as unknown;`, "shop orders"],
    [
      "orders.cjs",
      `const { pipeline } = require("@sluice/core"); exports.orders = ${pipelineOf("shop")};`,
      "shop orders",
    ],
  ])("%s", async (file, text, found) => {
    expect(await load(file, text)).toBe(found);
  });

  test("of TypeScript may import others, with .ts and with .js", async () => {
    await load("parts/name.ts", 'export const name: string = "shop";');
    await load("parts/other.ts", "export const other: number = 1;");
    const text = `${core} import { name } from "./name.ts"; import { other } from "./other.js";
      export const orders = ${pipelineOf("x").replace('"x"', "name")}; void other;`;
    expect(await load("parts/orders.ts", text)).toBe("shop orders");
  });

  test("of several, the one that is named", async () => {
    const text = `${core} export const a = ${pipelineOf("one")}; export const b = ${pipelineOf("two")};`;
    expect(await load("several.mjs", text, "several.mjs#b")).toBe("two b");
    expect(await load("several.mjs", text)).toContain(
      "exports several pipelines: a, b; expected the name of one after a #: several.mjs#a",
    );
    expect(await load("several.mjs", text, "several.mjs#c")).toContain(
      "has no pipeline with the export name c; it exports the pipelines a, b",
    );
  });
});

describe("a module without a pipeline", () => {
  test.each([
    [
      "only.mjs",
      `${core} export const handler = ${pipelineOf("shop")}.handler();`,
      "exports the function handler, and no pipeline: a handler does not tell its pipeline; expected an export such as",
    ],
    ["none.mjs", "", "exports nothing; expected an export such as"],
    ["other.mjs", "export const orders = { name: 'shop' };", "exports orders; expected an export such as"],
    ["throws.mjs", "throw new Error('no DATABASE_URL\\nsecond line');", "cannot be loaded: no DATABASE_URL"],
    ["missing.mjs", "import 'nowhere';", "cannot be loaded: Cannot find package 'nowhere'"],
    ["syntax.ts", "export const = ;", "syntax.ts cannot be loaded: ParseError: Unexpected token at "],
  ])("%s", async (file, text, found) => {
    const line = await load(file, text);
    expect(line).toContain("CommandError: ");
    expect(line).toContain(found);
    expect(line.split("\n")).toHaveLength(1);
  });

  test.each(["never.mjs", "never.ts"])("that never ends: %s", async (file) => {
    expect(await load(file, "await new Promise(() => undefined); export const a = 1;")).toContain(
      "cannot be loaded: a top-level await never ends",
    );
  });

  test("that is missing", async () => {
    expect(await load("any.mjs", "", "absent.ts")).toMatch(/there is no file .*absent\.ts; expected the module/);
  });
});

describe("a module that ends the process", () => {
  const exit = "process.exit(7)";
  const late = 'setTimeout(() => { throw new Error("late"); }); await new Promise((done) => setTimeout(done, 5_000));';
  test.each([
    ["exits.mjs", exit, 7, "sluice: the process was ended before the command was done"],
    ["late.mjs", late, 1, "sluice: the command ends, because code outside of it failed: late (--verbose shows where)"],
  ])("%s", async (file, text, code, message) => {
    await writeFile(join(folder, file), text);
    const { status, stderr } = spawnSync(process.execPath, [program, "backfill", file, "--table", "t"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: code, stderr: expect.stringContaining(message) });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
