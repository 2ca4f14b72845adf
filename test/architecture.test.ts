// The tree is the architecture: every package has the files that its kind has, and is built with the workspace.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { root } from "./markdown.ts";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly type?: string;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

interface Project {
  readonly references?: readonly { readonly path: string }[];
}

const readJson = <Shape>(...path: string[]): Shape => JSON.parse(readFileSync(join(root, ...path), "utf8")) as Shape;

const foldersIn = (parent: string): string[] =>
  readdirSync(join(root, parent))
    .filter((name) => existsSync(join(root, parent, name, "package.json")))
    .map((name) => `${parent}/${name}`);

const packages = foldersIn("packages");
const examples = foldersIn("examples");
const sinks = packages.filter((folder) => folder.startsWith("packages/sink-"));

const filesOfSink = [
  "README.md",
  "src/index.ts",
  "src/options.ts",
  "src/encode.ts",
  "src/classify.ts",
  "src/sink.ts",
  "test/conformance.test.ts",
  "test/encode.test.ts",
  "test/classify.test.ts",
  "test/options.test.ts",
];

test("the workspace has sinks", () => {
  expect(sinks.length).toBeGreaterThan(0);
});

test.each(sinks)("%s has the files that every sink has", (folder) => {
  expect(filesOfSink.filter((file) => !existsSync(join(root, folder, file)))).toEqual([]);
});

/** What a module imports as soon as it is imported itself; types are gone by then. */
const importedAtOnce = (source: string): string[] =>
  [...source.matchAll(/^(?:import|export)\s(?!type\b)(?:[^;"]*\sfrom\s)?"([^"]+)"/gm)].map(([, module = ""]) => module);

const sourcesOf = (folder: string): string[] =>
  readdirSync(join(root, folder, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(join(root, folder, "src", path), "utf8"));

/** Whether a module is of a peer dependency of that package. */
const isPeerOf = (folder: string): ((module: string) => boolean) => {
  const peers = Object.keys(readJson<Manifest>(folder, "package.json").peerDependencies ?? {});
  return (module) => peers.some((peer) => module === peer || module.startsWith(`${peer}/`));
};

test.each(sinks)(
  "%s loads the client of its target at its first use, not at a cold start that may not need it",
  (folder) => {
    const loaded = sourcesOf(folder).flatMap(importedAtOnce);
    expect(loaded).toContain("@sluice/core/sink-kit");
    expect(loaded.filter(isPeerOf(folder))).toEqual([]);
  },
);

// esbuild refuses to bundle an import of a package that is not installed, unless it has a `catch`.
test.each(packages)("%s names a peer dependency that is missing, and can be bundled without it", (folder) => {
  const imported = sourcesOf(folder).flatMap((source) => [
    ...source.matchAll(/(?<!typeof )import\("([^"]+)"\)(?!\.[A-Z])(\.catch\(\s*missingDependency\()?/g),
  ]);
  const unnamed = imported.filter(([, module = "", caught]) => isPeerOf(folder)(module) && caught === undefined);
  expect(unnamed.map(([, module]) => module)).toEqual([]);
});

test.each([...packages, ...examples])("%s has a README.md", (folder) => {
  expect(existsSync(join(root, folder, "README.md"))).toBe(true);
});

describe.each(packages)("%s", (folder) => {
  test("is an ESM package under the MIT licence that says which Node it needs", () => {
    const { name, license, type, engines } = readJson<Manifest>(folder, "package.json");
    expect({ name, license, type, node: engines?.node }).toEqual({
      name: `@sluice/${folder.replace("packages/", "")}`,
      license: "MIT",
      type: "module",
      node: ">=20.19",
    });
    expect(readFileSync(join(root, folder, "LICENSE"), "utf8")).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
  });

  test("depends on packages of the workspace as the arrows of the design allow", () => {
    const { dependencies, peerDependencies } = readJson<Manifest>(folder, "package.json");
    const internal = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) =>
      name.startsWith("@sluice/"),
    );
    const none: readonly string[] = [];
    const arrows: Record<string, readonly string[]> = {
      "packages/core": none,
      "packages/cdk": none,
      "packages/cli": ["@sluice/core", "@sluice/redrive", "@sluice/local"],
      "packages/workflow": ["@sluice/core", "@sluice/redrive"],
    };
    const allowed = arrows[folder] ?? ["@sluice/core"];
    expect(internal.filter((name) => !allowed.includes(name))).toEqual([]);
  });
});

// The demo configures the functions that it runs; its own options are arguments.
const functions = examples.filter((folder) => folder !== "examples/demo");

test.each(functions)("%s lists in its README every variable that it reads", (folder) => {
  const sources = readdirSync(join(root, folder, "src")).map((file) =>
    readFileSync(join(root, folder, "src", file), "utf8"),
  );
  const reads = /process\.env\.([A-Z_]+)|\("([A-Z]+(?:_[A-Z]+)+)"\)|\{ ([A-Z_, ]+) \} = process\.env/g;
  const variables = [...sources.join("\n").matchAll(reads)].flatMap(([, dotted, called, destructured]) =>
    (dotted ?? called ?? destructured ?? "").split(", "),
  );
  const readme = readFileSync(join(root, folder, "README.md"), "utf8");
  expect(variables.length).toBeGreaterThan(0);
  expect(variables.filter((variable) => !readme.includes(`\`${variable}\``))).toEqual([]);
});

test("the root project builds every package, every example and the bench", () => {
  const { references = [] } = readJson<Project>("tsconfig.json");
  const built = references.map(({ path }) => path.replace(/^\.\//, ""));
  expect(built.sort()).toEqual([...packages, ...examples, "bench"].sort());
});

test.each([...packages, ...examples])("%s refers to the projects that it depends on", (folder) => {
  const { dependencies = {} } = readJson<Manifest>(folder, "package.json");
  const { references = [] } = readJson<Project>(folder, "tsconfig.json");
  const folderOf = new Map(
    [...packages, ...examples].map((path) => [readJson<Manifest>(path, "package.json").name, path]),
  );
  const expected = Object.keys(dependencies).flatMap((name) => folderOf.get(name) ?? []);
  const actual = references.map(({ path }) => join(folder, path));
  expect(expected.filter((path) => !actual.includes(path))).toEqual([]);
});

// pg reports that a server went away as an event, even after `end()`: without a listener it ends the process.
test("every pool and client of pg has a listener for errors, right where it is made", () => {
  const paths = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts", "*.md"], {
    cwd: root,
    encoding: "utf8",
  });
  const made = paths
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .flatMap((path) =>
      [...readFileSync(join(root, path), "utf8").matchAll(/new (?:pg\.Client|(?:pg\.)?Pool)\(.*\n(.*\n.*)/g)].map(
        ([, next = ""]) => ({ path, isHeard: next.includes('.on("error"') }),
      ),
    );
  expect(made.length).toBeGreaterThan(5);
  expect(made.filter(({ isHeard }) => !isHeard)).toEqual([]);
});
