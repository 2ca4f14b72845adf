export { conforms, type Runner } from "./conformance/conforms.ts";
export type { Fault, FaultKind } from "./conformance/fault.ts";
export type {
  Ability,
  AppendConformance,
  AppendRig,
  CaseId,
  Conformance,
  Limits,
  Rig,
  SentMessage,
  UpsertConformance,
  UpsertRig,
} from "./conformance/rig.ts";
export { type MemoryBody, type MemoryBucket, memoryBucket } from "./export/memory-bucket.ts";
export {
  type FullExportOptions,
  type IncrementalExportOptions,
  type WindowChange,
  type WriteExportOptions,
  type WriteExportPlace,
  type WrittenExport,
  writeExport,
} from "./export/write-export.ts";
export {
  type MemoryDedupe,
  type MemoryDedupeCounts,
  type MemoryDedupeOptions,
  memoryDedupe,
} from "./memory/dedupe-store.ts";
export { type MemoryAppendSink, type MemoryUpsertSink, memoryAppendSink, memoryUpsertSink } from "./memory/sinks.ts";
export type { TargetControl } from "./memory/target.ts";
export { type MemorySinkOptions, messageBytes } from "./memory/write.ts";
export type { DeliveryStep } from "./random/deliveries.ts";
export { playHistory, type RandomHistory, type RandomHistoryOptions, randomHistory } from "./random/history.ts";
export { type PlainItem, toImage } from "./records/image.ts";
export {
  type LambdaContextOptions,
  lambdaContext,
  type SqsEventOptions,
  type SqsEventRecord,
  sqsEvent,
  type TestContext,
} from "./records/invocation.ts";
export type { SpecimenItem } from "./records/specimen.ts";
export {
  type RecordOptions,
  type StreamEvent,
  streamChange,
  streamEvent,
  streamRecord,
} from "./records/stream-record.ts";
export { type HistoryOptions, type TableHistory, tableHistory } from "./records/table-history.ts";
export { type UnexpectedValue, unexpectedValues } from "./records/unexpected-values.ts";
