// Loads the module of a pipeline: a file in TypeScript or JavaScript that exports the pipeline.

import { access } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Pipeline } from "@sluice/core";
import { CommandError } from "../command-line/command-error.ts";

type Exports = { readonly [name: string]: unknown };

/** A pipeline of a module. */
export interface PipelineModule {
  readonly pipeline: Pipeline<unknown>;
  /** Name of the export. */
  readonly exportName: string;
  readonly exports: Exports;
  /** Closes the connections of the pipeline's sinks. */
  readonly close: () => Promise<void>;
}

const typescript = /^\.[cm]?tsx?$/;

/** Imports a module. Node 20 cannot run TypeScript, and later versions run only a part of it: `jiti` runs all of it. */
export const importFile = async (file: string): Promise<Exports> => {
  const { href } = pathToFileURL(file);
  if (!typescript.test(extname(file))) return (await import(href)) as Exports;
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { fsCache: false, interopDefault: false });
  return await jiti.import<Exports>(file);
};

/** Rejects when the process has nothing left to wait for. Node would end it without a word, with the exit code 13. */
const unlessIdle = async <Result>(loading: Promise<Result>): Promise<Result> => {
  let onIdle = (): void => undefined;
  const idle = new Promise<never>((_, reject) => {
    onIdle = () => reject(new Error("a top-level await never ends"));
    process.once("beforeExit", onIdle);
  });
  try {
    return await Promise.race([loading, idle]);
  } finally {
    process.off("beforeExit", onIdle);
  }
};

/** Matches the end of Node's error message, which names a file of this command. The user does not know this file. */
const importedFrom = / imported from .*/;

const exportsOf = async (file: string): Promise<Exports> => {
  await access(file).catch((cause: unknown) => {
    throw new CommandError(`there is no file ${file}; expected the module that exports the pipeline`, { cause });
  });
  try {
    return await unlessIdle(importFile(file));
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const [line = "", place = ""] = message.replace(importedFrom, "").split("\n");
    // The second line of a syntax error in TypeScript is its file, line and column.
    const where = /^ *\/.*:\d+:\d+$/.test(place) ? ` at ${place.trim()}` : "";
    throw new CommandError(`the module ${file} cannot be loaded: ${line.trim()}${where}`, { cause: error });
  }
};

/** Whether a value is a pipeline. The module may have loaded its own core, so no class tells it. */
export const isPipeline = (value: unknown): value is Pipeline<unknown> => {
  if (typeof value !== "object" || value === null) return false;
  const { name, routes, handler, targets } = value as { readonly [member: string]: unknown };
  return (
    typeof name === "string" && Array.isArray(routes) && typeof handler === "function" && typeof targets === "function"
  );
};

const example = 'expected an export such as export const orders = pipeline("orders", …).to(…), without .handler()';

/** Says what the module exports instead of a pipeline. */
const withoutPipeline = (path: string, exports: Exports): CommandError => {
  const names = Object.keys(exports);
  const handlers = names.filter((name) => typeof exports[name] === "function");
  if (handlers.length > 0) {
    const found = `exports the ${handlers.length === 1 ? "function" : "functions"} ${handlers.join(", ")}, and no pipeline`;
    return new CommandError(`${path} ${found}: a handler does not tell its pipeline; ${example}`);
  }
  return new CommandError(`${path} exports ${names.length === 0 ? "nothing" : names.join(", ")}; ${example}`);
};

const exportedPipeline = (path: string, exports: Exports, exportName: string | undefined) => {
  // A CommonJS module has its exports also in `default`. Equal values count once.
  const found = Object.entries(exports).filter(([, value]) => isPipeline(value));
  const distinct = found.filter(([, value], index) => found.findIndex(([, other]) => other === value) === index);
  const names = distinct.map(([name]) => name);
  if (exportName !== undefined) {
    const value = Object.hasOwn(exports, exportName) ? exports[exportName] : undefined;
    if (isPipeline(value)) return { pipeline: value, exportName };
    const others = names.length === 0 ? "no pipeline" : `the pipelines ${names.join(", ")}`;
    throw new CommandError(`${path} has no pipeline with the export name ${exportName}; it exports ${others}`);
  }
  const [first, second] = distinct;
  if (first === undefined) throw withoutPipeline(path, exports);
  if (second === undefined) return { pipeline: first[1] as Pipeline<unknown>, exportName: first[0] };
  throw new CommandError(
    `${path} exports several pipelines: ${names.join(", ")}; expected the name of one after a #: ${path}#${names[0]}`,
  );
};

/**
 * Loads the pipeline at a path such as `orders.ts` or `dist/orders.js#orders`. The name of the export follows the `#`; it
 * may be left out if the module exports one pipeline only.
 * @throws {CommandError} when the module cannot be loaded, or exports no such pipeline
 */
export const loadPipeline = async (path: string): Promise<PipelineModule> => {
  const [file = "", exportName] = path.split("#");
  const exports = await exportsOf(resolve(file));
  const found = exportedPipeline(file, exports, exportName);
  const close = async (): Promise<void> => {
    for (const { sink } of found.pipeline.routes) await sink.close?.();
  };
  return { ...found, exports, close };
};
