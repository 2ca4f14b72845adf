// Lists dead letters as a table, without item values.

import type { Envelope } from "@sluice/core/envelope";
import { groupBy, type Image } from "@sluice/core/sink-kit";
import { ageText, withSeparators } from "../terminal/format.ts";
import { tableLines } from "../terminal/table.ts";

/** The columns of a dead letter. */
type DeadLetterRow = Omit<Envelope, "record"> & { readonly keys: Image | undefined };

/** Returns the columns of an envelope. Omits the record, because all records of a queue may not fit into memory. */
export const rowOf = ({ record, ...columns }: Envelope): DeadLetterRow => ({ ...columns, keys: record.dynamodb?.Keys });

const byTime = (one: DeadLetterRow, other: DeadLetterRow): number =>
  one.firstFailedAt < other.firstFailedAt ? -1 : Number(one.firstFailedAt > other.firstFailedAt);

/** Formats one line for each dead letter, the oldest first. */
export const deadLetterLines = (rows: readonly DeadLetterRow[], hasKeys: boolean, now: number): string[] => {
  const cells = [...rows].sort(byTime).map(({ id, sink, code, firstFailedAt, attempts, keys }) => {
    const key = hasKeys ? [JSON.stringify(keys ?? {})] : [];
    return [id, sink, code, ageText(firstFailedAt, now), String(attempts), ...key];
  });
  return tableLines(["id", "sink", "code", "age", "attempts", ...(hasKeys ? ["key"] : [])], cells);
};

/** Formats one line for each combination of pipeline, sink and code. */
export const groupLines = (rows: readonly DeadLetterRow[], now: number): string[] => {
  const nameOf = ({ pipeline, sink, code }: DeadLetterRow): string => JSON.stringify([pipeline, sink, code]);
  const groups = groupBy([...rows].sort(byTime), nameOf);
  const cells = [...groups].sort().map(([, group]) => {
    const [oldest, newest] = [group[0] as DeadLetterRow, group.at(-1) as DeadLetterRow];
    const ages = [oldest, newest].map(({ firstFailedAt }) => ageText(firstFailedAt, now));
    return [oldest.pipeline, oldest.sink, oldest.code, withSeparators(group.length), ...ages];
  });
  return tableLines(["pipeline", "sink", "code", "count", "oldest", "newest"], cells);
};
