// Checks the answer of a function to a task. A function in Lambda may be any function.

import { type MessageOutcome, outcomesBySeverity } from "@sluice/core/envelope";
import { isRecord } from "@sluice/core/sink-kit";
import type { TaskAnswer } from "../record/task.ts";
import { FunctionBrokenError } from "./failure.ts";

const outcomes: readonly unknown[] = outcomesBySeverity;

const isText = (value: unknown): boolean => value === undefined || typeof value === "string";

/** Whether an entry has the outcome of a record. An entry that says nothing must not count as a success. */
const isOutcome = (entry: unknown): entry is MessageOutcome =>
  isRecord(entry) && outcomes.includes(entry.outcome) && [entry.route, entry.code, entry.message].every(isText);

const faultOf = (found: unknown, records: number): string | undefined => {
  if (!Array.isArray(found)) return "no outcomes";
  if (found.length !== records) return `${found.length} outcomes for ${records} records`;
  const wrong = found.findIndex((entry) => !isOutcome(entry));
  return wrong === -1 ? undefined : `an unknown outcome at position ${wrong}`;
};

/**
 * Returns the outcomes of an answer, one for each record.
 * @throws {FunctionBrokenError} when the answer is not that of a pipeline
 */
export const checkedOutcomes = (answer: TaskAnswer | undefined | null, records: number): readonly MessageOutcome[] => {
  const given = answer?.outcomes;
  const found = faultOf(given, records);
  if (given !== undefined && found === undefined) return given;
  throw new FunctionBrokenError(
    `the function's answer has ${found}; expected the handler of a Sluice pipeline that knows backfills`,
  );
};
