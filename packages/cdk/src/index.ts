export { DeployError } from "./errors.ts";
export { type EnsureSettings, EnsureTargets, type EnsureTargetsProps } from "./function/ensure-targets.ts";
export {
  type FunctionSettings,
  PipelineFunction,
  type PipelineFunctionProps,
} from "./function/pipeline-function.ts";
export type { DedupeSettings, SluicePipelineProps } from "./pipeline/pipeline-props.ts";
export type { PipelineResources } from "./pipeline/resources.ts";
export { SluicePipeline } from "./pipeline/sluice-pipeline.ts";
export { DeadLetters, type DeadLettersProps } from "./queues/dead-letters.ts";
export { RetryQueue, type RetryQueueProps } from "./queues/retry-queue.ts";
export type { FunctionNetwork, SinkAccess, SinkUse } from "./sinks/sink-access.ts";
export { DedupeTable, type DedupeTableProps, type DedupeUse } from "./storage/dedupe-table.ts";
export { PayloadBucket, type PayloadBucketProps } from "./storage/payload-bucket.ts";
export type { FilterPattern } from "./stream/filters.ts";
export { OnFailureBucket, type OnFailureBucketProps } from "./stream/on-failure-bucket.ts";
export {
  StreamConsumer,
  type StreamConsumerProps,
  type StreamReference,
  type StreamSettings,
} from "./stream/stream-consumer.ts";
