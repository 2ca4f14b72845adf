// Checks which files and folders each package has, and what each file may import.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { undocumentedIn } from "./doc-comments.ts";
import { importCyclesOf } from "./import-cycles.ts";
import { root } from "./markdown.ts";
import {
  doorsOf,
  filesOfRepository,
  foldersIn,
  importedFilesOf,
  manifestOf,
  read,
  readJson,
  reexportsOf,
  sourceFilesOf,
} from "./workspace.ts";

interface Project {
  readonly references?: readonly { readonly path: string }[];
}

const packages = foldersIn("packages");
const examples = foldersIn("examples");
const sinks = packages.filter((folder) => folder.startsWith("packages/sink-"));

const filesOfSink = ["index.ts", "options.ts", "encode.ts", "classify.ts", "sink.ts"];
const filesBesideSources = [
  "README.md",
  "test/conformance.test.ts",
  "test/encode.test.ts",
  "test/classify.test.ts",
  "test/options.test.ts",
];

/** The folders that a sink may have beside its five files. A folder name means the same in every sink package. */
const foldersOfSinks: Readonly<Record<string, string>> = {
  client: "creates the client of the target, or adapts the user's client",
  schema: "reads, creates and purges tables and indexes of the target",
  write: "turns a batch into requests, and their responses into results",
  read: "reads what the target holds, and computes what a write would store",
  request: "builds, signs and sends one HTTP request",
  mime: "builds the text of a mail",
  transport: "sends a mail by one service or protocol",
};

test("the workspace has sinks", () => {
  expect(sinks.length).toBeGreaterThan(0);
});

