// The options of the batch function: checked, and with their defaults.

import type { PayloadStore } from "@sluice/core/envelope";
import { type Clock, checkText, checkWhole, invalidOption, systemClock } from "@sluice/core/sink-kit";
import type { LambdaClient } from "@sluice/redrive";
import { consoleLogger, optional, required } from "./environment.ts";
import { type Fix, lambdaConnection } from "./fix.ts";
import { openQueue, type QueueOptions, type RedriveQueue } from "./queue.ts";
import { dynamodbConnection, type SourceTable, type SourceTableClient } from "./republish.ts";
import type { PipelineFunction } from "./send.ts";

/** Options of the batch function. Those with a variable may come from the environment instead. */
export interface BatchOptions extends QueueOptions {
  /** For mode redrive: name or ARN of the pipeline's function. `SLUICE_PIPELINE_FUNCTION`. */
  readonly pipelineFunction?: string;
  /** For mode republish: the source table of the stream. `SLUICE_SOURCE_TABLE`. */
  readonly tableName?: string;
  /** For mode republish: the attribute that is updated. `SLUICE_MARKER_ATTRIBUTE`, default `sluiceRedrive`. */
  readonly markerAttribute?: string;
  /**
   * For mode republish: how dead letters of REMOVE records are handled. `put-and-delete` creates the item's key for a
   * moment; default `leave`: they stay in the queue.
   */
  readonly removes?: "leave" | "put-and-delete";
  /** Inspects each dead letter before it is sent: a function, or `lambdaFix()`. */
  readonly fix?: Fix;
  /** Milliseconds that the fix may take for one dead letter. Default 30,000. */
  readonly fixTimeoutMs?: number;
  /** Where the pipeline stores records that no message can contain: its own `s3PayloadStore({ bucket })`. */
  readonly payloadStore?: PayloadStore;
  /** Messages that are received together. Default 100, at most 1,000. */
  readonly chunkSize?: number;
  /** Seconds to wait for a message before the queue counts as empty. Default 5; two such waits end the run. */
  readonly pollSeconds?: number;
  /**
   * Milliseconds of the invocation that a chunk may need: only the first chunk is started with less. Default 60,000. The
   * timeout of the pipeline's function should not be longer.
   */
  readonly timeoutBufferMs?: number;
  /** Your own clients. Default: the SDK's, with its defaults, loaded when they are needed. */
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

/** Checks the options. @throws {ConfigError} CONFIG_INVALID, with the option's name, when one is wrong or missing. */
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
