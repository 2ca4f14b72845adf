// The options of a queue's event source mapping, with AWS's defaults and ranges.

import { checkOptionNames, invalidOption, type OptionNames } from "@sluice/core/sink-kit";
import type { LambdaContext } from "../lambda/function-call.ts";
import {
  type MappingOptions,
  type MappingSettings,
  mappingOptionNames,
  mappingSettings,
} from "../lambda/mapping-options.ts";
import type { SqsRecord } from "./message.ts";
import { maxReceived, type QueueClient } from "./queue.ts";

/** The event with which a queue invokes a function. */
export interface SqsEvent {
  readonly Records: SqsRecord[];
}

/** A Lambda function that takes messages of a queue. */
export type SqsHandler = (event: SqsEvent, context: LambdaContext) => Promise<unknown>;

/**
 * Options with AWS's names, defaults and ranges.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html (read 2026-11-25)
 */
export interface SqsEventSourceMappingOptions extends MappingOptions {
  readonly client: QueueClient;
  readonly queueUrl: string;
  readonly handler: SqsHandler;
  /** Maximum messages in a batch: 1 to 10,000, or to 10 for a FIFO queue. More than 10 need a window. Default 10. */
  readonly batchSize?: number;
  /** Maximum number of concurrent batches: 2 to 1,000. Default 5. AWS also starts with 5. */
  readonly maximumConcurrency?: number;
}

/** Options with every default filled in. */
export interface SqsMappingSettings
  extends MappingSettings,
    Required<Omit<SqsEventSourceMappingOptions, "maximumConcurrency" | keyof MappingOptions>> {
  readonly concurrency: number;
}

const optionNames: OptionNames<SqsEventSourceMappingOptions> = {
  ...mappingOptionNames,
  client: true,
  queueUrl: true,
  handler: true,
  batchSize: true,
  maximumConcurrency: true,
};

const windowOption = "maximumBatchingWindowInSeconds";

const checkWindow = (isFifo: boolean, batchSize: number, windowSeconds: number): void => {
  if (isFifo && windowSeconds > 0) throw invalidOption(windowOption, "must be 0 with a FIFO queue");
  if (batchSize > maxReceived && windowSeconds === 0) {
    throw invalidOption(windowOption, "must be 1 or more with a batchSize above 10");
  }
};

/**
 * Checks the options and fills in the defaults.
 * @throws {ConfigError} CONFIG_INVALID with the name of the option and its allowed values.
 */
export const sqsMappingSettings = (options: SqsEventSourceMappingOptions): SqsMappingSettings => {
  checkOptionNames("sqsEventSourceMapping", options, optionNames);
  const isFifo = options.queueUrl.endsWith(".fifo");
  const { batchSize = maxReceived, maximumBatchingWindowInSeconds = 0 } = options;
  const shared = mappingSettings(options, {
    batchSize: [1, isFifo ? maxReceived : 10_000],
    maximumConcurrency: [2, 1000],
  });
  checkWindow(isFifo, batchSize, maximumBatchingWindowInSeconds);
  return {
    ...shared,
    client: options.client,
    queueUrl: options.queueUrl,
    handler: options.handler,
    batchSize,
    concurrency: options.maximumConcurrency ?? 5,
  };
};
