// Which statement writes which rows of a batch: a row that sets other columns to NULL needs a statement of its own.

import type { RowEntry } from "../encode.ts";
import type { WritePlan, WriteStatements } from "./plan.ts";

/** The positions of the columns that the row must set to NULL although no row has named them. */
const alsoWritten = ({ names }: WritePlan, { delivery }: RowEntry): readonly number[] =>
  delivery.message === undefined
    ? []
    : [delivery.change, ...delivery.earlier].flatMap(({ record }) => names.removed(record.dynamodb ?? {}));

/** Returns the statements for the entries of a part, which all write the same columns. */
export const statementsFor = (plan: WritePlan, [first]: readonly RowEntry[], isShared: boolean): WriteStatements =>
  plan.statements(first === undefined ? [] : alsoWritten(plan, first), isShared);

/** One part: most batches have one. Rows that set other columns to NULL are in parts of their own. */
export const partsOf = (plan: WritePlan, entries: readonly RowEntry[]): (readonly RowEntry[])[] => {
  if (!plan.names.hasUnnamed()) return entries.length === 0 ? [] : [entries];
  const parts = new Map<string, RowEntry[]>();
  for (const entry of entries) {
    const set = alsoWritten(plan, entry).join(",");
    const part = parts.get(set) ?? [];
    part.push(entry);
    parts.set(set, part);
  }
  return [...parts.values()];
};
