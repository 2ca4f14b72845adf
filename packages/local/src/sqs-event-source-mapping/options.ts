// The options of a queue's event source mapping, with AWS's defaults and ranges.

import { type Clock, invalidOption, systemClock } from "@sluice/core/sink-kit";
import type { LambdaContext } from "../lambda/function-call.ts";
import { checkRanges, reportsBatchItemFailures, warnOfProblem } from "../option.ts";
import type { SqsRecord } from "./message.ts";
import { maxReceived, type QueueClient } from "./queue.ts";

/** The event of an invocation by a queue. */
export interface SqsEvent {
  readonly Records: SqsRecord[];
}

/** A Lambda function that takes messages of a queue. */
export type SqsHandler = (event: SqsEvent, context: LambdaContext) => Promise<unknown>;

/**
 * Options under AWS's names, with AWS's defaults and ranges. The last block exists only in the emulation.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html (read 2026-11-25)
 */
export interface SqsEventSourceMappingOptions {
  readonly client: QueueClient;
  readonly queueUrl: string;
  readonly handler: SqsHandler;
  /** Most messages of a batch: 1 to 10,000 (FIFO queue: to 10). More than 10 need a window. Default 10. */
  readonly batchSize?: number;
  /** Seconds to wait for a full batch: 0 to 300 (FIFO queue: 0). Default 0. */
  readonly maximumBatchingWindowInSeconds?: number;
  /** Most concurrent batches: 2 to 1,000. Default 5, as AWS starts with. */
  readonly maximumConcurrency?: number;
  /** Without ReportBatchItemFailures the function's response is ignored. Default `[]`. */
  readonly functionResponseTypes?: readonly "ReportBatchItemFailures"[];

  /** Time limit of an invocation; at most the queue's visibility timeout. Default 30,000. */
  readonly functionTimeoutMs?: number;
  /** Default `sluice-local`. */
  readonly functionName?: string;
  /** Pause after an empty receive. Default 100; AWS uses long polling instead. */
  readonly pollIntervalMs?: number;
  /** Receives failed requests to the queue. Default: a process warning. */
  readonly onProblem?: (error: unknown) => void;
  /** For the function and the pauses. The queue's timeouts follow the queue's own clock. */
  readonly clock?: Clock;
}

type ConvertedSqsOption = "maximumBatchingWindowInSeconds" | "maximumConcurrency" | "functionResponseTypes";

/** Options with every default filled in. */
export interface SqsMappingSettings extends Required<Omit<SqsEventSourceMappingOptions, ConvertedSqsOption>> {
  readonly windowMs: number;
  readonly concurrency: number;
  readonly reportsBatchItemFailures: boolean;
}

const windowOption = "maximumBatchingWindowInSeconds";

const checkWindow = (isFifo: boolean, batchSize: number, windowSeconds: number): void => {
  if (isFifo && windowSeconds > 0) throw invalidOption(windowOption, "must be 0 with a FIFO queue");
  if (batchSize > maxReceived && windowSeconds === 0) {
    throw invalidOption(windowOption, "must be 1 or more with a batchSize above 10");
  }
};

/**
 * Checks the options and fills in the defaults.
 * @throws {ConfigError} CONFIG_INVALID with the name of the option and the values that it takes.
 */
export const sqsMappingSettings = (options: SqsEventSourceMappingOptions): SqsMappingSettings => {
  const isFifo = options.queueUrl.endsWith(".fifo");
  const { batchSize = maxReceived, maximumBatchingWindowInSeconds = 0 } = options;
  checkRanges(options, {
    batchSize: [1, isFifo ? maxReceived : 10_000],
    maximumBatchingWindowInSeconds: [0, 300],
    maximumConcurrency: [2, 1000],
    functionTimeoutMs: [1, 900_000],
    pollIntervalMs: [1, 60_000],
  });
  checkWindow(isFifo, batchSize, maximumBatchingWindowInSeconds);
  return {
    client: options.client,
    queueUrl: options.queueUrl,
    handler: options.handler,
    batchSize,
    windowMs: 1000 * maximumBatchingWindowInSeconds,
    concurrency: options.maximumConcurrency ?? 5,
    reportsBatchItemFailures: reportsBatchItemFailures(options.functionResponseTypes),
    functionTimeoutMs: options.functionTimeoutMs ?? 30_000,
    functionName: options.functionName ?? "sluice-local",
    pollIntervalMs: options.pollIntervalMs ?? 100,
    onProblem: options.onProblem ?? warnOfProblem,
    clock: options.clock ?? systemClock,
  };
};
