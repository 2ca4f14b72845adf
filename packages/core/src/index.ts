export {
  type AwsEntryFailure,
  type AwsErrorCodes,
  type AwsService,
  awsEntryError,
  awsRequestError,
} from "./aws-error.ts";
export { type BatchRequests, type EntryAnswer, type SizedEntry, writeInRequests } from "./batch-request.ts";
export { eachBounded } from "./bounded.ts";
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
} from "./change.ts";
export { type ChunkLimits, chunk } from "./chunk.ts";
export { type ClaimCheck, type S3ClaimCheckOptions, type S3Client, s3ClaimCheck } from "./claim-check.ts";
export { type CloudEvent, type CloudEventOptions, cloudEvent } from "./cloud-event.ts";
export type { DeadLetter } from "./dead-letter.ts";
export { type Clock, type InvocationContext, systemClock } from "./deadline.ts";
export { decodeImage, decodeValue } from "./decode.ts";
export type { Claim, Claims, Dedupe, DedupeStore, Journal, Note, RouteId } from "./dedupe.ts";
export { decodeEnvelope, type Envelope, encodeEnvelope } from "./envelope.ts";
export type { EnvelopeReceipt, SqsQueueClient, SqsSender } from "./envelope-queue.ts";
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
export { fifoDedupeMs, fifoId, type GroupedTarget, type GroupMembers, groupMembers } from "./fifo.ts";
export type { BatchResponse, PipelineHandler } from "./handler.ts";
export { answersById, type IdAnswer, withIds } from "./id-answers.ts";
export { attributeToJson, type ExactNumbers, imageToJson, toJson } from "./json.ts";
export { lambdaRecord, type StreamsApiRecord } from "./lambda-record.ts";
export type { Outcome } from "./lane.ts";
export { awsClientDefaults, type LazyClient, lazyClient } from "./lazy-client.ts";
export {
  attributeBytes,
  idempotencyKeyAttribute,
  type MessageAttribute,
  type MessageAttributes,
  versionAttribute,
  type WireAttribute,
  type WireAttributes,
  wireAttributes,
} from "./message-attribute.ts";
export { bodyText, jsonText, messageOf, sendableText } from "./message-text.ts";
export { missingDependency } from "./missing-dependency.ts";
export {
  type BatchPointer,
  type OnFailureReader,
  type OnFailureReaderOptions,
  onFailureReader,
  type StreamsReader,
} from "./on-failure.ts";
export { checkClient, checkText, checkWhole, invalidOption } from "./option.ts";
export type { ParkedItem, Parking } from "./parking.ts";
export { type Pipeline, type PipelineOptions, pipeline, type RouteOptions } from "./pipeline.ts";
export { type Places, places, type Turn, turns } from "./rate.ts";
export { decodeRecord } from "./record.ts";
export type { MessageOutcome } from "./redrive.ts";
export type { RetryPolicy } from "./retry.ts";
export { type FailedMessage, type RetryQueue, type SqsRetryQueueOptions, sqsRetryQueue } from "./retry-queue.ts";
export type { Route } from "./route.ts";
export { type SdkItem, type SdkValue, sdkItem, sdkValue } from "./sdk-item.ts";
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
} from "./sink.ts";
export { type SqsDeadLetterOptions, sqsDeadLetter } from "./sqs-dead-letter.ts";
export { type InvocationReport, type OutcomeCounts, type PipelineLogger, reportChannel } from "./telemetry.ts";
