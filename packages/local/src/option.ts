// Checks of options that both event source mappings share.

import { checkWhole, invalidOption } from "@sluice/core/sink-kit";

/** Lowest and highest value of an option, both allowed. */
export type OptionRange = readonly [lowest: number, highest: number];

/** @throws {ConfigError} CONFIG_INVALID when a given option is not a whole number within its range. */
export const checkRanges = <Options extends object>(
  options: Options,
  ranges: { readonly [Name in keyof Options]?: OptionRange },
): void => {
  for (const [name, range] of Object.entries(ranges) as [keyof Options & string, OptionRange][]) {
    if (options[name] !== undefined) checkWhole(name, options[name], range);
  }
};

/** @throws {ConfigError} CONFIG_INVALID when the value is not one of the choices. */
export const checkChoice = (option: string, value: string, choices: readonly string[]): void => {
  if (!choices.includes(value)) throw invalidOption(option, `must be ${choices.join(" or ")}`);
};

/** Whether the function's response names failed records. @throws {ConfigError} CONFIG_INVALID for an unknown type. */
export const reportsBatchItemFailures = (types: readonly string[] = []): boolean => {
  for (const type of types) checkChoice("functionResponseTypes", type, ["ReportBatchItemFailures"]);
  return types.length > 0;
};

/** Default of `onProblem`: a process warning. */
export const warnOfProblem = (error: unknown): void =>
  process.emitWarning(error instanceof Error ? error : String(error));