describe.each(sinks)("%s", (folder) => {
  test("has a README and the test files that every sink has", () => {
    expect(filesBesideSources.filter((file) => !existsSync(join(root, folder, file)))).toEqual([]);
  });

  test("has the five files of a sink at the top of src, and beside them only known folders", () => {
    const entries = readdirSync(join(root, folder, "src"), { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    expect(files.sort()).toEqual([...filesOfSink].sort());
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(folders.filter((name) => foldersOfSinks[name] === undefined)).toEqual([]);
  });
});

/** Returns the modules that a source file imports statically. Leaves out dynamic imports and type-only imports. */
const loadedBy = (path: string): string[] =>
  [...read(path).matchAll(/^(?:import|export)\s(?!type\b)(?:[^;"]*\sfrom\s)?"([^"]+)"/gm)].map(
    ([, module = ""]) => module,
  );

/** Returns a function that tells whether a module belongs to a peer dependency of this package. */
const isPeerOf = (folder: string): ((module: string) => boolean) => {
  const peers = Object.keys(manifestOf(folder).peerDependencies ?? {});
  return (module) => peers.some((peer) => module === peer || module.startsWith(`${peer}/`));
};

test.each(sinks)("%s loads the client of its target at its first use, not at the cold start", (folder) => {
  const loaded = sourceFilesOf(folder).flatMap(loadedBy);
  expect(loaded).toContain("@sluice/core/sink-kit");
  expect(loaded.filter(isPeerOf(folder))).toEqual([]);
});

// esbuild refuses to bundle the import of a package that is not installed, unless the code catches the import's error.
test.each(packages)("%s names a missing peer dependency, and can be bundled without it", (folder) => {
  const imported = sourceFilesOf(folder).flatMap((path) => [
    ...read(path).matchAll(/(?<!typeof )import\("([^"]+)"\)(?!\.[A-Z])(\.catch\(\s*missingDependency\()?/g),
  ]);
  const unnamed = imported.filter(([, module = "", caught]) => isPeerOf(folder)(module) && caught === undefined);
  expect(unnamed.map(([, module]) => module)).toEqual([]);
});

test.each([...packages, ...examples])("%s has a README.md", (folder) => {
  expect(existsSync(join(root, folder, "README.md"))).toBe(true);
});

describe.each(packages)("%s", (folder) => {
  test("is an ESM package under the MIT licence that says which Node it needs", () => {
    const { name, license, type, engines } = manifestOf(folder);
    expect({ name, license, type, node: engines?.node }).toEqual({
      name: `@sluice/${folder.replace("packages/", "")}`,
      license: "MIT",
      type: "module",
      node: ">=20.19",
    });
    expect(read(`${folder}/LICENSE`)).toBe(read("LICENSE"));
  });

  test("depends only on the packages of the workspace that the design allows", () => {
    const { dependencies, peerDependencies } = manifestOf(folder);
    const internal = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) =>
      name.startsWith("@sluice/"),
    );
    const none: readonly string[] = [];
    const exceptions: Record<string, readonly string[]> = {
      "packages/core": none,
      "packages/cdk": ["@sluice/rules", "@sluice/workflow"],
      "packages/cli": ["backfill", "console", "core", "dev", "inspect", "redrive"].map((name) => `@sluice/${name}`),
      "packages/console": ["@sluice/core", "@sluice/inspect"],
      "packages/dev": ["@sluice/core", "@sluice/local"],
      "packages/inspect": ["@sluice/backfill", "@sluice/core", "@sluice/rules"],
      "packages/rules": none,
      "packages/workflow": ["@sluice/core", "@sluice/redrive", "@sluice/backfill"],
    };
    const allowed = exceptions[folder] ?? ["@sluice/core"];
    expect(internal.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test("has no import cycle, type-only imports included", () => {
    const graph = new Map(sourceFilesOf(folder).map((path) => [path, importedFilesOf(path)]));
    expect(importCyclesOf(graph)).toEqual([]);
  });

  test("has a doc comment directly above every exported declaration", () => {
    expect(sourceFilesOf(folder).flatMap(undocumentedIn)).toEqual([]);
  });
});

describe("the rooms of core", () => {
  const src = "packages/core/src";
  /** A room is a group of files. A file may import from its own room and from the rooms before it in this list. */
  const rooms = [
    ["errors.ts", "logger.ts"],
    ["async/"],
    ["record/"],
    ["sink/"],
    ["envelope/"],
    ["intake/"],
    ["delivery/"],
    ["observe/"],
    ["pipeline/"],
    ["index.ts", "sink-kit.ts", "envelope.ts", "filters.ts", "metrics.ts", "opentelemetry.ts"],
  ];
  const roomOf = (path: string): number =>
    rooms.findIndex((entries) =>
      entries.some((entry) => (entry.endsWith("/") ? path.startsWith(`${src}/${entry}`) : path === `${src}/${entry}`)),
    );
  const files = sourceFilesOf("packages/core");

  test("contain every file", () => {
    expect(files.filter((path) => roomOf(path) < 0)).toEqual([]);
  });

  test("import only from their own and from earlier rooms, even types", () => {
    const upward = files.flatMap((path) =>
      importedFilesOf(path)
        .filter((imported) => roomOf(imported) > roomOf(path))
        .map((imported) => `${path} -> ${imported}`),
    );
    expect(upward).toEqual([]);
  });
});

/** Returns a file and every file that it imports, directly or not. */
const reachedFrom = (path: string, reached: Set<string> = new Set()): ReadonlySet<string> => {
  if (!reached.has(path)) {
    reached.add(path);
    for (const imported of importedFilesOf(path)) reachedFrom(imported, reached);
  }
  return reached;
};

test("only the door opentelemetry of core needs @opentelemetry/api, and pipelines without its adapters do not load them", () => {
  const doorsWith = (part: RegExp): string[] =>
    doorsOf("packages/core")
      .filter(({ path }) => [...reachedFrom(path)].some((file) => part.test(read(file))))
      .map(({ name }) => name);
  expect(doorsWith(/from "@opentelemetry\//)).toEqual(["@sluice/core/opentelemetry"]);
  const adapters = [...reachedFrom("packages/core/src/index.ts")].filter((file) =>
    /otel|powertools-metrics/.test(file),
  );
  expect(adapters).toEqual([]);
});

const doors = packages.flatMap(doorsOf);

/** Follows re-exports of a name to the declaration. Returns the file that declares the name, and the declared name. */
const declarationOf = (path: string, name: string): string => {
  const reexport = reexportsOf(read(path)).find((other) => other.name === name);
  if (reexport === undefined) return `${path} ${name}`;
  const { from, original } = reexport;
  if (from.startsWith(".")) return declarationOf(join(path, "..", from), original);
  const door = doors.find((other) => other.name === from);
  return door === undefined ? `${from} ${original}` : declarationOf(door.path, original);
};

test("no two doors export the same name for different things", () => {
  const meanings = new Map<string, Map<string, string>>();
  for (const { name: door, path } of doors) {
    for (const { name } of reexportsOf(read(path))) {
      const meaning = meanings.get(name) ?? new Map<string, string>();
      meanings.set(name, meaning.set(declarationOf(path, name), door));
    }
  }
  const ambiguous = [...meanings].filter(([, meaning]) => meaning.size > 1);
  expect(ambiguous.map(([name, meaning]) => `${name}: ${[...meaning.values()].join(", ")}`)).toEqual([]);
});

test("no file mentions the internal design documents, which are not in the repository", () => {
  const mentioned = new RegExp(["design", "house"].map((name) => `\\b${name}\\.md\\b`).join("|"));
  const texts = filesOfRepository("*.ts", "*.js", "*.mjs", "*.json", "*.md", "*.yml", "*.sh");
  expect(texts.filter((path) => mentioned.test(read(path)))).toEqual([]);
});

// The demo is left out, because it is a command, not a Lambda function. It sets the environment variables of the
// functions that it runs.
const functions = examples.filter((folder) => folder !== "examples/demo" && !folder.startsWith("examples/deploy-"));

test.each(functions)("the README of %s lists every environment variable that the example reads", (folder) => {
  const sources = readdirSync(join(root, folder, "src")).map((file) => read(`${folder}/src/${file}`));
  const reads = /process\.env\.([A-Z_]+)|\("([A-Z]+(?:_[A-Z]+)+)"\)|\{ ([A-Z_, ]+) \} = process\.env/g;
  const variables = [...sources.join("\n").matchAll(reads)].flatMap(([, dotted, called, destructured]) =>
    (dotted ?? called ?? destructured ?? "").split(", "),
  );
  const readme = read(`${folder}/README.md`);
  expect(variables.length).toBeGreaterThan(0);
  expect(variables.filter((variable) => !readme.includes(`\`${variable}\``))).toEqual([]);
});

test("the root project builds every package, every example and the bench", () => {
  const { references = [] } = readJson<Project>("tsconfig.json");
  const built = references.map(({ path }) => path.replace(/^\.\//, ""));
  expect(built.sort()).toEqual([...packages, ...examples, "bench"].sort());
});

test.each([...packages, ...examples])("%s refers to the projects that it depends on", (folder) => {
  const { dependencies = {} } = manifestOf(folder);
  const { references = [] } = readJson<Project>(`${folder}/tsconfig.json`);
  const folderOf = new Map([...packages, ...examples].map((path) => [manifestOf(path).name, path]));
  const expected = Object.keys(dependencies).flatMap((name) => folderOf.get(name) ?? []);
  const actual = references.map(({ path }) => join(folder, path));
  expect(expected.filter((path) => !actual.includes(path))).toEqual([]);
});

// When the server closes a connection, pg emits an error event, even after `end()`. Without a listener Node exits.
test("every pool and client of pg has a listener for errors in the line after its constructor", () => {
  const constructed = filesOfRepository("*.ts", "*.md").flatMap((path) =>
    [...read(path).matchAll(/new (?:pg\.Client|(?:pg\.)?Pool)\(.*\n(.*\n.*)/g)].map(([, next = ""]) => ({
      path,
      hasListener: next.includes('.on("error"'),
    })),
  );
  expect(constructed.length).toBeGreaterThan(5);
  expect(constructed.filter(({ hasListener }) => !hasListener)).toEqual([]);
});
