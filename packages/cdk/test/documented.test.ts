// Every code that a DeployError or a rule has is explained in docs/deploying.md, and no other.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { ruleCodes } from "../src/index.ts";

const sources = execFileSync("git", ["ls-files", "packages/cdk/src/*.ts", "packages/rules/src/*.ts"], {
  encoding: "utf8",
})
  .trim()
  .split("\n")
  .map((path) => readFileSync(path, "utf8"));

test("docs/deploying.md explains each code", () => {
  const thrown = sources.flatMap((text) =>
    [...text.matchAll(/new DeployError\(\s*"([A-Z_]+)"/g)].map(([, code = ""]) => code),
  );
  expect(thrown.length).toBeGreaterThan(20);
  const page = readFileSync("docs/deploying.md", "utf8");
  const rows = page.split("\n").filter((line) => /^\| `[A-Z_]+`/.test(line));
  const explained = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code),
  );
  expect([...explained].sort()).toEqual([...new Set([...thrown, ...ruleCodes])].sort());
});
