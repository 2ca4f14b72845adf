// Generates the entries of functions that need the user's pipeline: a module of three lines, which esbuild bundles.

import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { DeployError } from "@sluice/rules";
import { copyModule } from "@sluice/workflow";
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

const nearest = (file: string, name: string): string | undefined => {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
};

/**
 * A folder for generated modules, inside of the project, so that a bundler in a container sees the folder, too. A project
 * with Plug'n'Play has no `node_modules`, but other tools keep their caches at this place there, too.
 */
const cacheOf = (file: string): string => {
  const project = nearest(file, "node_modules") ?? nearest(file, "package.json");
  const folder = project ? join(project, "node_modules", ".cache", "sluice") : join(tmpdir(), "sluice-entries");
  mkdirSync(folder, { recursive: true });
  // The bundler resolves relative paths from the real folder.
  return realpathSync(folder);
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

/** The code of a module that exports names which only the bundler knows. */
const exportsMore = /^\s*export\s*\*\s*from\b/m;

/** The names that a module exports. Undefined if esbuild is missing, or the module is CommonJS or exports another's names. */
const exportedNames = (entry: string): readonly string[] | undefined => {
  if (exportsMore.test(readFileSync(entry, "utf8"))) return undefined;
  const esbuild = esbuildOf();
  const options = {
    entryPoints: [entry],
    outdir: "out",
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "silent",
  };
  try {
    const outputs = esbuild?.buildSync(options).metafile.outputs ?? {};
    const names = Object.values(outputs).flatMap((output) => output.exports ?? []);
    // esbuild shows a CommonJS module as a default export.
    return names.some((name) => name !== "default") ? names : undefined;
  } catch {
    // The bundler reports a module that it cannot read, with the line.
    return undefined;
  }
};

interface Esbuild {
  readonly buildSync: (options: object) => {
    readonly metafile: { readonly outputs: Readonly<Record<string, { readonly exports?: readonly string[] }>> };
  };
}

/** Undefined for an app that bundles in a container, and has not installed esbuild. */
const esbuildOf = (): Esbuild | undefined => {
  try {
    return createRequire(import.meta.url)("esbuild") as Esbuild;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
};

const checkExported = (entry: string, name: string): void => {
  const names = exportedNames(entry);
  if (names === undefined || names.includes(name)) return;
  throw new DeployError(
    "PIPELINE_EXPORT_NAME",
    `pipelineExport is ${JSON.stringify(name)}, and ${entry} exports ${names.join(", ")}; expected one of these names. ` +
      "Set pipelineExport to the name of the exported pipeline, and entry to the file that exports the pipeline, not its handler.",
  );
};

/** Writes the module that exports the `handler` of a factory for the pipeline, and returns its path. */
export const pipelineEntry = (module: PipelineModule, factory: CopyFactory, options: object): string => {
  const entry = realpathSync(checkEntry(module.entry));
  const folder = cacheOf(entry);
  const name = module.pipelineExport;
  if (name !== undefined) checkExported(entry, checkName(name));
  const imported = name === undefined ? "* as exported" : `{ ${name} as exported }`;
  const [onlyName, pipeline] = name === undefined ? [", onlyPipeline", "onlyPipeline(exported)"] : ["", "exported"];
  const text = [
    `import { ${factory}${onlyName} } from ${specifier(folder, realpathSync(copyModule()))};`,
    `import ${imported} from ${specifier(folder, entry)};`,
    `export const handler = ${factory}(${pipeline}, ${JSON.stringify(options)});`,
    "",
  ].join("\n");
  const path = join(folder, `${factory}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`);
  // Another process may be bundling the file, so it is replaced whole.
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, text);
  renameSync(draft, path);
  return path;
};
