// The entry point `@sluice/core`, for authors of pipelines.

export type { NumberValue } from "@aws-sdk/util-dynamodb";
export type { DedupeStore } from "./delivery/dedupe-store.ts";
export type { DeadLetterQueue } from "./envelope/dead-letter-queue.ts";
export { sqsDeadLetterQueue } from "./envelope/dead-letter-queue.ts";
export { s3PayloadStore } from "./envelope/payload-store.ts";
export { type RetryQueue, sqsRetryQueue } from "./envelope/retry-queue.ts";
export { onFailureBucketReader } from "./intake/on-failure-bucket.ts";
export { onFailureDestinationReader } from "./intake/on-failure-destination.ts";
export type { PipelineLogger } from "./logger.ts";
export { reportChannel } from "./observe/observe.ts";
export type { InvocationReport } from "./observe/report.ts";
export type { PipelineHandler } from "./pipeline/handler.ts";
export type { PipelineOptions, RejectPolicy } from "./pipeline/options.ts";
export { type Pipeline, pipeline } from "./pipeline/pipeline.ts";
export type { BatchResponse } from "./pipeline/response.ts";
export type { RouteOptions } from "./pipeline/route-options.ts";
export type { Change, LiveChange, RemovedChange, UnknownItem } from "./record/change.ts";
export { isNumberValue } from "./record/json.ts";
export { cloudEvent } from "./sink/cloud-event.ts";
