// The options of an event source mapping of a queue, their defaults and their ranges, as AWS has them.

import { type Clock, systemClock } from "../fake-clock.ts";
import type { LambdaContext, LambdaFunction } from "../lambda/function-call.ts";
import { integer, invalidOption, reportsBatchItemFailures, warnOfProblem } from "../option.ts";
import type { SqsRecord } from "./message.ts";
import { maxReceived, type QueueClient } from "./queue.ts";

/** What the function is invoked with. */
export interface SqsEvent {
  readonly Records: SqsRecord[];
}

/** A Lambda function that takes messages of a queue. */
export type SqsHandler = (event: SqsEvent, context: LambdaContext) => Promise<unknown>;

/**
 * Options under AWS's names, with AWS's defaults and ranges; below them what only the emulation has.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html (read 2026-11-25)
 */
export interface SqsEventSourceMappingOptions {
  readonly client: QueueClient;
  readonly queueUrl: string;
  readonly handler: SqsHandler;
  /** Most messages of a batch: 1 to 10,000, of a FIFO queue to 10. More than 10 need a window. Default 10. */
  readonly batchSize?: number;
  /** Seconds to wait for a full batch: 0 to 300; a FIFO queue has no window. Default 0. */
  readonly maximumBatchingWindowInSeconds?: number;
  /** Most batches at once: 2 to 1,000. Default 5, with which AWS starts. */
  readonly maximumConcurrency?: number;
  /** Without ReportBatchItemFailures what the function returns is ignored. Default none. */
  readonly functionResponseTypes?: readonly "ReportBatchItemFailures"[];

  /** Time limit of an invocation; not above the queue's visibility timeout. Default 30,000. */
  readonly functionTimeoutMs?: number;
  /** Default `sluice-local`. */
  readonly functionName?: string;
  /** Pause after an empty receive. Default 100; AWS waits for messages in long polls. */
  readonly pollIntervalMs?: number;
  /** Told of requests to the queue that failed. Default: a process warning. */
  readonly onProblem?: (error: unknown) => void;
  /** Of the function and of the pauses; the queue's timeouts are its own. */
  readonly clock?: Clock;
}

/** Options with every default filled in. */
export interface SqsSettings extends LambdaFunction<SqsEvent> {
  readonly client: QueueClient;
  readonly queueUrl: string;
  readonly batchSize: number;
  readonly windowMs: number;
  readonly concurrency: number;
  readonly reportsBatchItemFailures: boolean;
  readonly pollIntervalMs: number;
  readonly onProblem: (error: unknown) => void;
}

const windowSecondsOf = (isFifo: boolean, { maximumBatchingWindowInSeconds = 0, batchSize = maxReceived }) => {
  const name = "maximumBatchingWindowInSeconds";
  const seconds = integer(name, maximumBatchingWindowInSeconds, [0, 300]);
  if (isFifo && seconds > 0) throw invalidOption(name, seconds, "0 with a FIFO queue");
  if (batchSize > maxReceived && seconds === 0)
    throw invalidOption(name, seconds, "1 or more with a batchSize above 10");
  return seconds;
};

/**
 * Checks the options and fills in the defaults.
 * @throws {ConfigError} CONFIG_INVALID, with the name of the option, what was found and what was expected.
 */
export const sqsSettingsOf = (options: SqsEventSourceMappingOptions): SqsSettings => {
  const isFifo = options.queueUrl.endsWith(".fifo");
  const batchSize = integer("batchSize", options.batchSize ?? maxReceived, [1, isFifo ? maxReceived : 10_000]);
  return {
    client: options.client,
    queueUrl: options.queueUrl,
    handler: options.handler,
    batchSize,
    windowMs: 1000 * windowSecondsOf(isFifo, options),
    concurrency:
      options.maximumConcurrency === undefined
        ? 5
        : integer("maximumConcurrency", options.maximumConcurrency, [2, 1000]),
    reportsBatchItemFailures: reportsBatchItemFailures(options.functionResponseTypes),
    functionTimeoutMs: integer("functionTimeoutMs", options.functionTimeoutMs ?? 30_000, [1, 900_000]),
    functionName: options.functionName ?? "sluice-local",
    pollIntervalMs: integer("pollIntervalMs", options.pollIntervalMs ?? 100, [1, 60_000]),
    onProblem: options.onProblem ?? warnOfProblem,
    clock: options.clock ?? systemClock,
  };
};
