// Tests that need an engine: without the engine they fail in CI, and are skipped with the reason on a laptop.

import { EngineMissingError } from "./engine-error.ts";

/** The functions of Jest, Vitest or `node:test` that `engineOrSkip` calls. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: { readonly skip: (name: string, body: () => void) => unknown };
  /** `after` in `node:test`. */
  readonly afterAll: (stop: () => Promise<void>) => unknown;
}

/** Declares a block of tests with the engine. */
export type DescribeWith<Engine> = (name: string, body: (engine: Engine) => void) => void;

/**
 * Starts an engine for the tests of a file, stops it after the tests, and returns a `describe` that passes the engine
 * to its body. When a program for the engine is missing, the tests are skipped and the reason is printed.
 * @throws {EngineMissingError} with `CI=true`. Any other error of the start is always thrown.
 * @example
 * const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
 * describeWithPostgres("the orders table", (postgres) => {
 *   test("connects", async () => { await connect(postgres.url); });
 * });
 */
export const engineOrSkip = async <Engine extends { readonly stop: () => Promise<void> }>(
  runner: TestRunner,
  start: () => Promise<Engine>,
): Promise<DescribeWith<Engine>> => {
  try {
    const engine = await start();
    runner.afterAll(() => engine.stop());
    return (name, body) => runner.describe(name, () => body(engine));
  } catch (error) {
    if (process.env.CI === "true" || !(error instanceof EngineMissingError)) throw error;
    process.stderr.write(`Skipped: ${error.message}\n`);
    return (name) => runner.describe(name, () => runner.test.skip(error.message, () => undefined));
  }
};
