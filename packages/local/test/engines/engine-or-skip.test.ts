import { afterEach, describe, expect, test } from "@jest/globals";
import { EngineFailedError, EngineMissingError, engineOrSkip, type TestRunner } from "../../src/index.ts";

const scriptedRunner = () => {
  const calls: string[] = [];
  const runner: TestRunner = {
    describe: (name, body) => {
      calls.push(`describe ${name}`);
      body();
    },
    test: { skip: (name) => calls.push(`skip ${name}`) },
    afterAll: () => calls.push("afterAll"),
  };
  return { calls, runner };
};

const ci = process.env.CI;

afterEach(() => {
  process.env.CI = ci ?? "";
});

const missing = async (): Promise<never> => {
  throw new EngineMissingError("Install it.");
};

describe("engineOrSkip", () => {
  test("passes the engine to the block and stops it after the tests", async () => {
    const { calls, runner } = scriptedRunner();
    const describeWith = await engineOrSkip(runner, async () => ({ url: "there", stop: async () => undefined }));
    describeWith("block", ({ url }) => calls.push(url));
    expect(calls).toEqual(["afterAll", "describe block", "there"]);
  });

  test("skips the block with the reason when the engine is missing", async () => {
    process.env.CI = "";
    const { calls, runner } = scriptedRunner();
    const describeWith = await engineOrSkip(runner, missing);
    describeWith("block", () => calls.push("never"));
    expect(calls).toEqual(["describe block", "skip Install it."]);
  });

  test("fails when the engine is missing in CI", async () => {
    process.env.CI = "true";
    await expect(engineOrSkip(scriptedRunner().runner, missing)).rejects.toMatchObject({ code: "ENGINE_MISSING" });
  });

  test("fails when the engine is installed but broken", async () => {
    process.env.CI = "";
    const broken = async (): Promise<never> => {
      throw new EngineFailedError("It ended.");
    };
    await expect(engineOrSkip(scriptedRunner().runner, broken)).rejects.toMatchObject({ code: "ENGINE_FAILED" });
  });
});
