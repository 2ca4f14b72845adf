// Whether the packages of Sluice in the user's project have one version. Two versions of core do not know each other's errors.

import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { command } from "../command.ts";
import type { Facts } from "../facts.ts";
import type { Check, Finding } from "../finding.ts";

const scope = "@sluice";

/** Names and versions of the packages in a folder `node_modules/@sluice`; empty if there is no such folder. */
const packagesIn = async (folder: string): Promise<readonly (readonly [string, string])[]> => {
  const names = await readdir(folder).catch(() => []);
  const found = names.map(async (name) => {
    const text = await readFile(join(folder, name, "package.json"), "utf8").catch(() => "{}");
    const { version } = JSON.parse(text) as { readonly version?: unknown };
    return typeof version === "string" ? [[`${scope}/${name}`, version] as const] : [];
  });
  return (await Promise.all(found)).flat();
};

/** A folder and those above it. */
const foldersFrom = (folder: string): readonly string[] => {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersFrom(above)];
};

/** The versions of Sluice's packages that a module in this folder would import. */
export const installedVersions = async (folder: string): Promise<ReadonlyMap<string, string>> => {
  const all = await Promise.all(foldersFrom(folder).map((one) => packagesIn(join(one, "node_modules", scope))));
  // The nearest folder is first, and it wins.
  return new Map(all.flat().reverse());
};

const differ = (folder: string, versions: ReadonlyMap<string, string>): Finding => {
  const names = [...versions.keys()].sort();
  const list = names.map((name) => `${name} ${versions.get(name)}`);
  const latest = [...versions.values()].sort((one, other) => one.localeCompare(other, "en", { numeric: true })).at(-1);
  return {
    code: "VERSIONS_DIFFER",
    area: "operation",
    level: "warn",
    resource: folder,
    found: list.join(", "),
    expected: "one version of all packages of Sluice: they are released and tested together",
    fix: command("npm", "install", ...names.map((name) => `${name}@${latest}`)),
  };
};

/** The check of the packages in the project of the user's module. */
export const versionsCheck: Check<Facts> = {
  area: "operation",
  codes: ["VERSIONS_DIFFER"],
  findings: async ({ directory }) => {
    if (directory === undefined) return [];
    const versions = await installedVersions(directory);
    return new Set(versions.values()).size > 1 ? [differ(directory, versions)] : [];
  },
};
