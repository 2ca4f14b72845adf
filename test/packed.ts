// Packs the public packages as the release does, in a copy of the repository, so that tests that run at the same time do
// not see the files that `npm pack` changes for a moment.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { root } from "./markdown.ts";

const packedFolders = ["bin", "dist", "src", "templates", "README.md", "LICENSE", "package.json"];

const allPackages: readonly string[] = readdirSync(join(root, "packages")).filter((name) =>
  existsSync(join(root, "packages", name, "package.json")),
);

/** The names of all public packages, without the scope. */
export const publicPackages: readonly string[] = allPackages.filter(
  (name) => JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")).private !== true,
);

/** Copies what the tarballs are made of, and the scripts that make them. */
const copyRepository = (to: string, names: readonly string[]): void => {
  for (const folder of ["docs", "scripts"]) cpSync(join(root, folder), join(to, folder), { recursive: true });
  // Links lead to the README files of all packages.
  for (const name of new Set([...names, ...allPackages])) {
    for (const entry of names.includes(name) ? packedFolders : ["README.md", "package.json"]) {
      const from = join(root, "packages", name, entry);
      if (existsSync(from)) cpSync(from, join(to, "packages", name, entry), { recursive: true });
    }
  }
  writeFileSync(join(to, "package.json"), '{ "private": true, "type": "module", "workspaces": ["packages/*"] }');
};

/**
 * Compiles the packages and packs them into the folder `tarballs` of an existing folder.
 * @returns the tarballs by package name, such as `@sluice/core`
 */
export const pack = (folder: string, names: readonly string[] = publicPackages): Map<string, string> => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-b", ...names.map((name) => join(root, "packages", name))]);
  const [copy, tarballs] = [join(folder, "repository"), join(folder, "tarballs")];
  copyRepository(copy, names);
  mkdirSync(tarballs);
  const workspaces = names.flatMap((name) => ["--workspace", `@sluice/${name}`]);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", tarballs, ...workspaces], { cwd: copy });
  const files = readdirSync(tarballs);
  return new Map(
    names.map((name) => [
      `@sluice/${name}`,
      join(tarballs, files.find((file) => new RegExp(`^sluice-${name}-\\d`).test(file)) ?? ""),
    ]),
  );
};

/** Replaces the names of our packages in a command by the paths of their tarballs. */
export const withTarballs = (command: string, tarballs: ReadonlyMap<string, string>): string =>
  command.replaceAll(/@sluice\/[\w-]+/g, (name) => tarballs.get(name) ?? name);
