// The entry point `@sluice/core/envelope`, for tools that read queues of envelopes or send records to a handler.

export type { InvocationContext } from "./async/deadline.ts";
export type { Outcome } from "./delivery/delivery-result.ts";
export type { SqsDeadLetterQueueOptions } from "./envelope/dead-letter-queue.ts";
export { decodeEnvelope, type Envelope, encodeEnvelope } from "./envelope/envelope.ts";
export type { PayloadStore, S3Client, S3PayloadStoreOptions } from "./envelope/payload-store.ts";
export type { FailedMessage, SqsRetryQueueOptions } from "./envelope/retry-queue.ts";
export {
  type BatchResult,
  changeVisibility,
  deleteMessages,
  depthAttributes,
  maxBatchEntries,
  type QueueDepth,
  queueDepth,
  type Receipt,
  type ReceivingQueue,
  requestsAtOnce,
  type SqsAttribute,
  type SqsCalls,
  type SqsEntry,
  type SqsQueueClient,
  type SqsReceivedMessage,
  type SqsSender,
} from "./envelope/sqs-client.ts";
export type { StoreResult } from "./envelope/store-result.ts";
export type { Task } from "./intake/event.ts";
export {
  type BatchPointer,
  type InvocationRecord,
  isS3Notification,
  jsonMembers,
  type MessageContent,
  messageContent,
  payloadIn,
} from "./intake/message-content.ts";
export type { OnFailureBucketReaderOptions } from "./intake/on-failure-bucket.ts";
export type {
  OnFailureDestinationReader,
  OnFailureDestinationReaderOptions,
  StreamsReader,
} from "./intake/on-failure-destination.ts";
export type { OutcomeCounts } from "./observe/report.ts";
export type { Expectation, PipelineTarget } from "./pipeline/targets.ts";
export { type MessageOutcome, outcomesBySeverity } from "./pipeline/task-answer.ts";
export type { AttributeValue, Image, StreamRecord, StreamViewType } from "./record/change.ts";
export { lambdaRecord, type StreamsApiRecord, wireImage } from "./record/lambda-record.ts";
export { epochOfTime, itemKeyOf, streamEpoch, versionOf } from "./record/version.ts";
