// Packs every public package and follows every link of the documentation in the tarballs. npm shows a README without the
// repository, so that a link must lead to a file of the tarball, or be a whole address.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { anchorsOf, linksOf, root } from "./markdown.ts";
import { pack, publicPackages } from "./packed.ts";

const scratch = mkdtempSync(join(tmpdir(), "sluice-packed-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The unpacked tarballs: `unpacked/@sluice/core/package/README.md`. */
const unpacked = join(scratch, "unpacked");
for (const [name, tarball] of pack(scratch)) {
  mkdirSync(join(unpacked, name), { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", join(unpacked, name)]);
}

const read = (path: string): string => readFileSync(join(unpacked, path), "utf8");

const pages = readdirSync(unpacked, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".md"));

/** The unpacked file of an address of one of our packages on npm or unpkg; undefined for another address. */
const fileOf = (address: string): string | undefined => {
  const [, page] = /^https:\/\/www\.npmjs\.com\/package\/(@sluice\/[\w-]+)$/.exec(address) ?? [];
  if (page !== undefined) return `${page}/package/README.md`;
  const [, name, version, path] = /^https:\/\/unpkg\.com\/(@sluice\/[\w-]+)@([\d.]+)\/(.+)$/.exec(address) ?? [];
  if (name === undefined) return undefined;
  return JSON.parse(read(`${name}/package/package.json`)).version === version ? `${name}/package/${path}` : "";
};

/** Returns the reason why a link of a packed page is broken, or undefined if the link works. */
const faultOf = (page: string, link: string): string | undefined => {
  const [target = "", anchor] = decodeURI(link).split("#");
  const isAddress = /^https:\/\//.test(target);
  if (!isAddress && /^[a-z]+:/.test(target)) return /^mailto:/.test(target) ? undefined : "is not https";
  const file = isAddress ? fileOf(target) : target === "" ? page : normalize(join(dirname(page), target));
  if (file === undefined) return undefined;
  const folder = page.split("/").slice(0, 3).join("/");
  if (!isAddress && !file.startsWith(`${folder}/`)) return "leaves the tarball";
  if (!existsSync(join(unpacked, file))) return `${file} is not in the tarball`;
  if (anchor === undefined || !file.endsWith(".md")) return undefined;
  return anchorsOf({ text: read(file) }).has(anchor) ? undefined : `${file} has no heading #${anchor}`;
};

test("every link in a tarball leads to a file of a tarball, or is a whole address", () => {
  expect(pages.length).toBeGreaterThan(publicPackages.length + 20);
  const broken = pages.flatMap((page) =>
    linksOf({ path: page, text: read(page) }).flatMap((link) => {
      const fault = faultOf(page, link);
      return fault === undefined ? [] : [`${page}: ${link}: ${fault}`];
    }),
  );
  expect(broken).toEqual([]);
});

test("the README files in the repository are as before", () => {
  for (const name of publicPackages) {
    const path = join("packages", name, "README.md");
    expect(readFileSync(join(scratch, "repository", path), "utf8")).toBe(readFileSync(join(root, path), "utf8"));
  }
  expect(existsSync(join(scratch, "repository", "packages", "core", "docs"))).toBe(false);
});

test("code in a packed README is the code of the repository", () => {
  const codeIn = (text: string): string[] => text.match(/^```[\s\S]*?^```$/gm) ?? [];
  for (const name of publicPackages) {
    const original = readFileSync(join(root, "packages", name, "README.md"), "utf8");
    expect(codeIn(read(`@sluice/${name}/package/README.md`))).toEqual(codeIn(original));
  }
});
