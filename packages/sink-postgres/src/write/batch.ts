// Sorts the rows of a batch, returns their results, and splits the batch in halves if Postgres refuses a row.

import {
  delivered,
  type EncodedBatch,
  halves,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { RowEntry } from "../encode.ts";
import { compareTexts } from "./compare-texts.ts";
import { positionsOf } from "./parameters.ts";

const versionOf = ({ delivery }: RowEntry): string => delivery.change.version;

/**
 * Sorts the entries by row. All writers then lock rows in the same order, which prevents deadlocks. Several entries of
 * one row are entries of one item; only the newest version is written, and the others are superseded.
 */
export const sortByRow = (entries: readonly RowEntry[]): EncodedBatch<RowEntry> => {
  const ordered = [...entries].sort(
    (one, other) => compareTexts(one.rowKey, other.rowKey) || compareTexts(versionOf(one), versionOf(other)),
  );
  const isLast = (entry: RowEntry, index: number): boolean => entry.rowKey !== ordered[index + 1]?.rowKey;
  const winners = ordered.filter(isLast);
  if (winners.length === ordered.length) return { entries: winners, results: [] };
  const losers = ordered.filter((entry, index) => !isLast(entry, index));
  return { entries: winners, results: losers.map(({ delivery }) => superseded(delivery)) };
};

/** Sorts the entries by row. `first` has one entry of each row, and `others` the other items' entries of these rows. */
export const splitByRow = <Entry extends RowEntry>(
  entries: readonly Entry[],
): { readonly first: readonly Entry[]; readonly others: readonly Entry[] } => {
  const ordered = [...entries].sort((one, other) => compareTexts(one.rowKey, other.rowKey));
  const isFirst = (entry: Entry, index: number): boolean => entry.rowKey !== ordered[index - 1]?.rowKey;
  return { first: ordered.filter(isFirst), others: ordered.filter((entry, index) => !isFirst(entry, index)) };
};

/** Returns the deliveries of a batch that have no result. */
export const withoutResult = (
  batch: readonly UpsertDelivery<unknown>[],
  results: readonly WriteResult[],
): readonly UpsertDelivery<unknown>[] => {
  const settled = new Set<unknown>(results.map(({ delivery }) => delivery));
  return batch.filter((delivery) => !settled.has(delivery));
};

/** Returns the entries' results. `lost` has the one-based positions of superseded entries, separated by commas. */
export const resultsOf = (entries: readonly RowEntry[], lost: string | null): WriteResult[] => {
  const positions = positionsOf(lost);
  return entries.map(({ delivery }, index) => (positions.has(index + 1) ? superseded(delivery) : delivered(delivery)));
};

/** The first half has the older changes, because an older change may remove a unique value that a newer one needs. */
export const halvesByAge = (entries: readonly RowEntry[]): [RowEntry[], RowEntry[]] =>
  halves([...entries].sort((one, other) => compareTexts(versionOf(one), versionOf(other))));
