// The options of a pipeline.

import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { Bucket, IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { PipelineAlarmsOptions } from "../alarms/pipeline-alarms.ts";
import type { PipelineDashboardOptions } from "../alarms/pipeline-dashboard.ts";
import type { FunctionOptions } from "../function/pipeline-function.ts";
import type { DeadLettersOptions } from "../queues/dead-letters.ts";
import type { DedupeTableOptions, DedupeUse } from "../queues/dedupe-table.ts";
import type { RetryConsumption, RetryQueueOptions } from "../queues/retry-queue.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import type { MappingOptions } from "../stream/mapping-options.ts";
import type { ChangeBucketOptions } from "../stream/on-failure-bucket.ts";
import type { AnyTable, StreamGiven } from "../stream/stream-source.ts";
import type { BackfillOptions } from "../workflow/backfill-workflow.ts";
import type { RedriveOptions } from "../workflow/redrive-workflow.ts";
import type { VerifyOptions } from "../workflow/verify-workflow.ts";
import type { EnsureTargetsOptions } from "./ensure.ts";

/** The dedupe table of a pipeline, and what its routes do with it. */
export interface DedupeOptions extends DedupeTableOptions {
  /**
   * What routes do with the table. Default `["on-failure"]`, and `"retry"` if there is a retry queue. Add `"always"` for
   * routes with `dedupe: "always"`, such as e-mail.
   */
  readonly uses?: readonly DedupeUse[];
  /** A table of your own. Default: the construct creates one. */
  readonly table?: AnyTable;
}

/** A retry queue of your own, and how the function consumes it. */
export interface RetryQueueGiven extends RetryConsumption {
  readonly queue: IQueue;
}

/** Options of `SluicePipeline`. */
export interface SluicePipelineProps {
  /** The table, with a stream. It may belong to another stack, or be imported with its `tableStreamArn`. */
  readonly table?: AnyTable;
  /** The stream, if there is no construct of the table. */
  readonly stream?: StreamGiven;
  /** The file that exports the handler: `pipeline("orders", …).handler()`. */
  readonly entry?: string;
  /** A function of your own, instead of `entry`. */
  readonly function?: LambdaFunction;
  /** The log group of `function`. Default: the one that the function names, or Lambda's own. */
  readonly logGroup?: ILogGroup;
  /** The name of the export. Default `handler`. */
  readonly handler?: string;
  /** The first argument of `pipeline("orders", …)`. Default: the id of this construct. */
  readonly pipelineName?: string;
  /** What the function may do with its targets: `postgresAccess(…)` and others. */
  readonly sinks: readonly SinkAccess[];
  /** The event source mapping from the stream. */
  readonly mapping?: MappingOptions;
  readonly functionOptions?: FunctionOptions;
  /** The retry queue, so that a target that is down does not block the stream. `false`: none. Default: a standard queue. */
  readonly retryQueue?: RetryQueueOptions | RetryQueueGiven | IQueue | false;
  /** The queue of rejected records. `false`: none, for `onReject: "block"`. Default: a queue. */
  readonly deadLetters?: DeadLettersOptions | IQueue | false;
  /** Where Lambda writes batches that it gives up on. `false`: nowhere. Default: a bucket, which gets whole batches. */
  readonly onFailure?: ChangeBucketOptions | IBucket | Bucket | IQueue | false;
  /** The table of append routes, and of FIFO retry queues. Default: none. */
  readonly dedupe?: DedupeOptions | AnyTable | boolean;
  /** The bucket of `s3PayloadStore`, for records that are too large for a message. Default: none. */
  readonly payloads?: ChangeBucketOptions | IBucket | Bucket | boolean;
  /** The workflow that redrives dead letters: `{ topic, approval: true }`. Default: none. */
  readonly redrive?: RedriveOptions;
  /** The workflow that copies the table. `entry` is the file that exports the pipeline itself. Default: none. */
  readonly backfill?: BackfillOptions;
  /** The workflow that verifies the copies, by a schedule if you like. Default: none. */
  readonly verify?: VerifyOptions;
  /**
   * The alarms of the runbook. `false`: none. Default: all alarms whose resources exist, without actions, and a warning;
   * name a topic in `actions`.
   */
  readonly alarms?: PipelineAlarmsOptions | boolean;
  /** A dashboard. Default: none. */
  readonly dashboard?: PipelineDashboardOptions | boolean;
  /** Variables of the function, besides those of the construct and of the sinks. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * A function that calls `ensure()` of the sinks at each deployment that changes its code, before the pipeline's function gets
   * new code and before the event source mappings are created. Default: none; you create what the targets need.
   */
  readonly ensure?: EnsureTargetsOptions;
}
