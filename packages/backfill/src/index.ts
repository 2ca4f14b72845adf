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
export { type FinishedPage, type Gate, type Pace, type WorkOptions, type WorkResult, work } from "./run/work.ts";
export { type Source, SourceError, type SourcePage, type Unit, unitName } from "./source/source.ts";
