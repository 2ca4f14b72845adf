// What a run counts.

import type { Outcome } from "@sluice/core/envelope";

/** Counts of a run, or of a part of it. `records` is the sum of the outcomes. */
export interface WorkCounts {
  /** Records that have their last outcome. */
  readonly records: number;
  readonly delivered: number;
  readonly superseded: number;
  readonly filtered: number;
  readonly rejected: number;
  /** Records that failed at every attempt, although their failures were transient. */
  readonly retried: number;
  /** Read capacity units that the records cost. */
  readonly readUnits: number;
}

/** Counts that are all zero. */
export const noCounts: WorkCounts = {
  records: 0,
  delivered: 0,
  superseded: 0,
  filtered: 0,
  rejected: 0,
  retried: 0,
  readUnits: 0,
};

/** Adds two counts. */
export const addCounts = (one: WorkCounts, other: WorkCounts): WorkCounts => ({
  records: one.records + other.records,
  delivered: one.delivered + other.delivered,
  superseded: one.superseded + other.superseded,
  filtered: one.filtered + other.filtered,
  rejected: one.rejected + other.rejected,
  retried: one.retried + other.retried,
  readUnits: one.readUnits + other.readUnits,
});

/** Counts the outcomes of a page's records. */
export const countsOf = (outcomes: readonly Outcome[], readUnits: number): WorkCounts => {
  const counts = { ...noCounts, records: outcomes.length, readUnits };
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
};

/** Number of records that did not arrive. */
export const failuresIn = ({ rejected, retried }: WorkCounts): number => rejected + retried;
