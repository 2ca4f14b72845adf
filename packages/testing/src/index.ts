export { conforms, type Runner } from "./conforms.ts";
export type { Fault, FaultKind } from "./fault.ts";
export { type PlainItem, toImage } from "./image.ts";
export {
  type LambdaContext,
  type LambdaContextOptions,
  lambdaContext,
  type SqsEventOptions,
  type SqsEventRecord,
  sqsEvent,
} from "./invocation.ts";
export { type MemoryDedupe, type MemoryDedupeCounts, type MemoryDedupeOptions, memoryDedupe } from "./memory-dedupe.ts";
export {
  type MemoryAppendSink,
  type MemoryUpsertSink,
  memoryAppendSink,
  memoryUpsertSink,
  type SentMessage,
} from "./memory-sinks.ts";
export type { TargetControl } from "./memory-target.ts";
export { type MemorySinkOptions, messageBytes } from "./memory-write.ts";
export type { DeliveryStep } from "./random-deliveries.ts";
export { playHistory, type RandomHistory, type RandomHistoryOptions, randomHistory } from "./random-history.ts";
export type {
  Ability,
  AppendConformance,
  AppendRig,
  CaseId,
  Conformance,
  Limits,
  Rig,
  UpsertConformance,
  UpsertRig,
} from "./rig.ts";
export type { SpecimenItem } from "./specimen.ts";
export { type RecordOptions, type StreamEvent, streamChange, streamEvent, streamRecord } from "./stream-record.ts";
export { type HistoryOptions, type TableHistory, tableHistory } from "./table-history.ts";
