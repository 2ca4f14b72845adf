// Checks the documentation as a whole. Indexes list every page. Each shell command is tested, or the page says why not.
// Changesets name packages. No page and no TypeScript file contains an abandoned word.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fencesOf, filesOf, linksOf, markdownFiles, root, type TextFile } from "./markdown.ts";

const files = markdownFiles();

/** Returns the files that a page links to, relative to the root of the repository. */
const linkedFrom = (path: string): string[] => {
  const page = files.find((file) => file.path === path) ?? { path, text: "" };
  return linksOf(page)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => normalize(join(dirname(path), link.replace(/#.*$/, ""))));
};

describe("docs/README.md", () => {
  const isListed = ({ path }: TextFile): boolean =>
    /^(docs|packages\/[^/]+|examples\/[^/]+|bench)\/[^/]+\.md$|^docs\/spec\//.test(path) && path !== "docs/README.md";

  test("links to every page, README of a package, and README of an example", () => {
    const linked = new Set(linkedFrom("docs/README.md"));
    const pages = files.filter(isListed).map(({ path }) => path);
    expect(pages.length).toBeGreaterThan(20);
    expect(pages.filter((path) => !linked.has(path))).toEqual([]);
  });

  test("is linked from the README's first screens", () => {
    expect(linkedFrom("README.md")).toContain("docs/README.md");
  });
});

describe("docs/decisions/README.md", () => {
  const decisions = readdirSync(join(root, "docs/decisions")).filter((name) => name !== "README.md");

  test("lists every decision of the folder, once and in order", () => {
    const listed = linkedFrom("docs/decisions/README.md").map((path) => path.replace("docs/decisions/", ""));
    expect(decisions.length).toBeGreaterThan(10);
    expect(listed).toEqual(decisions.sort());
  });

  test.each(decisions)("%s has the number of its file name in its title", (name) => {
    const [title = ""] = readFileSync(join(root, "docs/decisions", name), "utf8").split("\n");
    expect(title).toMatch(/^# 0*\d+(:|\.) /);
    expect(Number(/\d+/.exec(title)?.[0])).toBe(Number(name.slice(0, 4)));
  });
});

describe("shell commands in README.md and docs/", () => {
  const blocks = files
    .filter(({ path }) => path === "README.md" || path.startsWith("docs/"))
    .flatMap(fencesOf)
    .filter(({ info, code }) => /^(sh|bash|console)\b/.test(info) || /^(\$|npx?|node|sluice|aws) /m.test(code))
    .filter(({ info }) => !/^(ts|js|json)\b/.test(info));

  test("name the file that runs them, or the reason why no file runs them", () => {
    const unmarked = blocks.filter(({ info }) => !/^(sh|console) (run: \S+|not run: \S.*)$/.test(info));
    // The demo's test runs the README's block whose info string is only `console`, so the block needs no `run:`.
    const others = unmarked.filter(({ path, info }) => !(path === "README.md" && info === "console"));
    expect(blocks.length).toBeGreaterThan(5);
    expect(others.map(({ path, line, info }) => `${path}:${line} ${info}`)).toEqual([]);
  });

  test("are run by files that exist and read their page", () => {
    const missing = blocks.flatMap(({ path, info }) => {
      const [, runner] = /run: (\S+\.ts)$/.exec(info) ?? [];
      if (runner === undefined || info.includes("not run")) return [];
      const reads = existsSync(join(root, runner)) && readFileSync(join(root, runner), "utf8").includes(path);
      return reads ? [] : [`${path}: ${runner}`];
    });
    expect(missing).toEqual([]);
    expect(readFileSync(join(root, "examples/demo/test/demo.test.ts"), "utf8")).toContain("README.md");
  });
});

describe("changesets", () => {
  const changesets = files.filter(({ path }) => /^\.changeset\/(?!README)/.test(path));
  const packages = readdirSync(join(root, "packages")).map((name) => `@sluice/${name}`);

  test("announce every public package that was never released", () => {
    const announced = changesets.map(({ text }) => text).join();
    const isReleased = (name: string): boolean =>
      existsSync(join(root, name.replace("@sluice", "packages"), "CHANGELOG.md"));
    const isPrivate = (name: string): boolean =>
      JSON.parse(readFileSync(join(root, name.replace("@sluice", "packages"), "package.json"), "utf8")).private ===
      true;
    const silent = packages.filter((name) => !isReleased(name) && !announced.includes(`"${name}"`));
    expect(silent.filter((name) => !isPrivate(name))).toEqual([]);
  });

  test.each(changesets)("$path names packages that exist, and what changes for their users", ({ text }) => {
    const [, head = "", body = ""] = /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(text) ?? [];
    const names = [...head.matchAll(/^"(.+)": (?:patch|minor|major)$/gm)].map(([, name]) => name);
    expect(names).not.toEqual([]);
    expect(names.filter((name = "") => !packages.includes(name))).toEqual([]);
    expect(body.trim()).not.toBe("");
  });
});

// Terms that the project no longer uses. The text of a page must not contain them; code spans may.
const givenUp: readonly RegExp[] = [
  /\blanes?\b/i,
  /\bverdicts?\b/i,
  /\bsettlements?\b/i,
  /\bparcels?\b/i,
  /\bspool(s|ed|ing)?\b/i,
  /\bletterbox(es)?\b/i,
  /\bparked\b/i,
  /\bspill(s|ed|ing)?\b/i,
  /claim ?check/i,
  /\bpoison(s|ed|ous)?\b/i,
  /\bgravest\b/i,
  /\bmisfits?\b/i,
  /\bcomes again\b/i,
  /\bwhat became of\b/i,
  /\bsomebody\b/i,
  /\bnobody\b/i,
  /\bin vain\b/i,
  /\bof late\b/i,
  /\bledgers?\b/i,
  /\btold\b/i,
  /\bnews\b/i,
  /\bgoes to see\b/i,
  /\bleft alone\b/i,
];

// Words that pages must not contain. Code may contain them.
const givenUpInPages: readonly RegExp[] = [/\bpeek\b/i, /\breserveMs\b/, /\bwhenFailing\b/, /\bdesign\.md\b/];

const pages = files
  .filter(({ path }) => /^(README\.md|docs\/|\.changeset\/|(packages|examples|bench)\/)/.test(path))
  .filter(({ path }) => path !== "docs/decisions/0035-rooms-doors-and-words.md"); // this page lists the words

test.each(pages)("$path uses no abandoned word", ({ text }) => {
  const prose = text.replaceAll(/`[^`\n]*`/g, "");
  expect([...givenUp, ...givenUpInPages].flatMap((word) => prose.match(word)?.[0] ?? [])).toEqual([]);
});

describe("TypeScript files", () => {
  const exempt = [
    /^test\/documentation-index\.test\.ts$/, // contains the lists above
    /^packages\/local\/src\/engines\/postgres-data\.ts$/, // uses the Unix account "nobody"
  ];
  const sources = filesOf("packages/*.ts", "test/*.ts", "bench/*.ts", "examples/*.ts").filter(
    ({ path }) => !exempt.some((pattern) => pattern.test(path)),
  );

  /** Returns the text with spaces between the words of each identifier: `RunLedger` becomes `Run Ledger`. */
  const wordsOf = (text: string): string => text.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|_/g, " ");

  /** Splits identifiers only if `word` has no space. Otherwise `of lateWrite` would match the phrase "of late". */
  const textFor = (word: RegExp, line: string): string => (word.source.includes(" ") ? line : wordsOf(line));

  test("use no abandoned word in comments, texts or names", () => {
    const hits = sources.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, index) => {
        const found = givenUp.flatMap((word) => textFor(word, line).match(word)?.[0] ?? []);
        return found.map((word) => `${path}:${index + 1} ${word}`);
      }),
    );
    expect(sources.length).toBeGreaterThan(300);
    expect(hits).toEqual([]);
  });

  test("have file names without an abandoned word", () => {
    const names = sources.map(({ path }) => path.replaceAll(/[^a-z0-9]/gi, " "));
    expect(names.filter((name) => givenUp.some((word) => word.test(name)))).toEqual([]);
  });
});
