// Checks of options, with messages that name the option, what was found and what was expected.

import { ConfigError } from "@sluice/core/sink-kit";

/** The error for an option of either mapping. */
export const invalidOption = (option: string, found: unknown, expected: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `${option} is ${String(found)}; expected ${expected}`);

/** The value, if it is a whole number in the range. @throws {ConfigError} CONFIG_INVALID when it is not. */
export const integer = (option: string, value: number, [lowest, highest]: readonly [number, number]): number => {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw invalidOption(option, value, `a whole number from ${lowest} to ${highest}`);
};

/** The value, if it is one of the choices. @throws {ConfigError} CONFIG_INVALID when it is not. */
export const oneOf = <Choice extends string>(option: string, value: Choice, choices: readonly Choice[]): Choice => {
  if (choices.includes(value)) return value;
  throw invalidOption(option, value, choices.join(" or "));
};

/** Whether the function's response says what failed. @throws {ConfigError} CONFIG_INVALID for an unknown type. */
export const reportsBatchItemFailures = (types: readonly string[] = []): boolean => {
  for (const type of types) oneOf("functionResponseTypes", type, ["ReportBatchItemFailures"]);
  return types.length > 0;
};

/** What becomes of a problem that nobody wants to hear of. */
export const warnOfProblem = (error: unknown): void =>
  process.emitWarning(error instanceof Error ? error : String(error));
