// The codes and levels of docs/doctor.md.

import { readFileSync } from "node:fs";

const rows = readFileSync("docs/doctor.md", "utf8")
  .split("\n")
  .filter((line) => /^\| `[A-Z_]+`/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

/** The level of each code. */
export const documentedLevels: ReadonlyMap<string, string> = new Map(
  rows.flatMap(([, codes = "", level = ""]) =>
    [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code = ""]) => [code, level] as const),
  ),
);
