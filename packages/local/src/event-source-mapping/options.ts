// The options of an event source mapping, their defaults and their ranges, as AWS has them.

import { type Clock, systemClock } from "../fake-clock.ts";
import { functionArnOf } from "../lambda/function-call.ts";
import { integer, invalidOption, oneOf, reportsBatchItemFailures, warnOfProblem } from "../option.ts";
import type { StreamsClient } from "../streams-client.ts";
import { type FilterCriteria, recordFilter } from "./filter.ts";
import type { LambdaHandler } from "./invoke.ts";
import type { OnFailureDestination } from "./on-failure.ts";

/**
 * Options under AWS's names, with AWS's defaults and ranges; below them what only the emulation has.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
export interface EventSourceMappingOptions {
  readonly client: StreamsClient;
  readonly streamArn: string;
  readonly handler: LambdaHandler;
  /** TRIM_HORIZON reads everything the stream still has; LATEST what is written after `start` has resolved. */
  readonly startingPosition: "TRIM_HORIZON" | "LATEST";
  /** Most records of a batch: 1 to 10,000. Default 100. */
  readonly batchSize?: number;
  /** Seconds to wait for a full batch: 0 to 300. Default 0. */
  readonly maximumBatchingWindowInSeconds?: number;
  /** Batches of a shard in flight at once: 1 to 10. Default 1. */
  readonly parallelizationFactor?: number;
  /** Split a failed batch in two before it is repeated. Default false. */
  readonly bisectBatchOnFunctionError?: boolean;
  /** Repeats of a failed batch before it is discarded: 0 to 10,000, or −1 for no end. Default −1. */
  readonly maximumRetryAttempts?: number;
  /** Age at which a record is discarded: 60 to 604,800, or −1 for never. Default −1. */
  readonly maximumRecordAgeInSeconds?: number;
  /** Without ReportBatchItemFailures what the function returns is ignored. Default none. */
  readonly functionResponseTypes?: readonly "ReportBatchItemFailures"[];
  readonly filterCriteria?: FilterCriteria;
  readonly destinationConfig?: { readonly onFailure?: OnFailureDestination };

  /** Time limit of an invocation. Default 30,000. */
  readonly functionTimeoutMs?: number;
  /** Default `sluice-local`. */
  readonly functionName?: string;
  /** Pause after an empty poll. Default 100; AWS polls about every 250. */
  readonly pollIntervalMs?: number;
  /** Pause before the nth repeat of the same batch. Default 500 ms, doubled up to a minute, as AWS seems to do. */
  readonly retryDelayMs?: (repeat: number) => number;
  /** Age at which the stream forgets a record. Default 24 hours. */
  readonly trimHorizonMs?: number;
  /** Told of failed polls, which are repeated. Default: a process warning. */
  readonly onProblem?: (error: unknown) => void;
  readonly clock?: Clock;
}

/** Options with every default filled in. */
export interface Settings {
  readonly client: StreamsClient;
  readonly streamArn: string;
  readonly handler: LambdaHandler;
  readonly startingPosition: "TRIM_HORIZON" | "LATEST";
  readonly batchSize: number;
  readonly windowMs: number;
  readonly parallelizationFactor: number;
  readonly bisects: boolean;
  /** Infinity for no end. */
  readonly maxRepeats: number;
  /** Infinity for never. */
  readonly maxAgeMs: number;
  readonly reportsBatchItemFailures: boolean;
  readonly passes: (record: unknown) => boolean;
  readonly onFailure: OnFailureDestination | undefined;
  readonly functionTimeoutMs: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly pollIntervalMs: number;
  readonly retryDelayMs: (repeat: number) => number;
  readonly trimHorizonMs: number;
  readonly onProblem: (error: unknown) => void;
  readonly clock: Clock;
}

const dayMs = 24 * 60 * 60 * 1000;

const orNever = (option: string, value: number, [lowest, highest]: readonly [number, number]): number => {
  if (value === -1) return Number.POSITIVE_INFINITY;
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw invalidOption(option, value, `-1 or a whole number from ${lowest} to ${highest}`);
};

const onFailureOf = (options: EventSourceMappingOptions): OnFailureDestination | undefined => {
  const destination = options.destinationConfig?.onFailure;
  if (destination) oneOf("destinationConfig.onFailure.kind", destination.kind, ["sqs", "sns", "s3"]);
  return destination;
};

/**
 * Checks the options and fills in the defaults.
 * @throws {ConfigError} CONFIG_INVALID, with the name of the option, what was found and what was expected.
 */
export const settingsOf = (options: EventSourceMappingOptions): Settings => {
  const functionName = options.functionName ?? "sluice-local";
  const { maximumRetryAttempts = -1, maximumRecordAgeInSeconds = -1 } = options;
  return {
    client: options.client,
    streamArn: options.streamArn,
    handler: options.handler,
    startingPosition: oneOf("startingPosition", options.startingPosition, ["TRIM_HORIZON", "LATEST"]),
    batchSize: integer("batchSize", options.batchSize ?? 100, [1, 10_000]),
    windowMs: 1000 * integer("maximumBatchingWindowInSeconds", options.maximumBatchingWindowInSeconds ?? 0, [0, 300]),
    parallelizationFactor: integer("parallelizationFactor", options.parallelizationFactor ?? 1, [1, 10]),
    bisects: options.bisectBatchOnFunctionError ?? false,
    maxRepeats: orNever("maximumRetryAttempts", maximumRetryAttempts, [0, 10_000]),
    maxAgeMs: 1000 * orNever("maximumRecordAgeInSeconds", maximumRecordAgeInSeconds, [60, 604_800]),
    reportsBatchItemFailures: reportsBatchItemFailures(options.functionResponseTypes),
    passes: recordFilter(options.filterCriteria),
    onFailure: onFailureOf(options),
    functionTimeoutMs: integer("functionTimeoutMs", options.functionTimeoutMs ?? 30_000, [1, 900_000]),
    functionName,
    functionArn: functionArnOf(functionName),
    pollIntervalMs: integer("pollIntervalMs", options.pollIntervalMs ?? 100, [1, 60_000]),
    retryDelayMs: options.retryDelayMs ?? ((repeat) => Math.min(500 * 2 ** (repeat - 1), 60_000)),
    trimHorizonMs: integer("trimHorizonMs", options.trimHorizonMs ?? dayMs, [1, dayMs]),
    onProblem: options.onProblem ?? warnOfProblem,
    clock: options.clock ?? systemClock,
  };
};
