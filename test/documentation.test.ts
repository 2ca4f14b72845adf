// Checks that the code in the documentation compiles and runs, that links work, and that tables agree with the sources.
// A TypeScript block with the info string `ts` is type-checked, and with `ts run` also executed. A block with `ts
// nocheck: <reason>` is not checked.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { type DeliveryErrorCode, outcomeOf } from "@sluice/core/sink-kit";
import { anchorsOf, type Fence, fencesOf, headingsOf, linksOf, markdownFiles, root, tablesOf } from "./markdown.ts";

const files = markdownFiles();
const fences = files.flatMap(fencesOf);
const typescript = fences.filter(({ info }) => /^(ts|typescript|tsx|mts)\b/.test(info));
const checked = typescript.filter(({ info }) => info === "ts" || info === "ts run");
const place = ({ path, line }: Fence): string => `${path}:${line}`;

// The folder is inside the workspace, so that the blocks import the packages of the workspace.
const folder = join(root, ".cache", "documentation");
const sourceOf = ({ path, line }: Fence): string => join(folder, `${path.replaceAll("/", "--")}.L${line}.ts`);

/** Writes a block into a file. A line has the same number in this file as in the Markdown file. */
const extract = (block: Fence): void => writeFileSync(sourceOf(block), "\n".repeat(block.line - 1) + block.code);

