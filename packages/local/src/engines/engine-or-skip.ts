// For tests that need an engine. If the engine is not installed, the tests fail in CI, and are skipped elsewhere.

import { EngineMissingError } from "./engine-error.ts";

/** The functions of Jest, Vitest or `node:test` that `engineOrSkip` calls. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: { readonly skip: (name: string, body: () => void) => unknown };
  /** The `after` function of `node:test`, or `afterAll` of the other runners. */
  readonly afterAll: (stop: () => Promise<void>) => unknown;
}

/** Declares a block of tests that use the engine. */
export type DescribeWith<Engine> = (name: string, body: (engine: Engine) => void) => void;

/**
 * Starts an engine for the tests of a file, stops the engine after the tests, and returns a `describe` that passes the
 * engine to the body. When a program for the engine is missing, skips the tests and prints the reason.
 * @throws {EngineMissingError} when a program is missing and `CI` is `true`. Other start errors are always thrown.
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
