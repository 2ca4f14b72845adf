// docs/doctor.md explains each code of the doctor, with its level, and no other.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { doctorCodes } from "../../src/index.ts";
import { documentedLevels } from "../support/documented-levels.ts";

const sources = execFileSync("git", ["ls-files", "packages/inspect/src/doctor"], { encoding: "utf8" })
  .trim()
  .split("\n")
  .map((path) => readFileSync(path, "utf8"));

test("docs/doctor.md explains each code", () => {
  expect(doctorCodes.length).toBeGreaterThan(50);
  expect([...documentedLevels.keys()].sort()).toEqual([...doctorCodes].sort());
});

test("each code that a source reports is declared by its check", () => {
  const reported = sources.flatMap((text) => [...text.matchAll(/\bcode: "([A-Z_]+)"/g)].map(([, code = ""]) => code));
  expect(reported.length).toBeGreaterThan(20);
  expect(reported.filter((code) => !doctorCodes.includes(code))).toEqual([]);
});
