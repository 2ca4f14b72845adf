// How far a shard is done: up to the first record that is not. Lanes finish out of order; the checkpoint never skips.

import type { Entry } from "./polled-record.ts";

/** The contiguous prefix of settled records. */
export interface Checkpoint {
  /** Sequence number of the last record of the prefix; undefined while there is none. */
  readonly sequenceNumber: () => string | undefined;
  /** Records behind the prefix: the first of them is not settled. */
  readonly outstanding: () => number;
  /** Adds a record behind all others. */
  readonly track: (entry: Entry) => void;
  /** These will not come again: they succeeded, were discarded, or were filtered out. */
  readonly settle: (entries: readonly Entry[]) => void;
}

export const createCheckpoint = (initial: string | undefined): Checkpoint => {
  let reached = initial;
  // In the order of the shard; true when settled.
  const tracked = new Map<Entry, boolean>();
  const advance = (): void => {
    for (const [entry, settled] of tracked) {
      if (!settled) return;
      reached = entry.sequenceNumber;
      tracked.delete(entry);
    }
  };
  const settle = (entries: readonly Entry[]): void => {
    for (const entry of entries) tracked.set(entry, true);
    advance();
  };
  const track = (entry: Entry): void => {
    tracked.set(entry, false);
  };
  return { sequenceNumber: () => reached, outstanding: () => tracked.size, track, settle };
};
