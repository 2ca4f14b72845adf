// Tests that need an engine: they fail without it in CI, and are skipped with the reason on a laptop.

import { EngineMissingError } from "./engine-error.ts";

/** The functions of Jest, Vitest or `node:test` that this needs; pass them as they are. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: { readonly skip: (name: string, body: () => void) => unknown };
  /** `after` in `node:test`. */
  readonly afterAll: (stop: () => Promise<void>) => unknown;
}

/** Declares a block of tests that get the engine. */
export type DescribeWith<Engine> = (name: string, body: (engine: Engine) => void) => void;

const isCi = (): boolean => process.env.CI === "true";

/**
 * Starts an engine for the tests of this file and returns a `describe` that passes it on. It is stopped after them.
 * When what it needs is missing, the tests are skipped and the reason is printed; with `CI=true` they fail.
 * @throws {EngineMissingError} with `CI=true`; any other error of the start always.
 * @example
 * const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
 * describeWithPostgres("the ledger", (postgres) => {
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
    if (isCi() || !(error instanceof EngineMissingError)) throw error;
    process.stderr.write(`Skipped: ${error.message}\n`);
    return (name) => runner.describe(name, () => runner.test.skip(error.message, () => undefined));
  }
};
