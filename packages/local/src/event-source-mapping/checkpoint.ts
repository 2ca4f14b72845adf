// How far a shard is processed: up to its first unfinished record. Workers finish out of order; the checkpoint never
// skips a record.

import type { PolledRecord } from "./polled-record.ts";

/** The position up to which all records of a shard are finished. */
export interface Checkpoint {
  /** Sequence number of the last finished record before the first unfinished one; undefined before there is any. */
  readonly sequenceNumber: () => string | undefined;
  /** Number of tracked records behind the checkpoint. The first of them is unfinished. */
  readonly outstanding: () => number;
  /** Adds a record behind all others. */
  readonly track: (record: PolledRecord) => void;
  /** Marks records as finished: they succeeded, were discarded, or were filtered out. */
  readonly finish: (records: readonly PolledRecord[]) => void;
}

/** Makes a checkpoint that begins at this sequence number. */
export const createCheckpoint = (initial: string | undefined): Checkpoint => {
  let reached = initial;
  // In the order of the shard; true when finished.
  const tracked = new Map<PolledRecord, boolean>();
  const advance = (): void => {
    for (const [record, isFinished] of tracked) {
      if (!isFinished) return;
      reached = record.sequenceNumber;
      tracked.delete(record);
    }
  };
  const finish = (records: readonly PolledRecord[]): void => {
    for (const record of records) tracked.set(record, true);
    advance();
  };
  const track = (record: PolledRecord): void => {
    tracked.set(record, false);
  };
  return { sequenceNumber: () => reached, outstanding: () => tracked.size, track, finish };
};
