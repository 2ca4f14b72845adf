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
export { type Source, SourceError, type SourcePage, type Unit, unitName } from "./source/source.ts";
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
export type { VerifyUnit } from "./verify/reading.ts";
export {
  type VerifyProgress,
  type VerifyReport,
  type VerifyTableRequest,
  verifyTable,
  verifyUnits,
} from "./verify/table.ts";
export { type BatchGetClient, type TableReader, type TableReaderOptions, tableReader } from "./verify/table-reader.ts";
export {
  DiffersTooMuchError,
  type VerifyState,
  type VerifyUnitAnswer,
  type VerifyUnitRequest,
  verifyUnit,
} from "./verify/unit.ts";
export type { OpenDeadLetter, VerifyOptions } from "./verify/verification.ts";
