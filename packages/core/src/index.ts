export type { RetryPolicy } from "./async/backoff.ts";
export { eachBounded } from "./async/bounded.ts";
export { type Clock, type InvocationContext, systemClock } from "./async/deadline.ts";
export { type Places, places, type Turn, turns } from "./async/rate-limiter.ts";
export type { Claim, Claims, Dedupe, DedupeStore, Journal, Note, RouteId } from "./delivery/dedupe-store.ts";
export type { Outcome } from "./delivery/item-queue.ts";
export type { ParkedItem, Parking } from "./delivery/pending-items.ts";
export type { Route } from "./delivery/route.ts";
export type { DeadLetter } from "./envelope/dead-letter-queue.ts";
export { decodeEnvelope, type Envelope, encodeEnvelope } from "./envelope/envelope.ts";
export type { EnvelopeReceipt, SqsQueueClient, SqsSender } from "./envelope/envelope-queue.ts";
export { type ClaimCheck, type S3ClaimCheckOptions, type S3Client, s3ClaimCheck } from "./envelope/payload-store.ts";
export {
  type FailedMessage,
  type RetryQueue,
  type SqsRetryQueueOptions,
  sqsRetryQueue,
} from "./envelope/retry-queue.ts";
export { type SqsDeadLetterOptions, sqsDeadLetter } from "./envelope/sqs-dead-letter.ts";
export {
  ConfigError,
  type ConfigErrorCode,
  DeadlineError,
  type DeliveryError,
  type DeliveryErrorCode,
  type FailureOutcome,
  isTransient,
  outcomeOf,
  ParkedError,
  RecordError,
  type RecordErrorCode,
  SinkError,
  type SinkErrorCode,
  type SinkErrorOptions,
  SluiceError,
} from "./errors.ts";
export {
  type BatchPointer,
  type OnFailureReader,
  type OnFailureReaderOptions,
  onFailureReader,
  type StreamsReader,
} from "./intake/on-failure-destination.ts";
export type { BatchResponse, PipelineHandler } from "./pipeline/handler.ts";
export { type Pipeline, type PipelineOptions, pipeline, type RouteOptions } from "./pipeline/pipeline.ts";
export type { MessageOutcome } from "./pipeline/redrive-task.ts";
export { type InvocationReport, type OutcomeCounts, type PipelineLogger, reportChannel } from "./pipeline/telemetry.ts";
export type {
  AttributeValue,
  Change,
  ChangeKind,
  Image,
  KeyValue,
  LiveChange,
  Origin,
  StreamRecord,
  StreamViewType,
  UnknownItem,
} from "./record/change.ts";
export { decodeImage, decodeValue } from "./record/decode.ts";
export { attributeToJson, type ExactNumbers, imageToJson, toJson } from "./record/json.ts";
export { lambdaRecord, type StreamsApiRecord } from "./record/lambda-record.ts";
export { decodeRecord } from "./record/record.ts";
export { type SdkItem, type SdkValue, sdkItem, sdkValue } from "./record/sdk-item.ts";
export {
  type AwsEntryFailure,
  type AwsErrorCodes,
  type AwsService,
  awsEntryError,
  awsRequestError,
} from "./sink/aws-error.ts";
export { type BatchRequests, type EntryAnswer, type SizedEntry, writeInRequests } from "./sink/batch-request.ts";
export { type ChunkLimits, chunk } from "./sink/chunk.ts";
export { type CloudEvent, type CloudEventOptions, cloudEvent } from "./sink/cloud-event.ts";
export { fifoDedupeMs, fifoId, type GroupedTarget, type GroupMembers, groupMembers } from "./sink/fifo.ts";
export { answersById, type IdAnswer, withIds } from "./sink/id-answers.ts";
export { awsClientDefaults, type LazyClient, lazyClient } from "./sink/lazy-client.ts";
export {
  attributeBytes,
  idempotencyKeyAttribute,
  type MessageAttribute,
  type MessageAttributes,
  versionAttribute,
  type WireAttribute,
  type WireAttributes,
  wireAttributes,
} from "./sink/message-attribute.ts";
export { bodyText, jsonText, messageOf, sendableText } from "./sink/message-text.ts";
export { missingDependency } from "./sink/missing-dependency.ts";
export { checkClient, checkText, checkWhole, invalidOption } from "./sink/option.ts";
export {
  type AppendDelivery,
  type Delivery,
  delivered,
  failed,
  type MappedSink,
  type Mapper,
  type Settlement,
  type Sink,
  type Supports,
  superseded,
  type UpsertDelivery,
  type WriteContext,
  type WriteMode,
} from "./sink/sink.ts";
