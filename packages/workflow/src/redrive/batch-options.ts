// Checks the options of the batch function, and adds the defaults.

import type { PayloadStore } from "@sluice/core/envelope";
import {
  type Clock,
  checkOptionNames,
  checkText,
  checkWhole,
  invalidOption,
  type OptionNames,
  systemClock,
} from "@sluice/core/sink-kit";
import type { LambdaClient } from "@sluice/redrive";
import { checkClients, consoleLogger, optional, required } from "./environment.ts";
import { type Fix, lambdaConnection } from "./fix.ts";
import { openQueue, type QueueOptions, type RedriveQueue } from "./queue.ts";
import { dynamodbConnection, type SourceTable, type SourceTableClient } from "./republish.ts";
import type { PipelineFunction } from "./send.ts";

/** Options of the batch function. If an option names a variable, you can set that environment variable instead. */
export interface BatchOptions extends QueueOptions {
  /** For mode `redrive`: name or ARN of the pipeline's function. Variable: `SLUICE_PIPELINE_FUNCTION`. */
  readonly pipelineFunction?: string;
  /** For mode `republish`: name of the table whose stream the pipeline reads. Variable: `SLUICE_SOURCE_TABLE`. */
  readonly tableName?: string;
  /** For mode `republish`: the attribute to update. Default `sluiceRedrive`. Variable: `SLUICE_MARKER_ATTRIBUTE`. */
  readonly markerAttribute?: string;
  /**
   * For mode `republish`: what to do with dead letters of deleted items. `leave` (default) leaves them in the queue.
   * `put-and-delete` creates an item with the same key and deletes it, so that the stream emits a REMOVE record again.
   */
  readonly removes?: "leave" | "put-and-delete";
  /** A function that inspects each dead letter before the redrive. `lambdaFix()` creates one that calls Lambda. */
  readonly fix?: Fix;
  /** Time limit of the fix for one dead letter, in milliseconds. Default 30,000. */
  readonly fixTimeoutMs?: number;
  /** The store that the pipeline uses for records too large for a message: `s3PayloadStore({ bucket })`. */
  readonly payloadStore?: PayloadStore;
  /** Maximum number of messages that are received and redriven together, as one chunk. Default 100, at most 1,000. */
  readonly chunkSize?: number;
  /** Seconds that a receive waits for a message. The run ends after two empty receives in a row. Default 5. */
  readonly pollSeconds?: number;
  /**
   * Milliseconds that a chunk may take. A batch starts a second or later chunk only if this much time is left. Default
   * 60,000. Should not be shorter than the timeout of the pipeline's function.
   */
  readonly timeoutBufferMs?: number;
  /** Your own clients. By default, clients of the SDK with default settings are loaded when they are needed. */
  readonly clients?: NonNullable<QueueOptions["clients"]> & {
    readonly lambda?: LambdaClient;
    readonly dynamodb?: SourceTableClient;
  };
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

const optionNames: OptionNames<BatchOptions> = {
  queueUrl: true,
  logger: true,
  pipelineFunction: true,
  tableName: true,
  markerAttribute: true,
  removes: true,
  fix: true,
  fixTimeoutMs: true,
  payloadStore: true,
  chunkSize: true,
  pollSeconds: true,
  timeoutBufferMs: true,
  clients: true,
  clock: true,
};

type Defaulted = "fixTimeoutMs" | "chunkSize" | "pollSeconds" | "timeoutBufferMs" | "logger" | "clock";

/** The checked options of a batch. */
export interface BatchParts extends Required<Pick<BatchOptions, Defaulted>> {
  readonly queue: RedriveQueue;
  readonly pipeline: PipelineFunction | undefined;
  readonly table: SourceTable | undefined;
  readonly fix: Fix | undefined;
  readonly payloadStore: PayloadStore | undefined;
}

/** Longest timeout that Lambda allows, in milliseconds. */
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
  checkOptionNames("batchHandler", options, optionNames);
  checkClients("batchHandler", options.clients);
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
