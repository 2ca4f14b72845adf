// What a sink does for its target besides writing: it creates what is missing, and deletes tombstones.

import { checkWhole } from "./option.ts";

/** Options of the `ensure` of a sink. */
export interface EnsureOptions {
  /** False: only return what is missing, and change nothing. Default true. */
  readonly apply?: boolean;
}

/** Options of the `purge` of a sink. */
export interface PurgeOptions {
  /** Age, in days, from which tombstones are deleted: from 15 to 3,650. Default 16. */
  readonly olderThanDays?: number;
}

/** The functions of a sink that looks after its target. */
export interface Maintenance {
  /**
   * Creates what is missing in the target. Returns the statements or requests as text; an empty list where nothing is missing.
   * @throws {ConfigError} CONFIG_INVALID when the target contradicts the options.
   * @throws {SinkError} as `write` does.
   */
  readonly ensure: (options?: EnsureOptions) => Promise<readonly string[]>;
  /**
   * Deletes tombstones that no redelivered change needs any more, and returns how many there were. Run it daily.
   * @throws {ConfigError} CONFIG_INVALID when `olderThanDays` is too low, or the target cannot delete tombstones.
   * @throws {SinkError} as `write` does.
   */
  readonly purge: (options?: PurgeOptions) => Promise<number>;
  /** Ends the client that the sink made; your own client stays open. */
  readonly close: () => Promise<void>;
}

/** A stream keeps records for 24 hours, and an SQS dead-letter queue for 14 days. No change is redelivered later. */
const longestRedeliveryDays = 15;
const defaultDays = 16;
const mostDays = 3_650;

/**
 * Checks the number of days that a tombstone stays, and fills in the default.
 * @throws {ConfigError} CONFIG_INVALID when a redriven change could still restore the removed item after that.
 */
export const checkTombstoneDays = (option: string, days: number = defaultDays): number => {
  const reason = "; a shorter time would let a redriven change restore a removed item";
  checkWhole(option, days, [longestRedeliveryDays, mostDays], reason);
  return days;
};

/** Most tombstones that one request deletes, so that requests are short and writers do not wait. */
const chunkSize = 10_000;

/** Deletes tombstones in chunks until none is left, and returns how many there were. `deleteChunk` returns its number. */
export const purgeInChunks = async (deleteChunk: (most: number) => Promise<number>): Promise<number> => {
  let total = 0;
  for (let deleted = chunkSize; deleted === chunkSize; total += deleted) deleted = await deleteChunk(chunkSize);
  return total;
};
