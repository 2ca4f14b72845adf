// The options of an event source mapping, with AWS's defaults and ranges.

import { checkOptionNames, invalidOption, type OptionNames } from "@sluice/core/sink-kit";
import { functionArnOf } from "../lambda/function-call.ts";
import {
  checkChoice,
  type MappingOptions,
  type MappingSettings,
  mappingOptionNames,
  mappingSettings,
  type OptionRange,
} from "../lambda/mapping-options.ts";
import type { StreamsClient } from "../streams-client.ts";
import { type FilterCriteria, recordFilter } from "./filter.ts";
import type { DynamodbStreamHandler } from "./invoke.ts";
import type { OnFailureDestination } from "./on-failure.ts";

/**
 * Options with AWS's names, defaults and ranges. The options after the blank line exist only in the emulation.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
 */
export interface EventSourceMappingOptions extends MappingOptions {
  readonly client: StreamsClient;
  readonly streamArn: string;
  readonly handler: DynamodbStreamHandler;
  /** TRIM_HORIZON reads every record of the stream; LATEST reads the records that are written after `start` resolves. */
  readonly startingPosition: "TRIM_HORIZON" | "LATEST";
  /** Maximum number of records in a batch: 1 to 10,000. Default 100. */
  readonly batchSize?: number;
  /** Concurrent batches of a shard: 1 to 10. Default 1. */
  readonly parallelizationFactor?: number;
  /** Splits a failed batch in two before the retry. Default false. */
  readonly bisectBatchOnFunctionError?: boolean;
  /** Retries of a failed batch before it is discarded: 0 to 10,000, or −1 for no limit. Default −1. */
  readonly maximumRetryAttempts?: number;
  /** Age at which a record is discarded: 60 to 604,800, or −1 for no limit. Default −1. */
  readonly maximumRecordAgeInSeconds?: number;
  readonly filterCriteria?: FilterCriteria;
  readonly destinationConfig?: { readonly onFailure?: OnFailureDestination };

  /** Delay before the nth retry of a batch. Default: 500 ms, doubled up to a minute. AWS does not document delays. */
  readonly retryDelayMs?: (retry: number) => number;
  /** Age at which the stream trims a record. Default 24 hours. */
  readonly trimHorizonMs?: number;
}

type ConvertedStreamOption =
  | "bisectBatchOnFunctionError"
  | "maximumRetryAttempts"
  | "maximumRecordAgeInSeconds"
  | "filterCriteria"
  | "destinationConfig";

/** Options with every default filled in. */
export interface StreamMappingSettings
  extends MappingSettings,
    Required<Omit<EventSourceMappingOptions, ConvertedStreamOption | keyof MappingOptions>> {
  readonly bisects: boolean;
  /** Infinity if the retries are not limited. */
  readonly maxRetries: number;
  /** Infinity if records have no maximum age. */
  readonly maxAgeMs: number;
  readonly passes: (record: unknown) => boolean;
  readonly onFailure: OnFailureDestination | undefined;
  readonly functionArn: string;
}

const optionNames: OptionNames<EventSourceMappingOptions> = {
  ...mappingOptionNames,
  client: true,
  streamArn: true,
  handler: true,
  startingPosition: true,
  batchSize: true,
  parallelizationFactor: true,
  bisectBatchOnFunctionError: true,
  maximumRetryAttempts: true,
  maximumRecordAgeInSeconds: true,
  filterCriteria: true,
  destinationConfig: true,
  retryDelayMs: true,
  trimHorizonMs: true,
};

/** @throws {ConfigError} CONFIG_INVALID with the name of an unknown option, also of an option in another one. */
const checkNames = (options: EventSourceMappingOptions): void => {
  checkOptionNames("eventSourceMapping", options, optionNames);
  const { filterCriteria, destinationConfig } = options;
  if (filterCriteria !== undefined) checkOptionNames("filterCriteria", filterCriteria, { filters: true });
  if (destinationConfig === undefined) return;
  checkOptionNames("destinationConfig", destinationConfig, { onFailure: true });
  const { onFailure } = destinationConfig;
  if (onFailure !== undefined) {
    checkOptionNames("destinationConfig.onFailure", onFailure, { kind: true, send: true });
  }
};

const dayMs = 24 * 60 * 60 * 1000;

/** Converts −1, which stands for no limit, to Infinity. Other values must be in the range. */
const unlimited = (option: string, value: number, [lowest, highest]: OptionRange): number => {
  if (value === -1) return Number.POSITIVE_INFINITY;
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw invalidOption(option, `must be -1 or a whole number from ${lowest} to ${highest}`);
};

/**
 * Checks the options and fills in the defaults.
 * @throws {ConfigError} CONFIG_INVALID with the name of the option and its allowed values.
 */
export const streamMappingSettings = (options: EventSourceMappingOptions): StreamMappingSettings => {
  checkNames(options);
  const { maximumRetryAttempts = -1, maximumRecordAgeInSeconds = -1 } = options;
  const onFailure = options.destinationConfig?.onFailure;
  const shared = mappingSettings(options, {
    batchSize: [1, 10_000],
    parallelizationFactor: [1, 10],
    trimHorizonMs: [1, dayMs],
  });
  checkChoice("startingPosition", options.startingPosition, ["TRIM_HORIZON", "LATEST"]);
  if (onFailure) checkChoice("destinationConfig.onFailure.kind", onFailure.kind, ["sqs", "sns", "s3"]);
  return {
    ...shared,
    client: options.client,
    streamArn: options.streamArn,
    handler: options.handler,
    startingPosition: options.startingPosition,
    batchSize: options.batchSize ?? 100,
    parallelizationFactor: options.parallelizationFactor ?? 1,
    bisects: options.bisectBatchOnFunctionError ?? false,
    maxRetries: unlimited("maximumRetryAttempts", maximumRetryAttempts, [0, 10_000]),
    maxAgeMs: 1000 * unlimited("maximumRecordAgeInSeconds", maximumRecordAgeInSeconds, [60, 604_800]),
    passes: recordFilter(options.filterCriteria),
    onFailure,
    functionArn: functionArnOf(shared.functionName),
    retryDelayMs: options.retryDelayMs ?? ((retry) => Math.min(500 * 2 ** (retry - 1), 60_000)),
    trimHorizonMs: options.trimHorizonMs ?? dayMs,
  };
};
