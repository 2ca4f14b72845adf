// Lists dead letters as a table, without item values.

import type { Envelope } from "@sluice/core/envelope";
import type { Image } from "@sluice/core/sink-kit";
import { ageText, withSeparators } from "../terminal/format.ts";
import { tableLines } from "../terminal/table.ts";

/** The columns of a dead letter. */
export interface DeadLetterRow
  extends Pick<Envelope, "id" | "pipeline" | "sink" | "code" | "attempts" | "firstFailedAt"> {
  readonly keys: Image | undefined;
}

/** Returns the columns of an envelope. */
export const rowOf = ({ id, pipeline, sink, code, attempts, firstFailedAt, record }: Envelope): DeadLetterRow => ({
  id,
  pipeline,
  sink,
  code,
  attempts,
  firstFailedAt,
  keys: record.dynamodb?.Keys,
});

const byTime = (one: DeadLetterRow, other: DeadLetterRow): number =>
  one.firstFailedAt < other.firstFailedAt ? -1 : Number(one.firstFailedAt > other.firstFailedAt);

/** Writes a line for each dead letter, the oldest first. */
export const deadLetterLines = (rows: readonly DeadLetterRow[], hasKeys: boolean, now: number): string[] =>
  tableLines(
    ["id", "sink", "code", "age", "attempts", ...(hasKeys ? ["key"] : [])],
    [...rows]
      .sort(byTime)
      .map(({ id, sink, code, firstFailedAt, attempts, keys }) => [
        id,
        sink,
        code,
        ageText(firstFailedAt, now),
        String(attempts),
        ...(hasKeys ? [JSON.stringify(keys ?? {})] : []),
      ]),
  );

/** Writes a line for each pipeline, sink and code. */
export const groupLines = (rows: readonly DeadLetterRow[], now: number): string[] => {
  const groups = new Map<string, DeadLetterRow[]>();
  for (const row of [...rows].sort(byTime)) {
    const name = JSON.stringify([row.pipeline, row.sink, row.code]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  const cells = [...groups].sort().map(([, group]) => {
    const [oldest, newest] = [group[0] as DeadLetterRow, group.at(-1) as DeadLetterRow];
    const ages = [oldest, newest].map(({ firstFailedAt }) => ageText(firstFailedAt, now));
    return [oldest.pipeline, oldest.sink, oldest.code, withSeparators(group.length), ...ages];
  });
  return tableLines(["pipeline", "sink", "code", "count", "oldest", "newest"], cells);
};
