// Options of `SluicePipeline`.

import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { EnsureSettings } from "../function/ensure-targets.ts";
import type { FunctionSettings } from "../function/pipeline-function.ts";
import type { DeadLettersProps } from "../queues/dead-letters.ts";
import type { RetryQueueProps } from "../queues/retry-queue.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import type { DedupeTableProps, DedupeUse } from "../storage/dedupe-table.ts";
import type { PayloadBucketProps } from "../storage/payload-bucket.ts";
import type { OnFailureBucketProps } from "../stream/on-failure-bucket.ts";
import type { StreamReference, StreamSettings } from "../stream/stream-consumer.ts";

/** Options of the dedupe table of a pipeline. */
export interface DedupeSettings extends DedupeTableProps {
  /** What uses the table. Default: `journal`, and `pending` if there is a retry queue. */
  readonly uses?: readonly DedupeUse[];
}

/** Options of `SluicePipeline`. */
export interface SluicePipelineProps {
  /** The table, with a stream of the view type `NEW_AND_OLD_IMAGES`. */
  readonly table?: ITable;
  /** The stream, if the table is not a construct of this app. Either `table` or `stream` must be given. */
  readonly source?: StreamReference;
  /** The file that exports the handler: `src/orders.ts`. Either `entry` or `function` must be given. */
  readonly entry?: string;
  /** A function of your own. Its timeout and its environment are yours, too. */
  readonly function?: LambdaFunction;
  /** What the sinks of the pipeline need: `[postgresAccess({ … }), sqsAccess({ queue })]`. */
  readonly sinks: readonly SinkAccess[];
  /** Name of the pipeline, the argument of `pipeline("orders", …)`. Default: the id of the construct. */
  readonly pipelineName?: string;
  /** Settings of the function that is made of `entry`. */
  readonly functionSettings?: FunctionSettings;
  /**
   * Calls `ensure()` of the sinks at each deployment, before the event source mappings are created. Default: you create
   * what the targets need.
   */
  readonly ensure?: EnsureSettings;
  /** Settings of the event source mapping of the stream. */
  readonly stream?: StreamSettings;
  /** The retry queue. Default: a standard queue. `false` if the pipeline has none: its failed deliveries then block the stream. */
  readonly retryQueue?: RetryQueueProps | false;
  /** The dead-letter queue. `false` only for a pipeline with `onReject: "block"`. */
  readonly deadLetters?: DeadLettersProps | false;
  /** The on-failure destination. Default: a new bucket. `false` loses what Lambda gives up on, so limits are then refused. */
  readonly onFailure?: OnFailureBucketProps | false;
  /** The dedupe table, for append routes. Default: none. */
  readonly dedupe?: DedupeSettings | boolean;
  /** The bucket of large records, for `s3PayloadStore`. Default: none; records of more than 1 MB then become dead letters without images. */
  readonly payloads?: PayloadBucketProps | boolean;
}
