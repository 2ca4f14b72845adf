export { exportSummary } from "./check/export-facts.ts";
export type {
  AheadFacts,
  ExportFacts,
  LiveFacts,
  MappingFacts,
  RunFacts,
  SampleFacts,
  TableFacts,
} from "./check/facts.ts";
export { liveFacts, type MappingsClient } from "./check/live-facts.ts";
export { type CheckName, checkNames, type Refusal, refusals } from "./check/preconditions.ts";
export { aheadTargets, dryRunSample, sampleRecords } from "./check/sample.ts";
export { mostPerSecond } from "./rate/bucket.ts";
export { type ItemRate, type ItemRateOptions, itemRate } from "./rate/item-rate.ts";
export { type LagGate, type LagGateOptions, lagGate } from "./rate/lag-gate.ts";
export { type Pace, pacedSource } from "./rate/paced-source.ts";
export { type ReadRate, type ReadRateOptions, readRate } from "./rate/read-rate.ts";
export { type StreamLagClient, type StreamLagInput, streamLag } from "./rate/stream-lag.ts";
export {
  absenceRecord,
  backfillRecord,
  isAhead,
  keysOf,
  type Micros,
  microsOf,
  type RecordOrigin,
  type RepairBase,
  repairRecord,
} from "./record/records.ts";
export { comparableTargets, targetsOfRoutes } from "./record/targets.ts";
export type { Invoke, TaskAnswer, TaskEvent } from "./record/task.ts";
export {
  type BackfillOptions,
  type BackfillResult,
  backfill,
  type RunProgress,
  TooManyFailuresError,
} from "./run/backfill.ts";
export { addCounts, failuresIn, noCounts, type WorkCounts } from "./run/counts.ts";
export { FunctionBrokenError, FunctionUnreachableError, type RecordFailure } from "./run/failure.ts";
export { fileStore } from "./run/file-store.ts";
export { type ObjectStoreOptions, objectStore, type RunObjectClient } from "./run/object-store.ts";
export {
  checkResume,
  checkUnits,
  isRunDone,
  newRun,
  type RunState,
  RunStateError,
  type RunSubject,
  runTotals,
  type UnitState,
} from "./run/run-state.ts";
export { isRunId, type RunStore, RunTakenError } from "./run/run-store.ts";
export type { SendLimits } from "./run/send.ts";
export { type RunTableClient, type TableStoreOptions, tableStore } from "./run/table-store.ts";
export { type FinishedPage, type WorkOptions, type WorkResult, work } from "./run/work.ts";
export { type ExportOptions, type ExportSource, exportSource } from "./source/export.ts";
export { type ExportSummary, fileUnit, type ManifestFile } from "./source/export-manifest.ts";
export type { ObjectBody, ObjectReader } from "./source/object-reader.ts";
export { type ScanClient, type ScanOptions, scanSource } from "./source/scan.ts";
export { segmentCount } from "./source/segments.ts";
export { type ItemSource, SourceError, type SourcePage, type Unit, unitName } from "./source/source.ts";
export { type TableTimeOptions, type TimeClient, tableTime } from "./source/table-time.ts";
export {
  addTallies,
  differing,
  type Finding,
  type FindingClass,
  findingClasses,
  type RepairOutcome,
  type TargetTally,
  type VerifyClass,
  type VerifyTally,
} from "./verify/classes.ts";
export type { Comparison, Difference, SinkCalls } from "./verify/comparison.ts";
export { spelledKeys } from "./verify/key-spelling.ts";
export { type ItemLook, lookAtItem } from "./verify/one-item.ts";
export type { VerifyUnit } from "./verify/reading.ts";
export {
  type VerifyProgress,
  type VerifyReport,
  type VerifyTableRequest,
  verifyTable,
  verifyUnits,
} from "./verify/table.ts";
export {
  type BatchGetClient,
  type BatchGetInput,
  type BatchGetOutput,
  type TableReader,
  type TableReaderOptions,
  tableReader,
} from "./verify/table-reader.ts";
export {
  DiffersTooMuchError,
  type VerifyState,
  type VerifyUnitAnswer,
  type VerifyUnitRequest,
  verifyUnit,
} from "./verify/unit.ts";
export { limitsOf, type OpenDeadLetter, type VerifyOptions } from "./verify/verification.ts";
