// The options of the batch function: checked, and with their defaults.

import type { PayloadStore } from "@sluice/core/envelope";
import { type Clock, checkText, checkWhole, invalidOption, systemClock } from "@sluice/core/sink-kit";
import type { LambdaClient } from "@sluice/redrive";
import { consoleLogger, optional, required } from "./environment.ts";
import { type Fix, lambdaConnection } from "./fix.ts";
import { openQueue, type QueueOptions, type RedriveQueue } from "./queue.ts";
import { dynamodbConnection, type SourceTable, type SourceTableClient } from "./republish.ts";
import type { PipelineFunction } from "./send.ts";

/** Options of the batch function. An option with a variable may come from the environment instead. */
export interface BatchOptions extends QueueOptions {
  /** For mode redrive: name or ARN of the pipeline's function. Variable: `SLUICE_PIPELINE_FUNCTION`. */
  readonly pipelineFunction?: string;
  /** For mode republish: the source table of the stream. Variable: `SLUICE_SOURCE_TABLE`. */
  readonly tableName?: string;
  /** For mode republish: the updated attribute. Variable: `SLUICE_MARKER_ATTRIBUTE`, default `sluiceRedrive`. */
  readonly markerAttribute?: string;
  /**
   * For mode republish: how dead letters of REMOVE records are handled. `put-and-delete` creates an item with the key
   * for a moment. The default, `leave`, leaves the dead letters in the queue.
   */
  readonly removes?: "leave" | "put-and-delete";
  /** Inspects each dead letter before it is sent: a function, or `lambdaFix()`. */
  readonly fix?: Fix;
  /** Milliseconds that the fix may take for one dead letter. Default 30,000. */
  readonly fixTimeoutMs?: number;
  /** The pipeline's own store for records that are too large for a message: `s3PayloadStore({ bucket })`. */
  readonly payloadStore?: PayloadStore;
  /** Maximum number of messages in a chunk, which are received and redriven together. Default 100, at most 1,000. */
  readonly chunkSize?: number;
  /** Seconds to wait for a message. The run ends after two waits in a row without a message. Default 5. */
  readonly pollSeconds?: number;
  /**
   * Milliseconds that a chunk may take. With less time left, the batch starts no further chunk after the first one.
   * Default 60,000. The timeout of the pipeline's function should not be longer.
   */
  readonly timeoutBufferMs?: number;
  /** Your own clients. Default: clients of the SDK with its default settings, loaded when they are needed. */
  readonly clients?: NonNullable<QueueOptions["clients"]> & {
    readonly lambda?: LambdaClient;
    readonly dynamodb?: SourceTableClient;
  };
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

type Defaulted = "fixTimeoutMs" | "chunkSize" | "pollSeconds" | "timeoutBufferMs" | "logger" | "clock";

/** The checked options of a batch. */
export interface BatchParts extends Required<Pick<BatchOptions, Defaulted>> {
  readonly queue: RedriveQueue;
  readonly pipeline: PipelineFunction | undefined;
  readonly table: SourceTable | undefined;
  readonly fix: Fix | undefined;
  readonly payloadStore: PayloadStore | undefined;
}

/** Lambda's longest timeout. */
export const maxTimeoutMs = 900_000;

const tableOf = (options: BatchOptions): SourceTable | undefined => {
  const tableName = optional(options.tableName, "SLUICE_SOURCE_TABLE");
  const connection = dynamodbConnection(options.clients?.dynamodb);
  if (tableName === undefined) return undefined;
  const { removes = "leave" } = options;
  if (removes !== "leave" && removes !== "put-and-delete") {
    throw invalidOption("removes", 'must be "leave" or "put-and-delete"');
  }
  const markerAttribute = optional(options.markerAttribute, "SLUICE_MARKER_ATTRIBUTE") ?? "sluiceRedrive";
  checkText("markerAttribute", markerAttribute);
  return { tableName, markerAttribute, removes, connection };
};

const pipelineOf = (options: BatchOptions): PipelineFunction | undefined => {
  const name = optional(options.pipelineFunction, "SLUICE_PIPELINE_FUNCTION");
  const connection = lambdaConnection(options.clients?.lambda);
  return name === undefined ? undefined : { name, connection };
};

/** Checks the options. @throws {ConfigError} CONFIG_INVALID, with the name of an option that is wrong or missing. */
export const batchParts = (options: BatchOptions): BatchParts => {
  const { chunkSize = 100, pollSeconds = 5, timeoutBufferMs = 60_000, fixTimeoutMs = 30_000 } = options;
  checkWhole("chunkSize", chunkSize, [1, 1_000]);
  checkWhole("pollSeconds", pollSeconds, [0, 20]);
  checkWhole("timeoutBufferMs", timeoutBufferMs, [0, maxTimeoutMs]);
  checkWhole("fixTimeoutMs", fixTimeoutMs, [1, maxTimeoutMs]);
  const queue = openQueue(options);
  const [pipeline, table] = [pipelineOf(options), tableOf(options)];
  if (table === undefined) required("pipelineFunction", pipeline?.name, "SLUICE_PIPELINE_FUNCTION");
  const limits = { chunkSize, pollSeconds, timeoutBufferMs, fixTimeoutMs };
  const { fix, payloadStore, logger = consoleLogger, clock = systemClock } = options;
  return { queue, pipeline, table, fix, payloadStore, logger, clock, ...limits };
};
