// Generates projects, and does in each of them what a user does: compiles, runs the tests on real engines, synthesises the
// stack, and starts its functions with the variables that the stack gives them. A project has only the packages that its package.json names.
//
// For all projects with one sink, and more random ones: npm run test:long -- --projects N [--seed S]

import { randomInt } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { judgeTemplate } from "@sluice/rules";
import { type SinkName, sinkNames } from "../../src/init/sinks.ts";
import { runSluice } from "../support/sluice.ts";
import { startFunctions, synthesise } from "./assembly.ts";
import { combination, linkPackages, randomAt, root, runIn } from "./support.ts";

const runs = Number(process.env.PROJECTS_RUNS ?? 1);
const seed = Number(process.env.PROJECTS_SEED ?? randomInt(2 ** 31));

const scratch = mkdtempSync(join(tmpdir(), "sluice-init-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const keys = ["id", "pk,sk", "id:N", "customerId,order-number:N", "total,customer"] as const;

interface Wanted {
  readonly name: string;
  readonly key: string;
  readonly sinks: readonly SinkName[];
}

const randomProject = (index: number): Wanted => {
  const key = keys[Math.floor(randomAt(seed, 2 * index) * keys.length)] ?? "id";
  const sinks = combination(sinkNames, 1 + Math.floor(randomAt(seed, 2 * index + 1) * (2 ** sinkNames.length - 1)));
  return { name: `random-${index}`, key, sinks };
};

/** Writes the files of a project, and links its packages. */
const generate = async ({ name, key, sinks }: Wanted): Promise<string> => {
  const args = ["init", name, "--table", "Shop.Orders_1", "--key", key, "--sinks", sinks.join(",")];
  expect(await runSluice(args, { cwd: scratch })).toMatchObject({ code: 0, stderr: "" });
  const project = join(scratch, name);
  linkPackages(project);
  return project;
};

/** Runs the tests of the project, which has a test for each target and one for dead letters. */
const runTests = async (project: string, { sinks }: Wanted): Promise<void> => {
  const output = await runIn(project, "npm", ["test"]);
  const [, passed] = /^(?:#|ℹ) pass (\d+)$/m.exec(output) ?? [];
  const [, skipped] = /^(?:#|ℹ) skipped (\d+)$/m.exec(output) ?? [];
  if (process.env.CI === "true" || skipped === "0") expect(Number(passed)).toBe(sinks.length + 1);
};

/** A project takes ten seconds. Each run of CI builds one of the projects with one sink; the long test builds all. */
const sinksAlone = (): readonly SinkName[] => {
  if (process.env.PROJECTS_RUNS !== undefined) return sinkNames;
  return [sinkNames[Math.floor(randomAt(seed, 1_000) * sinkNames.length)] as SinkName];
};
const projects: readonly Wanted[] = [
  ...sinksAlone().map((name): Wanted => ({ name: `only-${name}`, key: "id", sinks: [name] })),
  { name: "everything", key: "pk,sk:N", sinks: sinkNames },
];

const sinksWithEnsure: readonly SinkName[] = ["postgres", "opensearch"];

const build = async (wanted: Wanted): Promise<void> => {
  const project = await generate(wanted);
  await runTests(project, wanted);
  const template = await synthesise(project);
  expect(judgeTemplate(template)).toEqual([]);
  const hasEnsure = sinksWithEnsure.some((name) => wanted.sinks.includes(name));
  expect(await startFunctions(project, template)).toEqual(hasEnsure ? ["function", "function"] : ["function"]);
};

describe("a generated project", () => {
  test.each(projects)(
    "with $sinks and the key $key passes its tests, and its functions start as its stack deploys them",
    build,
  );

  test.each(Array.from({ length: runs }, (_, index) => randomProject(index)))(
    `of the random projects of seed ${seed}: $sinks and the key $key passes its tests, and its functions start as its stack deploys them`,
    build,
  );

  test("is formatted, and free of lint", async () => {
    cpSync(join(root, "biome.json"), join(scratch, "biome.json"));
    const config = readFileSync(join(scratch, "biome.json"), "utf8");
    expect(config).toContain('"vcs"');
    const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
    const sources = projects.flatMap(({ name }) => ["src", "stack", "test"].map((folder) => join(name, folder)));
    await runIn(scratch, process.execPath, [biome, "check", "--vcs-enabled=false", "--error-on-warnings", ...sources]);
  });
});
