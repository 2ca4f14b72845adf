// The checkpoint of a shard: every record up to the checkpoint is finished. Workers finish records out of order, so the
// checkpoint stays before the first unfinished record.

import type { PolledRecord } from "./polled-record.ts";

/** The position up to which all records of a shard are finished. */
export interface Checkpoint {
  /** Sequence number of the last record up to which all records are finished; undefined if there is no such record. */
  readonly sequenceNumber: () => string | undefined;
  /** Number of tracked records after the checkpoint. The first of these records is unfinished. */
  readonly outstanding: () => number;
  /** Adds the next record of the shard as an unfinished record. */
  readonly track: (record: PolledRecord) => void;
  /** Marks records as finished: they succeeded, were discarded, or were filtered out. */
  readonly finish: (records: readonly PolledRecord[]) => void;
}

/** Creates a checkpoint that begins at this sequence number. */
export const createCheckpoint = (initial: string | undefined): Checkpoint => {
  let reached = initial;
  // The records after the checkpoint, in the order of the shard. The value is true when the record is finished.
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
