import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

const pathOf = (name: string): string => fileURLToPath(new URL(`node-test/${name}`, import.meta.url));

/** Runs the kit's TypeScript sources with `node --test`. Resolves with the exit code and the output. */
const nodeTest = (env: NodeJS.ProcessEnv = {}): Promise<{ readonly code: number; readonly output: string }> => {
  const loader = new URL("node-test/loader.js", import.meta.url).href;
  const flags = ["--conditions=@sluice/source", "--import", loader, "--test", "--test-reporter=tap"];
  return new Promise((resolve) => {
    // If NODE_TEST_CONTEXT were set, the child process would act as a part of the test run that has set the variable.
    const options = { env: { ...process.env, NODE_OPTIONS: "", ...env, NODE_TEST_CONTEXT: undefined } };
    execFile(process.execPath, [...flags, pathOf("conformance.ts")], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
};

describe("the kit under node:test", () => {
  test("passes for the memory sinks, and shows skipped cases with their reasons", async () => {
    const { code, output } = await nodeTest();
    expect(output).toMatch(/# pass 1[01]\d/);
    expect(output).toMatch(/# fail 0/);
    expect(output).toMatch(/C16 .*skipped: a printed reason/);
    expect(code).toBe(0);
  });

  test("fails for a broken rig, and names the cases", async () => {
    const { code, output } = await nodeTest({ BREAK_THE_RIG: "yes" });
    expect(code).toBe(1);
    expect(output).toMatch(/not ok \d+ - C02/);
  });
});
