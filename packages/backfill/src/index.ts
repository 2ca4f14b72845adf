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
