// The entries of a write with children that are sent again. Another writer overtook them, so that their statement did not see
// the children that the item now has. Or another program updated a child row that their statement should have deleted.

import { failed, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import { resultsOf } from "./batch.ts";
import { positionsOf } from "./parameters.ts";
import type { SentPart } from "./send-rows.ts";
import type { WriteAnswer } from "./statements.ts";

/** How often each entry of a call was sent without a result. */
export type Overtakings = Map<RowEntry, number>;

/** After so many statements an entry fails that another writer overtook each time. */
const maxOvertakings = 8;

/** The number of statements for the entry, with the present one. */
const attemptOf = (entry: RowEntry, counts: Overtakings): number => (counts.get(entry) ?? 0) + 1;

/** Whether the entries are not sent again after their next statement. */
export const isLastAttempt = (entries: readonly RowEntry[], counts: Overtakings): boolean =>
  counts.size > 0 && entries.some((entry) => attemptOf(entry, counts) >= maxOvertakings);

/** Counts the attempt of entries that are sent again. */
export const countAttempt = (entries: readonly RowEntry[], counts: Overtakings): void => {
  for (const entry of entries) counts.set(entry, attemptOf(entry, counts));
};

/** Returns the results of a statement. Overtaken entries have none: they need another statement, with a newer snapshot. */
export const settle = (
  sink: string,
  entries: readonly RowEntry[],
  { lost, overtaken }: WriteAnswer,
  counts: Overtakings,
): Required<SentPart> => {
  const all = resultsOf(entries, lost);
  const again = positionsOf(overtaken ?? null);
  if (again.size === 0) return { results: all, left: [] };
  const results: WriteResult[] = [];
  const left: RowEntry[] = [];
  for (const [index, entry] of entries.entries()) {
    const attempt = attemptOf(entry, counts);
    if (!again.has(index + 1)) {
      results.push(all[index] as WriteResult);
    } else if (attempt < maxOvertakings) {
      left.push(entry);
    } else {
      const found = `[${sink}] other writers wrote the item during each of ${attempt} statements`;
      results.push(failed(entry.delivery, new SinkError("SINK_CONFLICT", found)));
    }
  }
  countAttempt(left, counts);
  return { results, left };
};
