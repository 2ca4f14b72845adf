export {
  type AlarmId,
  DeployError,
  type FilterPattern,
  judgeTemplate,
  type RuleCode,
  type RuleFinding,
  ruleCodes,
} from "@sluice/rules";
export { PipelineAlarms, type PipelineAlarmsOptions, type PipelineAlarmsProps } from "./alarms/pipeline-alarms.ts";
export {
  PipelineDashboard,
  type PipelineDashboardOptions,
  type PipelineDashboardProps,
} from "./alarms/pipeline-dashboard.ts";
export type { BundleOptions } from "./function/bundling.ts";
export { EnsureTargets, type EnsureTargetsProps } from "./function/ensure-targets.ts";
export { type FunctionOptions, PipelineFunction, type PipelineFunctionProps } from "./function/pipeline-function.ts";
export type { EnsureTargetsOptions } from "./pipeline/ensure.ts";
export type { DedupeOptions, RetryQueueGiven, SluicePipelineProps } from "./pipeline/options.ts";
export type { PipelineResources } from "./pipeline/resources.ts";
export { SluicePipeline } from "./pipeline/sluice-pipeline.ts";
export { DeadLetters, type DeadLettersOptions } from "./queues/dead-letters.ts";
export { DedupeTable, type DedupeTableOptions, type DedupeUse } from "./queues/dedupe-table.ts";
export {
  Retries,
  type RetriesProps,
  type RetryConsumption,
  type RetryQueueOptions,
} from "./queues/retry-queue.ts";
export { SluiceRules } from "./rules.ts";
export {
  type EmailAccessOptions,
  type EventBusAccessOptions,
  emailAccess,
  eventBusAccess,
  type SnsAccessOptions,
  type SqsAccessOptions,
  snsAccess,
  sqsAccess,
  type WebhookAccessOptions,
  webhookAccess,
} from "./sinks/messaging-access.ts";
export {
  type OpenSearchAccessOptions,
  openSearchAccess,
  type ServerlessCollection,
} from "./sinks/opensearch-access.ts";
export { type IamDatabase, type PostgresAccessOptions, postgresAccess } from "./sinks/postgres-access.ts";
export type { TargetNetwork } from "./sinks/shared.ts";
export type { FunctionNetwork, SinkAccess, SinkUse } from "./sinks/sink-access.ts";
export { type TableAccessOptions, tableAccess } from "./sinks/table-access.ts";
export type { MappingOptions } from "./stream/mapping-options.ts";
export { type ChangeBucketOptions, OnFailureBucket, PayloadBucket } from "./stream/on-failure-bucket.ts";
export { StreamConsumer, type StreamConsumerProps } from "./stream/stream-consumer.ts";
export {
  type AnyTable,
  type StreamGiven,
  type StreamSource,
  sourceOfStream,
  sourceOfTable,
} from "./stream/stream-source.ts";
export {
  type BackfillOptions as BackfillWorkflowOptions,
  BackfillWorkflow,
  type BackfillWorkflowProps,
} from "./workflow/backfill-workflow.ts";
export type { CopyOptions, CopyProps, ExportPlace } from "./workflow/copy-parts.ts";
export type { PipelineModule } from "./workflow/pipeline-entry.ts";
export {
  type ApprovalOptions,
  type RedriveOptions,
  RedriveWorkflow,
  type RedriveWorkflowProps,
  type WorkflowMail,
} from "./workflow/redrive-workflow.ts";
export type { WorkflowFunctionOptions } from "./workflow/step-function.ts";
export {
  type VerifyOptions as VerifyWorkflowOptions,
  VerifyWorkflow,
  type VerifyWorkflowProps,
} from "./workflow/verify-workflow.ts";
