// The options that the mappings of streams and of queues have in common.

import { inspect } from "node:util";
import { type Clock, checkWhole, invalidOption, type OptionNames, systemClock } from "@sluice/core/sink-kit";

const defaultFunctionName = "sluice-local";

/** Lowest and highest allowed value of an option. */
export type OptionRange = readonly [lowest: number, highest: number];

/** Options of every event source mapping. The options after the blank line exist only in the emulation. */
export interface MappingOptions {
  /** Maximum time in seconds to wait for a full batch: 0 to 300, but only 0 for a FIFO queue. Default 0. */
  readonly maximumBatchingWindowInSeconds?: number;
  /** Without ReportBatchItemFailures, the function's response is ignored. Default `[]`. */
  readonly functionResponseTypes?: readonly "ReportBatchItemFailures"[];

  /** Time limit of an invocation. Must not exceed the visibility timeout of a queue. Default 30,000. */
  readonly functionTimeoutMs?: number;
  /** Default `sluice-local`. */
  readonly functionName?: string;
  /** Pause after an empty poll. Default 100. AWS polls a stream about every 250 ms, and a queue by long polling. */
  readonly pollIntervalMs?: number;
  /** Called with errors of requests (which are retried) and of the failure destination. Default: a process warning. */
  readonly onProblem?: (error: unknown) => void;
  /**
   * Called with each error that the function throws, and with each timeout. Default: writes the error to standard error,
   * as Lambda writes it to the function's log.
   */
  readonly onFunctionError?: (error: unknown) => void;
  /** Clock for the function's time limit and for pauses. The timeouts of a queue follow the queue's own clock. */
  readonly clock?: Clock;
}

/** The names of these options, for the check of a mapping's options. */
export const mappingOptionNames: OptionNames<MappingOptions> = {
  maximumBatchingWindowInSeconds: true,
  functionResponseTypes: true,
  functionTimeoutMs: true,
  functionName: true,
  pollIntervalMs: true,
  onProblem: true,
  onFunctionError: true,
  clock: true,
};

type ConvertedOption = "maximumBatchingWindowInSeconds" | "functionResponseTypes";

/** Options with every default filled in. */
export interface MappingSettings extends Required<Omit<MappingOptions, ConvertedOption>> {
  readonly windowMs: number;
  readonly reportsBatchItemFailures: boolean;
}

const logError =
  (functionName: string) =>
  (error: unknown): void => {
    process.stderr.write(`${functionName} ERROR Invoke Error ${inspect(error)}\n`);
  };

/** @throws {ConfigError} CONFIG_INVALID when the value is not one of the choices. */
export const checkChoice = (option: string, value: string, choices: readonly string[]): void => {
  if (!choices.includes(value)) throw invalidOption(option, `must be ${choices.join(" or ")}`);
};

/**
 * Checks the common options, and the mapping's own numeric options against `ranges`. Fills in the defaults.
 * @throws {ConfigError} CONFIG_INVALID with the name of the option and its allowed values.
 */
export const mappingSettings = <Options extends MappingOptions>(
  options: Options,
  ranges: { readonly [Name in keyof Options]?: OptionRange },
): MappingSettings => {
  const { maximumBatchingWindowInSeconds = 0, functionResponseTypes = [] } = options;
  const shared = {
    maximumBatchingWindowInSeconds: [0, 300],
    functionTimeoutMs: [1, 900_000],
    pollIntervalMs: [1, 60_000],
  };
  for (const [name, range] of Object.entries({ ...shared, ...ranges }) as [keyof Options & string, OptionRange][]) {
    if (options[name] !== undefined) checkWhole(name, options[name], range);
  }
  for (const type of functionResponseTypes) checkChoice("functionResponseTypes", type, ["ReportBatchItemFailures"]);
  return {
    windowMs: 1000 * maximumBatchingWindowInSeconds,
    reportsBatchItemFailures: functionResponseTypes.length > 0,
    functionTimeoutMs: options.functionTimeoutMs ?? 30_000,
    functionName: options.functionName ?? defaultFunctionName,
    pollIntervalMs: options.pollIntervalMs ?? 100,
    onProblem: options.onProblem ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error))),
    onFunctionError: options.onFunctionError ?? logError(options.functionName ?? defaultFunctionName),
    clock: options.clock ?? systemClock,
  };
};
