// The tree is the architecture: every package has the files that its kind has, and is built with the workspace.

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

test.each(sinks)(
  "%s loads the client of its target at its first use, not at a cold start that may not need it",
  (folder) => {
    const { peerDependencies = {} } = readJson<Manifest>(folder, "package.json");
    const peers = Object.keys(peerDependencies).filter((name) => !name.startsWith("@sluice/"));
    const modules = readdirSync(join(root, folder, "src"), { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".ts"),
    );
    const loaded = modules.flatMap((path) => importedAtOnce(readFileSync(join(root, folder, "src", path), "utf8")));
    expect(loaded).toContain("@sluice/core");
    expect(loaded.filter((module) => peers.some((peer) => module === peer || module.startsWith(`${peer}/`)))).toEqual(
      [],
    );
  },
);

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
      "packages/cli": ["@sluice/core", "@sluice/local"],
    };
    const allowed = arrows[folder] ?? ["@sluice/core"];
    expect(internal.filter((name) => !allowed.includes(name))).toEqual([]);
  });
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
