// The generated entries of plans and workers: whatever the user's module and project look like, the bundle has the pipeline.

import { execFileSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { Stack } from "aws-cdk-lib";
import { buildSync } from "esbuild";
import { BackfillWorkflow, type DeployError } from "../../src/index.ts";
import { pipelineEntry } from "../../src/workflow/pipeline-entry.ts";
import { unbundled } from "../support/pipeline.ts";
import { resourcesIn } from "../support/resources.ts";

const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

const errorOf = (run: () => unknown): DeployError | undefined => {
  try {
    run();
  } catch (error) {
    return error as DeployError;
  }
  return undefined;
};

/** A new project with one module. */
const project = (file: string, text: string, ...folders: readonly string[]): string => {
  const root = mkdtempSync(join(tmpdir(), "sluice-project-"));
  writeFileSync(join(root, "package.json"), "{}");
  for (const folder of folders) mkdirSync(join(root, folder));
  writeFileSync(join(root, file), text);
  return join(root, file);
};

/** What looks like a pipeline to the generated module. */
const pipelineText = "{ name: 'own', handler: () => async () => ({}), targets: () => [] }";

/** Bundles the entry of a worker, and loads the bundle in a process of its own. Returns the type of its handler. */
const loaded = (entry: string, pipelineExport: string | undefined, format: "cjs" | "esm" = "cjs"): string => {
  const outfile = join(mkdtempSync(join(tmpdir(), "sluice-bundle-")), format === "cjs" ? "index.cjs" : "index.mjs");
  buildSync({
    entryPoints: [pipelineEntry({ entry, pipelineExport }, "backfillWorker", {})],
    ...{ outfile, format, bundle: true, platform: "node", mainFields: ["module", "main"], logLevel: "error" },
    external: ["@aws-sdk/*"],
  });
  const code = `import(${JSON.stringify(outfile)}).then((m) => process.stdout.write(typeof m.handler, () => process.exit(0)))`;
  return execFileSync(process.execPath, ["--no-warnings", "-e", code], {
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "", SLUICE_RUN_BUCKET: "runs", SLUICE_SOURCE_TABLE: "orders" },
  });
};

test.each([
  ["an ES module", "orders.mjs", `export const orders = ${pipelineText};`, "orders"],
  [
    "the only pipeline of an ES module",
    "orders.mjs",
    `export const orders = ${pipelineText}; export const x = 1;`,
    undefined,
  ],
  ["a default export", "orders.mjs", `export default ${pipelineText};`, "default"],
  ["a name that another module exports", "orders.ts", "export * from './own.ts';", "orders"],
  ["a CommonJS module", "orders.cjs", `exports.orders = ${pipelineText};`, "orders"],
  ["the only pipeline of a CommonJS module", "orders.cjs", `exports.orders = ${pipelineText};`, undefined],
  ["CommonJS' module.exports", "orders.cjs", `module.exports = ${pipelineText};`, undefined],
])("a worker is bundled from %s", (_, file, text, name) => {
  const entry = project(file, text, "node_modules");
  writeFileSync(join(dirname(entry), "own.ts"), `export const orders = ${pipelineText};`);
  expect([loaded(entry, name), loaded(entry, name, "esm")]).toEqual(["function", "function"]);
});

test("a project without node_modules, as with Plug'n'Play, keeps the generated module inside of the project", () => {
  const entry = project("orders.mjs", `export const orders = ${pipelineText};`);
  const generated = pipelineEntry({ entry, pipelineExport: "orders" }, "backfillWorker", {});
  expect(dirname(generated)).toBe(join(realpathSync(dirname(entry)), "node_modules", ".cache", "sluice"));
  expect(loaded(entry, "orders")).toBe("function");
});

test("a generated module is replaced whole, because another process may be bundling it", () => {
  const entry = project("pipeline.mjs", `export const own = ${pipelineText};`);
  const generate = () => pipelineEntry({ entry, pipelineExport: undefined }, "backfillWorker", {});
  const path = generate();
  const [file, text] = [openSync(path, "r"), readFileSync(path, "utf8")];
  expect(generate()).toBe(path);
  expect(fstatSync(file).nlink).toBe(0);
  closeSync(file);
  expect(readFileSync(path, "utf8")).toBe(text);
  expect(readdirSync(dirname(path))).toEqual([basename(path)]);
});

test("a project behind symbolic links is bundled", () => {
  const entry = project("orders.mjs", `export const orders = ${pipelineText};`);
  const elsewhere = mkdtempSync(join(tmpdir(), "sluice-elsewhere-"));
  mkdirSync(join(elsewhere, "deep", "modules"), { recursive: true });
  symlinkSync(join(elsewhere, "deep", "modules"), join(dirname(entry), "node_modules"));
  symlinkSync(dirname(entry), join(elsewhere, "project"));
  expect(loaded(join(elsewhere, "project", "orders.mjs"), "orders")).toBe("function");
});

test("a name that the module does not export throws at synth, and the error lists the names that it exports", () => {
  const error = errorOf(() => pipelineEntry({ entry: orders, pipelineExport: "order" }, "backfillPlan", {}));
  expect(error?.code).toBe("PIPELINE_EXPORT_NAME");
  expect(error?.message).toMatch(/"order".*orders\.ts exports .*\borders\b/);
});

test("a workflow in another stack than the function throws at synth, unless it has variables of its own", () => {
  const stack = unbundled();
  const other = new Stack(stack.node.root, "Other", { env: { account: stack.account, region: stack.region } });
  const props = { pipeline: resourcesIn(stack), entry: orders };
  expect(errorOf(() => new BackfillWorkflow(other, "First", props))?.code).toBe("WORKFLOW_OTHER_STACK");
  expect(errorOf(() => new BackfillWorkflow(other, "Second", { ...props, environment: { A: "1" } }))).toBeUndefined();
});
