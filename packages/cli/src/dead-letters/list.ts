// Dead letters as a table. No item values.

import type { Envelope } from "@sluice/core/envelope";
import type { Image } from "@sluice/core/sink-kit";
import { tableLines } from "../terminal/table.ts";
import { ageText, withSeparators } from "../terminal/format.ts";

/** What a table has of a dead letter. */
export interface LetterRow extends Pick<Envelope, "id" | "pipeline" | "sink" | "code" | "attempts" | "firstFailedAt"> {
  readonly keys: Image | undefined;
}

/** What is kept of an envelope for a table. */
export const rowOf = ({ id, pipeline, sink, code, attempts, firstFailedAt, record }: Envelope): LetterRow => ({
  id,
  pipeline,
  sink,
  code,
  attempts,
  firstFailedAt,
  keys: record.dynamodb?.Keys,
});

const byTime = (one: LetterRow, other: LetterRow): number =>
  one.firstFailedAt < other.firstFailedAt ? -1 : Number(one.firstFailedAt > other.firstFailedAt);

/** A line for each letter, the oldest first. */
export const letterLines = (rows: readonly LetterRow[], hasKeys: boolean, now: number): string[] =>
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

/** A line for each pipeline, sink and code. */
export const groupLines = (rows: readonly LetterRow[], now: number): string[] => {
  const groups = new Map<string, LetterRow[]>();
  for (const row of [...rows].sort(byTime)) {
    const name = JSON.stringify([row.pipeline, row.sink, row.code]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  const cells = [...groups].sort().map(([, group]) => {
    const [oldest, newest] = [group[0] as LetterRow, group.at(-1) as LetterRow];
    const ages = [oldest, newest].map(({ firstFailedAt }) => ageText(firstFailedAt, now));
    return [oldest.pipeline, oldest.sink, oldest.code, withSeparators(group.length), ...ages];
  });
  return tableLines(["pipeline", "sink", "code", "letters", "oldest", "newest"], cells);
};
