// Documentation that is not compiled, run and followed is wrong. Three marks of a block: `ts` is type-checked, `ts run`
// is executed too, and `ts nocheck: <reason>` is neither.

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

// Inside the workspace, so that packages resolve as they do for its sources.
const folder = join(root, ".cache", "documentation");
const sourceOf = ({ path, line }: Fence): string => join(folder, `${path.replaceAll("/", "--")}.L${line}.ts`);

/** Writes a block so that its lines have the numbers that they have in the Markdown. */
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
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["*.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
};

/** What tsc finds in the extracted blocks; empty when it is content. */
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

/** Why a link leads nowhere, or undefined. */
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

test("every table has a head: no blank line parts its rows from it", () => {
  const headless = files.flatMap((file) =>
    tablesOf(file)
      .filter(([, rule = ""]) => !/^\|[ :|-]+\|$/.test(rule))
      .map(([head]) => `${file.path}: ${head}`),
  );
  expect(headless).toEqual([]);
});

/** The packages that a block imports. */
const packagesIn = ({ code }: Fence): string[] =>
  [...code.matchAll(/ from "((?:@[^/"]+\/)?[^/"]+)/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !name.startsWith("node:"));

test.each(files.filter(({ path }) => /^packages\/[^/]+\/README\.md$/.test(path)))(
  "$path installs what its first code imports",
  ({ path, text }) => {
    const installed = [...text.matchAll(/npm install ([^`\n]+)/g)].flatMap(([, names = ""]) => names.split(" "));
    // Who tests a pipeline has it.
    if (installed.includes("--save-dev")) installed.push("@sluice/core");
    const [first] = checked.filter((block) => block.path === path);
    const imported = first === undefined ? [] : packagesIn(first);
    expect(imported.filter((name) => !installed.some((one) => `${one}@`.startsWith(`${name}@`)))).toEqual([]);
  },
);

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

  test("says of every delivery error whether it is retried or rejected, as core does", () => {
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
    const alarms = [...page.matchAll(/^\| \[([^\]]+)\]\(#[\w-]+\)/gm)].map(([, alarm = ""]) => alarm.toLowerCase());
    const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title.toLowerCase());
    expect(alarms.length).toBeGreaterThan(0);
    expect(sections).toEqual(alarms);
  });

  const sourcesOf = (...packages: string[]): string[] =>
    execFileSync("git", ["ls-files", ...packages.map((name) => `packages/${name}/src/*.ts`)], {
      cwd: root,
      encoding: "utf8",
    })
      .trim()
      .split("\n")
      .map((path) => readFileSync(join(root, path), "utf8"));

  test("has a row for every code of what a redrive leaves", () => {
    const section = page.slice(page.indexOf("## Codes of a redrive"), page.indexOf("## Log lines"));
    const given = sourcesOf("cli", "workflow", "redrive").flatMap((text) =>
      [...text.matchAll(/\bcode(?:: code \?\?|:) "([A-Z_]+)"/g)].map(([, code]) => code),
    );
    const rows = [...section.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.sort()).toEqual([...new Set(given)].sort());
  });

  test("has a row for every line of warning in a log", () => {
    const logged = sourcesOf("*")
      .flatMap((text) => [...text.matchAll(/\.warn\(\s*"([^",]+)/g)])
      .map(([, line = ""]) => line)
      .filter((line) => line !== "batch delivered with failures");
    const documented = [...page.matchAll(/^\| (`[a-z].*?) \|/gm)].map(([, cell = ""]) => cell).join();
    expect(logged.length).toBeGreaterThan(5);
    expect(logged.filter((line) => !documented.includes(line))).toEqual([]);
  });
});
