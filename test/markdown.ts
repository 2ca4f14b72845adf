// Reads the Markdown of this repository for tests: fenced blocks, headings, links, tables.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of the repository. */
export const root: string = dirname(dirname(fileURLToPath(import.meta.url)));

/** A file and its text. */
export interface TextFile {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block. The info string is the text after the opening fence. */
export interface Fence {
  readonly path: string;
  /** Number of the first line inside the fence; the file's first line is 1. */
  readonly line: number;
  readonly info: string;
  readonly code: string;
}

/** The files of the repository that match one of the patterns of git, except files that git ignores. */
export const filesOf = (...patterns: readonly string[]): TextFile[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** Every Markdown file of the repository, except files that git ignores. */
export const markdownFiles = (): TextFile[] => filesOf("*.md");

const fence = /^( *)(```+|~~~+)([^\n]*)\n([\s\S]*?)^ *\2[`~]* *$/gm;

/** The fenced blocks of a file, in order, without their indentation. */
export const fencesOf = ({ path, text }: TextFile): Fence[] =>
  [...text.matchAll(fence)].map((match) => ({
    path,
    line: text.slice(0, match.index).split("\n").length + 1,
    info: (match[3] ?? "").trim(),
    code: (match[4] ?? "").replaceAll(new RegExp(`^${match[1]}`, "gm"), ""),
  }));

/** The text without its code, so that brackets in code do not count as links. */
const prose = (text: string): string => text.replaceAll(fence, "").replaceAll(/`[^`\n]*`/g, "code");

/** The targets of a file's links as the file has them, such as `./errors.md#sink_denied`. */
export const linksOf = ({ text }: TextFile): string[] => {
  const inline = [...prose(text).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const definitions = [...prose(text).matchAll(/^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s+"[^"]*")?$/gm)];
  return [...inline, ...definitions].map((match) => match[1] ?? "");
};

/** The tables, each as a list of lines. */
export const tablesOf = ({ text }: Pick<TextFile, "text">): string[][] =>
  [...text.replaceAll(fence, "").matchAll(/(?:^ *\|.*\n)+/gm)].map(([lines]) =>
    lines.split("\n").flatMap((line) => (line === "" ? [] : [line.trim()])),
  );

/** The texts of the headings, in order, with their Markdown. */
export const headingsOf = ({ text }: Pick<TextFile, "text">): string[] =>
  [...text.replaceAll(fence, "").matchAll(/^#{1,6} +(.+?) *#*$/gm)].map((match) => match[1] ?? "");

const slugOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");

/** The anchors that GitHub gives to the headings. A repeated anchor is numbered. */
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
