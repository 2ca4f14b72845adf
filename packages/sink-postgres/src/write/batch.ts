// The rows of a batch: their order in a statement, their results, and their halves when the server refuses a row.

import { delivered, type EncodedBatch, halves, superseded, type WriteResult } from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";

const versionOf = ({ delivery }: RowEntry): string => delivery.change.version;

/** Compares by code units, so that every writer has the same order, whatever its locale. */
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/**
 * Sorts the entries by row, so that two writers lock rows in the same order and do not deadlock. If the key mapping
 * gives two items the same row, only the newest version is written.
 */
export const sortByRow = (entries: readonly RowEntry[]): EncodedBatch<RowEntry> => {
  const ordered = [...entries].sort(
    (one, other) => compare(one.rowKey, other.rowKey) || compare(versionOf(one), versionOf(other)),
  );
  const isLast = (entry: RowEntry, index: number): boolean => entry.rowKey !== ordered[index + 1]?.rowKey;
  const winners = ordered.filter(isLast);
  if (winners.length === ordered.length) return { entries: winners, results: [] };
  const losers = ordered.filter((entry, index) => !isLast(entry, index));
  return { entries: winners, results: losers.map(({ delivery }) => superseded(delivery)) };
};

/** Returns the results of written entries: superseded at the one-based positions in `lost`, otherwise delivered. */
export const resultsOf = (entries: readonly RowEntry[], lost: string | null): WriteResult[] => {
  const positions = new Set(lost === null ? [] : lost.split(",").map(Number));
  return entries.map(({ delivery }, index) => (positions.has(index + 1) ? superseded(delivery) : delivered(delivery)));
};

/** Older changes come first, because an older change may free a unique value that a newer change needs elsewhere. */
export const halvesByAge = (entries: readonly RowEntry[]): [RowEntry[], RowEntry[]] =>
  halves([...entries].sort((one, other) => compare(versionOf(one), versionOf(other))));
