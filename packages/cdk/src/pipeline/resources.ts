// The resources of a deployed pipeline, which workflows, alarms and the dashboard build on.

import type { CfnEventSourceMapping, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { Bucket, IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { SinkAccess } from "../sinks/sink-access.ts";
import type { AnyTable } from "../stream/stream-source.ts";

/** The resources of a pipeline. `SluicePipeline` has these members; you can also pass resources of your own. */
export interface PipelineResources {
  /** The name of the pipeline: the argument of `pipeline("orders", …)`. */
  readonly pipelineName: string;
  readonly function: LambdaFunction;
  readonly logGroup: ILogGroup;
  /** The event source mapping from the table's stream. */
  readonly mapping: CfnEventSourceMapping;
  readonly deadLetters?: IQueue | undefined;
  readonly retryQueue?: IQueue | undefined;
  /** The bucket to which Lambda writes the batches that it gave up on. */
  readonly onFailureBucket?: IBucket | Bucket | undefined;
  readonly dedupeTable?: AnyTable | undefined;
  readonly table?: AnyTable | undefined;
  readonly sinks: readonly SinkAccess[];
}
