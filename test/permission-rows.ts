// Permissions, as the READMEs of the packages list them.

import { readFileSync } from "node:fs";

/** A row of a table of permissions. */
export interface PermissionRow {
  /** The text without links: `write, with a secret`. */
  readonly use: string;
  readonly actions: readonly string[];
  /** The names of resources: `the topic`, `<index>/_bulk`. */
  readonly on: readonly string[];
}

/** The rows of the table `| use | actions | on |` in a package's README. */
export const permissionRows = (folder: string): readonly PermissionRow[] => {
  const lines = readFileSync(`packages/${folder}/README.md`, "utf8").split("\n");
  const start = lines.indexOf("| use | actions | on |");
  if (start < 0) throw new Error(`packages/${folder}/README.md has no table of permissions`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end).map((line) => {
    const [use = "", actions = "", on = ""] = line
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    return {
      use: use.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"),
      actions: [...actions.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code),
      on: on.split(", ").map((name) => name.replaceAll("`", "")),
    };
  });
};