const extractAll = (): void => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  checked.forEach(extract);
  const compilerOptions = {
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    noEmit: true,
    allowImportingTsExtensions: true,
    moduleDetection: "force",
    // The CDK's classes do not fit its interfaces under this option.
    exactOptionalPropertyTypes: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["*.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
};

/** Returns the errors that tsc finds in the extracted blocks, or an empty text. */
const typeErrors = (): string => {
  const tsc = join(root, "node_modules", ".bin", "tsc");
  try {
    execFileSync(tsc, ["-p", folder, "--pretty", "false"], { cwd: folder, encoding: "utf8" });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
};

describe("code in the documentation", () => {
  extractAll();

  test("every TypeScript block is marked ts, ts run, or ts nocheck with a reason", () => {
    const wrong = typescript.filter(({ info }) => !/^ts( run| nocheck: \S.*)?$/.test(info));
    expect(wrong.map((block) => `${place(block)} ${block.info}`)).toEqual([]);
  });

  test("every block of the documentation compiles", () => {
    expect(checked.length).toBeGreaterThan(0);
    expect(typeErrors()).toBe("");
  });

  for (const block of typescript.filter(({ info }) => info === "ts run")) {
    test(`${place(block)} runs`, async () => {
      await expect(import(pathToFileURL(sourceOf(block)).href)).resolves.toBeDefined();
    });
  }
});

/** Returns the reason why a link is broken, or undefined if the link works. */
const faultOf = (from: string, link: string): string | undefined => {
  const [target = "", anchor] = decodeURI(link).split("#");
  const path = target === "" ? from : normalize(join(dirname(from), target));
  if (path.startsWith("..")) return "leaves the repository";
  if (!existsSync(join(root, path))) return `${path} does not exist`;
  if (anchor === undefined || !path.endsWith(".md")) return undefined;
  const anchors = anchorsOf({ text: readFileSync(join(root, path), "utf8") });
  return anchors.has(anchor) ? undefined : `${path} has no heading #${anchor}`;
};

test("every relative link leads to a file and a heading that exist", () => {
  const broken = files.flatMap((file) =>
    linksOf(file)
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => ({ link, fault: faultOf(file.path, link) }))
      .filter(({ fault }) => fault !== undefined)
      .map(({ link, fault }) => `${file.path}: ${link}: ${fault}`),
  );
  expect(broken).toEqual([]);
});

test("no blank line separates the rows of a table from its head", () => {
  const headless = files.flatMap((file) =>
    tablesOf(file)
      .filter(([, rule = ""]) => !/^\|[ :|-]+\|$/.test(rule))
      .map(([head]) => `${file.path}: ${head}`),
  );
  expect(headless).toEqual([]);
});

/** Returns the names of the packages that a block imports. */
const packagesIn = ({ code }: Fence): string[] =>
  [...code.matchAll(/ from "((?:@[^/"]+\/)?[^/"]+)/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !name.startsWith("node:"));

const isPublished = ({ path }: { readonly path: string }): boolean =>
  /^packages\/[^/]+\/README\.md$/.test(path) &&
  JSON.parse(readFileSync(join(root, dirname(path), "package.json"), "utf8")).private !== true;

test.each(files.filter(isPublished))("$path installs the packages that its first code imports", ({ path, text }) => {
  const installed = [...text.matchAll(/npm install ([^`\n]+)/g)].flatMap(([, names = ""]) => names.split(" "));
  // Users who install a package with `--save-dev` for tests have already installed core for their pipeline.
  if (installed.includes("--save-dev")) installed.push("@sluice/core");
  const [first] = checked.filter((block) => block.path === path);
  const imported = first === undefined ? [] : packagesIn(first);
  expect(imported.filter((name) => !installed.some((one) => `${one}@`.startsWith(`${name}@`)))).toEqual([]);
});

describe("docs/errors.md", () => {
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const page = existsSync(join(root, "docs/errors.md")) ? read("docs/errors.md") : "";
  const core = [...read("packages/core/src/errors.ts").matchAll(/^export type \w+Code =[^;]*;/gm)].map(
    ([union]) => union,
  );
  const sources = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "packages/*/src/*.ts"], {
    cwd: root,
    encoding: "utf8",
  });
  const classes = sources
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .flatMap((path) => read(path).match(/extends SluiceError<"[A-Z_]+">/g) ?? []);
  const codesIn = (texts: readonly string[]): string[] =>
    texts.flatMap((text) => text.match(/(?<=")[A-Z_]+(?=")/g) ?? []);
  const codes = [...new Set(codesIn([...core, ...classes]))].sort();
  const ofDeliveries = new Set(codesIn(core).filter((code) => !code.startsWith("CONFIG_")));

  test("has a heading for every code, and for no other", () => {
    const documented = headingsOf({ text: page }).flatMap(
      (heading) => heading.match(/^`([A-Z]+(?:_[A-Z]+)+)`$/)?.[1] ?? [],
    );
    expect(codes.length).toBeGreaterThan(0);
    expect(documented.sort()).toEqual(codes);
  });

  test("says for every delivery error whether core retries or rejects it", () => {
    const rows = [...page.matchAll(/^\| \[`([A-Z_]+)`\]\(#\w+\) \| (\w+) \|/gm)].map((row) => [row[1], row[2]]);
    const expected = codes.map((code) => [
      code,
      ofDeliveries.has(code) ? outcomeOf(code as DeliveryErrorCode) : "throw",
    ]);
    expect(rows.sort()).toEqual(expected);
  });
});

describe("docs/runbook.md", () => {
  const page = readFileSync(join(root, "docs/runbook.md"), "utf8");
  const errors = readFileSync(join(root, "docs/errors.md"), "utf8");

  test("has a row for every code", () => {
    const codes = headingsOf({ text: errors }).flatMap((heading) => heading.match(/^`([A-Z_]+)`$/)?.[1] ?? []);
    const section = page.slice(page.indexOf("## Codes\n"), page.indexOf("## Codes of a redrive"));
    const rows = [...section.matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/[A-Z_]+/g)].map(([code]) => code),
    );
    expect(codes.length).toBeGreaterThan(0);
    expect(rows.sort()).toEqual(codes.sort());
  });

  test("has a section for every alarm, and for no other", () => {
    const anchors = [...page.matchAll(/^\| \[[^\]]+\]\(#([\w-]+)\)/gm)].map(([, anchor = ""]) => anchor);
    const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, title = ""]) =>
      title.toLowerCase().replaceAll(" ", "-"),
    );
    expect(anchors.length).toBeGreaterThan(0);
    // Two alarms may share a section.
    expect(sections).toEqual([...new Set(anchors)]);
  });

  const sourcesOf = (...packages: string[]): string[] =>
    execFileSync("git", ["ls-files", ...packages.map((name) => `packages/${name}/src/*.ts`)], {
      cwd: root,
      encoding: "utf8",
    })
      .trim()
      .split("\n")
      .map((path) => readFileSync(join(root, path), "utf8"));

  test("has a row for every code of a message that a redrive leaves in the queue", () => {
    const section = page.slice(page.indexOf("## Codes of a redrive"), page.indexOf("## Log lines"));
    const given = sourcesOf("cli", "redrive", "workflow").flatMap((text) =>
      [...text.matchAll(/\bcode(?:: code \?\?|:) "([A-Z_]+)"/g)].map(([, code]) => code),
    );
    const rows = [...section.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.sort()).toEqual([...new Set(given)].sort());
  });

  test("has a row for every warning that is logged", () => {
    const logged = sourcesOf("*")
      .flatMap((text) => [...text.matchAll(/\.warn\(\s*"([^",]+)/g)])
      .map(([, line = ""]) => line)
      .filter((line) => line !== "batch finished with failures");
    const documented = [...page.matchAll(/^\| (`[a-z].*?) \|/gm)].map(([, cell = ""]) => cell).join();
    expect(logged.length).toBeGreaterThan(5);
    expect(logged.filter((line) => !documented.includes(line))).toEqual([]);
  });
});
