// Checks the documentation as a whole: indexes list every page, every shell command is run by a test or has a reason
// why not, changesets name packages, and no page uses an abandoned word.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fencesOf, linksOf, type MarkdownFile, markdownFiles, root } from "./markdown.ts";

const files = markdownFiles();

/** The files that a page links to, relative to the root of the repository. */
const linkedFrom = (path: string): string[] => {
  const page = files.find((file) => file.path === path) ?? { path, text: "" };
  return linksOf(page)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => normalize(join(dirname(path), link.replace(/#.*$/, ""))));
};

describe("docs/README.md", () => {
  const isListed = ({ path }: MarkdownFile): boolean =>
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
    // The demo's test finds the README's session by the mark `console`, without `run:`.
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

  test("announce every package that was never released", () => {
    const announced = changesets.map(({ text }) => text).join();
    const isReleased = (name: string): boolean =>
      existsSync(join(root, name.replace("@sluice", "packages"), "CHANGELOG.md"));
    expect(packages.filter((name) => !isReleased(name) && !announced.includes(`"${name}"`))).toEqual([]);
  });

  test.each(changesets)("$path names packages that exist, and what changes for their users", ({ text }) => {
    const [, head = "", body = ""] = /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(text) ?? [];
    const names = [...head.matchAll(/^"(.+)": (?:patch|minor|major)$/gm)].map(([, name]) => name);
    expect(names).not.toEqual([]);
    expect(names.filter((name = "") => !packages.includes(name))).toEqual([]);
    expect(body.trim()).not.toBe("");
  });
});

// Words that no code, log or option uses any more. Pages may only quote them in code spans.
const givenUp: readonly RegExp[] = [
  /\bspill(s|ed|ing)?\b/i,
  /\bparked\b/i,
  /\bclaim check\b/i,
  /\bletterbox\b/i,
  /\bledger\b/i,
  /\bpeek\b/i,
  /\breserveMs\b/,
  /\bwhenFailing\b/,
  /\bleft alone\b/i,
  /\bcomes again\b/i,
  /\bwhat became of\b/i,
  /\bin vain\b/i,
  /\bof late\b/i,
  /\bsomebody\b/i,
  /\bdesign\.md\b/,
];

test.each(files.filter(({ path }) => /^(README\.md|docs\/|\.changeset\/|packages\/core\/)/.test(path)))(
  "$path uses no abandoned word",
  ({ text }) => {
    const prose = text.replaceAll(/`[^`\n]*`/g, "");
    expect(givenUp.flatMap((word) => prose.match(word)?.[0] ?? [])).toEqual([]);
  },
);
