// Reads the Markdown files of this repository for tests: fenced blocks, headings, links and tables.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of the repository. */
export const root: string = dirname(dirname(fileURLToPath(import.meta.url)));

/** A file and its text. */
export interface TextFile {
  /** The path of the file, relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block. The info string is the text after the opening fence. */
export interface Fence {
  readonly path: string;
  /** The number of the block's first line. The first line of the file has the number 1. */
  readonly line: number;
  readonly info: string;
  readonly code: string;
}

/** Returns the files that match one of these git patterns, except files that git ignores. */
export const filesOf = (...patterns: readonly string[]): TextFile[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** Returns every Markdown file of the repository, except files that git ignores. */
export const markdownFiles = (): TextFile[] => filesOf("*.md");

const fence = /^( *)(```+|~~~+)([^\n]*)\n([\s\S]*?)^ *\2[`~]* *$/gm;

/** Returns the fenced blocks of a file, in order, without their indentation. */
export const fencesOf = ({ path, text }: TextFile): Fence[] =>
  [...text.matchAll(fence)].map((match) => ({
    path,
    line: text.slice(0, match.index).split("\n").length + 1,
    info: (match[3] ?? "").trim(),
    code: (match[4] ?? "").replaceAll(new RegExp(`^${match[1]}`, "gm"), ""),
  }));

/** Returns the text without its code, because brackets in code are not links. */
const prose = (text: string): string => text.replaceAll(fence, "").replaceAll(/`[^`\n]*`/g, "code");

/** Returns the targets of a file's links exactly as written, such as `./errors.md#sink_denied`. */
export const linksOf = ({ text }: TextFile): string[] => {
  const inline = [...prose(text).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const definitions = [...prose(text).matchAll(/^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s+"[^"]*")?$/gm)];
  return [...inline, ...definitions].map((match) => match[1] ?? "");
};

/** Returns the tables. A table is a list of lines. */
export const tablesOf = ({ text }: Pick<TextFile, "text">): string[][] =>
  [...text.replaceAll(fence, "").matchAll(/(?:^ *\|.*\n)+/gm)].map(([lines]) =>
    lines.split("\n").flatMap((line) => (line === "" ? [] : [line.trim()])),
  );

/** Returns the texts of the headings, in order. The texts still contain Markdown. */
export const headingsOf = ({ text }: Pick<TextFile, "text">): string[] =>
  [...text.replaceAll(fence, "").matchAll(/^#{1,6} +(.+?) *#*$/gm)].map((match) => match[1] ?? "");

const slugOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");

/** Returns the anchors that GitHub creates for the headings. Repeated anchors get numbers. */
export const anchorsOf = (file: Pick<TextFile, "text">): Set<string> => {
  const seen = new Map<string, number>();
  const anchors = headingsOf(file).map((heading) => {
    const slug = slugOf(heading);
    const repeats = seen.get(slug) ?? 0;
    seen.set(slug, repeats + 1);
    return repeats === 0 ? slug : `${slug}-${repeats}`;
  });
  return new Set(anchors);
};
