// Reads the packages of this repository for tests: manifests, doors (entry points), source files, exports and imports.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./markdown.ts";

export interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly type?: string;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly exports?: Record<string, string | { readonly "@sluice/source": string }>;
}

/** A door is an entry point of a package, such as `@sluice/core/sink-kit`. */
export interface Door {
  readonly name: string;
  /** The path of the source file, relative to the root of the repository. */
  readonly path: string;
}

/** A name that a file re-exports from another file. */
export interface Reexport {
  readonly name: string;
  /** The name under which the other file exports it. */
  readonly original: string;
  readonly isType: boolean;
  readonly from: string;
}

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

export const readJson = <Shape>(path: string): Shape => JSON.parse(read(path)) as Shape;

export const manifestOf = (folder: string): Manifest => readJson<Manifest>(`${folder}/package.json`);

/** Returns the folders inside `parent` that are packages. Paths are relative to the root. */
export const foldersIn = (parent: string): string[] =>
  readdirSync(join(root, parent))
    .filter((name) => existsSync(join(root, parent, name, "package.json")))
    .map((name) => `${parent}/${name}`);

/** Returns every file that matches the patterns, except files that git ignores. Paths are relative to the root. */
export const filesOfRepository = (...patterns: string[]): string[] =>
  execFileSync("git", ["ls-files", "-co", "--exclude-standard", ...patterns], { cwd: root, encoding: "utf8" })
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)));

/** Returns the source files of a package. Paths are relative to the root. */
export const sourceFilesOf = (folder: string): string[] =>
  readdirSync(join(root, folder, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `${folder}/src/${path}`);

/** Returns the doors of a package: the entries of `exports` in its manifest that have a source file. */
export const doorsOf = (folder: string): Door[] => {
  const { name, exports = {} } = manifestOf(folder);
  return Object.entries(exports).flatMap(([entry, target]) =>
    typeof target === "string" ? [] : [{ name: join(name, entry), path: join(folder, target["@sluice/source"]) }],
  );
};

export const withoutComments = (text: string): string => text.replaceAll(/\/\/.*$|\/\*[\s\S]*?\*\//gm, "");

/** Returns the names that a door exports. The source file of a door contains only re-exports. */
export const reexportsOf = (text: string): Reexport[] =>
  [...withoutComments(text).matchAll(/export\s+(type\s+)?\{([^}]*)\}\s+from\s+"([^"]+)"/g)].flatMap(
    ([, allTypes, names = "", from = ""]) =>
      names
        .split(",")
        .map((entry) => entry.trim())
        .filter((entry) => entry !== "")
        .map((entry) => {
          const [original = "", name = original] = entry.replace(/^type\s+/, "").split(/\sas\s/);
          return { name, original, from, isType: allTypes !== undefined || entry.startsWith("type ") };
        }),
  );

/** Matches the statements `import … from "x"` and `export … from "x"`, and `import("x")` as expression and as type. */
const imports = /^(?:import|export)\s(?:[^;"]*\sfrom\s)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Returns the files of the same package that a file imports. Type imports count. Paths are relative to the root. */
export const importedFilesOf = (path: string): string[] =>
  [...read(path).matchAll(imports)]
    .map(([, statement, expression]) => statement ?? expression ?? "")
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => join(path, "..", specifier));
