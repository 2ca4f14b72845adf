// Generates the entries of functions that need the user's pipeline: a module of three lines, which esbuild bundles.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { copyModule } from "@sluice/workflow";
import { DeployError } from "../errors.ts";
import { checkEntry } from "../function/bundling.ts";

/** The factories of `@sluice/workflow` that take a pipeline. */
export type CopyFactory = "backfillPlan" | "backfillWorker" | "verifyPlan" | "verifyWorker";

/** The module that exports the pipeline. */
export interface PipelineModule {
  /** The file that exports the pipeline itself, not its handler. */
  readonly entry: string;
  /** The name of the exported pipeline. Default: the only pipeline that the module exports. */
  readonly pipelineExport?: string | undefined;
}

/** The cache of the nearest `node_modules` above a file. A project with Plug'n'Play has none. */
const cacheOf = (file: string): string => {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const modules = join(folder, "node_modules");
    if (existsSync(modules)) return join(modules, ".cache", "sluice");
    if (dirname(folder) === folder) return join(tmpdir(), "sluice-entries");
  }
};

/** A module specifier. Relative paths make the module the same on each machine, so that assets keep their hashes. */
const specifier = (from: string, to: string): string => {
  const path = relative(from, to).split(sep).join("/");
  return JSON.stringify(path.startsWith(".") ? path : `./${path}`);
};

const checkName = (name: string): string => {
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) return name;
  throw new DeployError(
    "PIPELINE_EXPORT_NAME",
    `pipelineExport is ${JSON.stringify(name)}, expected the name of an export: ` +
      "a JavaScript identifier. Set it to the name of the exported pipeline, for example orders.",
  );
};

/** Writes the module that exports the `handler` of a factory for the pipeline, and returns its path. */
export const pipelineEntry = (module: PipelineModule, factory: CopyFactory, options: object): string => {
  const entry = checkEntry(module.entry);
  const folder = cacheOf(entry);
  const name = module.pipelineExport;
  const imported = name === undefined ? "* as exported" : `{ ${checkName(name)} as exported }`;
  const [onlyName, pipeline] = name === undefined ? [", onlyPipeline", "onlyPipeline(exported)"] : ["", "exported"];
  const text = [
    `import { ${factory}${onlyName} } from ${specifier(folder, copyModule())};`,
    `import ${imported} from ${specifier(folder, entry)};`,
    `export const handler = ${factory}(${pipeline}, ${JSON.stringify(options)});`,
    "",
  ].join("\n");
  const path = join(folder, `${factory}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, text);
  return path;
};
