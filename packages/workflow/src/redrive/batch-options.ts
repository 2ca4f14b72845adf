// The options of the batch's function, checked, and with their defaults.

import type { PipelineLogger } from "@sluice/core";
import type { PayloadStore } from "@sluice/core/envelope";
import {
  type Clock,
  checkClient,
  checkText,
  checkWhole,
  invalidOption,
  lazyClient,
  systemClock,
} from "@sluice/core/sink-kit";
import { consoleLogger, optional, required, requiredUrl } from "../run/environment.ts";
import type { Fix } from "./fix.ts";
import { type LambdaClient, loadLambda } from "../../../redrive/src/lambda.ts";
import { openQueue, type Queue, type QueueClient } from "../run/queue.ts";
import type { PipelineFunction } from "./send.ts";
import { loadDynamodb, type SourceTable, type SourceTableClient } from "./republish.ts";

/** Options of the batch's function. Those with a variable may come from the environment instead. */
export interface BatchOptions {
  /** The dead-letter queue. `SLUICE_DEAD_LETTER_QUEUE_URL`. */
  readonly queueUrl?: string;
  /** For mode redrive: name or ARN of the pipeline's function. `SLUICE_PIPELINE_FUNCTION`. */
  readonly pipelineFunction?: string;
  /** For mode republish: the table that the stream is of. `SLUICE_SOURCE_TABLE`. */
  readonly tableName?: string;
  /** For mode republish: the attribute that is changed. `SLUICE_MARKER_ATTRIBUTE`, default `sluiceRedrive`. */
  readonly markerAttribute?: string;
  /**
   * For mode republish: what to do with dead letters of removes. `put-and-delete` brings the item's key back for a
   * moment; default `leave`: they stay in the queue.
   */
  readonly removes?: "leave" | "put-and-delete";
  /** Looks at each dead letter before it is sent: a function, or `lambdaFix()`. */
  readonly fix?: Fix;
  /** Milliseconds that the fix may take for one letter. Default 30,000. */
  readonly fixTimeoutMs?: number;
  /** Where the pipeline keeps records that no message can hold: its own `s3PayloadStore({ bucket })`. */
  readonly payloadStore?: PayloadStore;
  /** Messages that are taken up together. Default 100, at most 1,000. */
  readonly chunkSize?: number;
  /** Seconds to wait for a message before the queue is taken for empty. Default 5; two such waits end the run. */
  readonly pollSeconds?: number;
  /**
   * Milliseconds of the invocation that a chunk may need: none is begun with less, but the first. Default 60,000. The
   * timeout of the pipeline's function should not be longer.
   */
  readonly reserveMs?: number;
  /** Default: lines of JSON on the console. */
  readonly logger?: PipelineLogger;
  /** Your own clients. Default: those of the SDK, with its defaults, loaded when they are needed. */
  readonly clients?: {
    readonly sqs?: QueueClient;
    readonly lambda?: LambdaClient;
    readonly dynamodb?: SourceTableClient;
  };
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

type Defaulted = "fixTimeoutMs" | "chunkSize" | "pollSeconds" | "reserveMs" | "logger" | "clock";

/** What a batch works with. */
export interface BatchParts extends Required<Pick<BatchOptions, Defaulted>> {
  readonly queue: Queue;
  readonly pipeline: PipelineFunction | undefined;
  readonly table: SourceTable | undefined;
  readonly fix: Fix | undefined;
  readonly payloadStore: PayloadStore | undefined;
}

/** Lambda's longest time. */
export const longestMs = 900_000;

const tableOf = (options: BatchOptions): SourceTable | undefined => {
  const tableName = optional(options.tableName, "SLUICE_SOURCE_TABLE");
  if (tableName === undefined) return undefined;
  const { removes = "leave", clients = {} } = options;
  if (removes !== "leave" && removes !== "put-and-delete") {
    throw invalidOption("removes", 'must be "leave" or "put-and-delete"');
  }
  const markerAttribute = optional(options.markerAttribute, "SLUICE_MARKER_ATTRIBUTE") ?? "sluiceRedrive";
  checkText("markerAttribute", markerAttribute);
  return { tableName, markerAttribute, removes, connection: lazyClient(clients.dynamodb, loadDynamodb) };
};

const pipelineOf = (options: BatchOptions): PipelineFunction | undefined => {
  const name = optional(options.pipelineFunction, "SLUICE_PIPELINE_FUNCTION");
  return name === undefined ? undefined : { name, connection: lazyClient(options.clients?.lambda, loadLambda) };
};

const checkClients = ({ lambda, dynamodb }: NonNullable<BatchOptions["clients"]>): void => {
  checkClient(lambda, "invoke", "a Lambda client of @aws-sdk/client-lambda");
  checkClient(dynamodb, "updateItem", "a DynamoDB client of @aws-sdk/client-dynamodb");
};

/** @throws {ConfigError} CONFIG_INVALID when an option is wrong or missing, by name. */
export const batchParts = (options: BatchOptions): BatchParts => {
  const { chunkSize = 100, pollSeconds = 5, reserveMs = 60_000, fixTimeoutMs = 30_000 } = options;
  checkWhole("chunkSize", chunkSize, [1, 1_000]);
  checkWhole("pollSeconds", pollSeconds, [0, 20]);
  checkWhole("reserveMs", reserveMs, [0, longestMs]);
  checkWhole("fixTimeoutMs", fixTimeoutMs, [1, longestMs]);
  checkClients(options.clients ?? {});
  const queueUrl = requiredUrl("queueUrl", options.queueUrl, "SLUICE_DEAD_LETTER_QUEUE_URL");
  const [pipeline, table] = [pipelineOf(options), tableOf(options)];
  if (table === undefined) required("pipelineFunction", pipeline?.name, "SLUICE_PIPELINE_FUNCTION");
  return {
    queue: openQueue(queueUrl, options.clients?.sqs),
    pipeline,
    table,
    fix: options.fix,
    fixTimeoutMs,
    payloadStore: options.payloadStore,
    chunkSize,
    pollSeconds,
    reserveMs,
    logger: options.logger ?? consoleLogger,
    clock: options.clock ?? systemClock,
  };
};
