// Reads the files of a module: which of the user's files belong to it, which packages they import, and which environment
// variables they name.

import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { build, type Message, type Metafile } from "esbuild";
import { namesIn, type VariableNames } from "./variable-names.ts";

/** What the files of a module say. */
export interface ModuleGraph {
  /** The user's files that the module consists of: absolute paths. */
  readonly files: readonly string[];
  /** Names of the imported packages, such as `@sluice/sink-postgres`. */
  readonly packages: ReadonlySet<string>;
  /** The environment variables that the files name. */
  readonly variables: VariableNames;
  /** What is wrong with the files, with file and line; undefined if nothing is. */
  readonly problem?: string;
}

const packageOf = (path: string): string =>
  path
    .split("/")
    .slice(0, path.startsWith("@") ? 2 : 1)
    .join("/");

const isPackage = (path: string): boolean =>
  !path.startsWith(".") && !path.startsWith("/") && !path.startsWith("node:");

const packagesIn = (inputs: Metafile["inputs"]): ReadonlySet<string> =>
  new Set(
    Object.values(inputs).flatMap(({ imports }) =>
      imports.filter(({ path, external }) => external && isPackage(path)).map(({ path }) => packageOf(path)),
    ),
  );

const variablesIn = async (files: readonly string[]): Promise<VariableNames> => {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return namesIn(texts);
};

/** `orders.ts:12:4: Expected ";" but found "}"` */
const problemOf = ({ text, location }: Message): string =>
  location === null ? text : `${relative(".", location.file)}:${location.line}:${location.column + 1}: ${text}`;

const isBuildFailure = (error: unknown): error is { readonly errors: readonly Message[] } =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors);

/** A failed build has no list of files: those with an error are known, and the entry. */
const failedGraph = (entry: string, errors: readonly Message[]): ModuleGraph => ({
  files: [entry, ...errors.flatMap(({ location }) => (location === null ? [] : [resolve(location.file)]))],
  packages: new Set(),
  variables: { read: new Set(), withDefault: new Set() },
  problem: errors.map(problemOf).join("\n"),
});

/** Reads the graph of a module. The path may have the name of an export after a `#`. Writes nothing. */
export const readGraph = async (path: string): Promise<ModuleGraph> => {
  const entry = resolve(path.split("#")[0] ?? "");
  try {
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      packages: "external",
      platform: "node",
      format: "esm",
      target: "node20",
      logLevel: "silent",
      // A file that is no code, such as a template, is a part of the module, too.
      loader: { ".html": "text", ".txt": "text", ".sql": "text", ".graphql": "text", ".md": "text" },
    });
    const files = Object.keys(metafile.inputs).map((file) => resolve(file));
    return { files, packages: packagesIn(metafile.inputs), variables: await variablesIn(files) };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return failedGraph(entry, error.errors);
  }
};
