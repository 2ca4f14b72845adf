// The entry point `@sluice/core/sink-kit`, for authors of sinks, dedupe stores, and tests for them.

export type { RetryPolicy } from "./async/backoff.ts";
export { eachBounded } from "./async/bounded.ts";
export {
  type CallResult,
  type Circuit,
  type CircuitCall,
  type CircuitOptions,
  type CircuitState,
  circuit,
} from "./async/circuit-breaker.ts";
export { type Countdown, countdown, countedDown } from "./async/countdown.ts";
export { type Clock, type InvocationContext, leaseMs, systemClock } from "./async/deadline.ts";
export { untilAborted } from "./async/race.ts";
export { checkedPerSecond, type RateLimiter, rateLimiter, type Semaphore, semaphore } from "./async/rate-limiter.ts";
export type {
  DedupeStore,
  Journal,
  JournalEntry,
  LeaseResult,
  Leases,
  PendingCorrection,
  PendingItem,
  PendingItems,
  RouteId,
} from "./delivery/dedupe-store.ts";
export type { Outcome } from "./delivery/delivery-result.ts";
export {
  ConfigError,
  type ConfigErrorCode,
  DeadlineError,
  type DeliveryError,
  type DeliveryErrorCode,
  type FailureOutcome,
  isSinkErrorCode,
  isTargetWide,
  isTransient,
  outcomeOf,
  PendingError,
  RecordError,
  type RecordErrorCode,
  SinkError,
  type SinkErrorCode,
  type SinkErrorOptions,
  SluiceError,
} from "./errors.ts";
export type { PipelineLogger } from "./logger.ts";
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
export { canonicalDecimal, decodeImage, decodeValue } from "./record/decode.ts";
export { imageOf } from "./record/image-of.ts";
export {
  attributeToJson,
  type ExactNumbers,
  imageToJson,
  isNumberValue,
  JsonValueError,
  toJson,
} from "./record/json.ts";
export { decodeRecord } from "./record/record.ts";
export { type SdkItem, type SdkValue, sdkItem, sdkValue } from "./record/sdk-item.ts";
export { itemKeyOf } from "./record/version.ts";
export {
  type AwsBatchOptions,
  type AwsBatchSettings,
  type AwsBatchTarget,
  awsBatchSink,
  checkAwsBatchOptions,
} from "./sink/aws-batch-sink.ts";
export {
  type AwsEntryFailure,
  type AwsErrorCodes,
  type AwsService,
  awsEntryError,
  awsRequestError,
} from "./sink/aws-error.ts";
export type { AwsWire } from "./sink/aws-request-writer.ts";
export {
  type EncodedBatch,
  encodeEach,
  failAll,
  failedBy,
  halves,
  orSinkError,
  type PartSender,
  sendInParts,
  withinDeadline,
  withoutDeadline,
} from "./sink/batch.ts";
export {
  answersById,
  type BatchRequests,
  type EntryAnswer,
  type IdAnswer,
  type SizedEntry,
  withIds,
  writeInRequests,
} from "./sink/batch-request.ts";
export { type ChunkLimits, chunk, groupBy } from "./sink/chunk.ts";
export type { CloudEvent, CloudEventOptions } from "./sink/cloud-event.ts";
export { encodingError, jsonFailure, memberPath } from "./sink/encoding-error.ts";
export {
  fifoDedupeMs,
  fifoId,
  type GroupedEntry,
  type GroupedMessage,
  type GroupedTarget,
  groupedEntry,
} from "./sink/fifo.ts";
export { objectNumber, ownerOf } from "./sink/identity.ts";
export {
  awsClientDefaults,
  type LazyClient,
  lazyClient,
  missingDependency,
  prepareAwsClient,
  verifiedTls,
} from "./sink/lazy-client.ts";
export {
  checkTombstoneDays,
  deliverableDays,
  type EnsureOptions,
  type Maintenance,
  type PurgeOptions,
  purgeInChunks,
} from "./sink/maintenance.ts";
export {
  checkMemberNames,
  entriesOf,
  halfCharacter,
  hasMembers,
  isSendable,
  listMember,
  type MemberNames,
  objectMember,
  textMember,
  wholeText,
  wrongType,
} from "./sink/member.ts";
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
export { bodyText, headerKey, jsonText, messageOf, sendableText, wholeJsonText } from "./sink/message-text.ts";
export {
  callUser,
  checkClient,
  checkEither,
  checkKeyMap,
  checkOptionNames,
  checkText,
  checkTls,
  checkWhole,
  invalidOption,
  isLoopbackHost,
  isRecord,
  keySources,
  type OptionNames,
  type TlsOptions,
} from "./sink/option.ts";
export {
  type AppendDelivery,
  type CopyContent,
  type Dedupe,
  type Delivery,
  delivered,
  failed,
  type HeldCopy,
  type HeldKey,
  type KeysPage,
  type KeysRequest,
  type MappedSink,
  type Mapper,
  type Sink,
  type SinkResource,
  type Supports,
  superseded,
  type UpsertDelivery,
  type WriteContext,
  type WriteMode,
  type WriteResult,
} from "./sink/sink.ts";
export {
  codeOfNetworkError,
  codeOfStatus,
  errorHint,
  notStarted,
  rejected,
  type StatusCodes,
  unanswered,
} from "./sink/sink-error.ts";
export { type EachRequest, writeEach } from "./sink/write-each.ts";
