// What a sink does besides writing: it creates missing parts of its target, and deletes old tombstones.

import { checkWhole } from "./option.ts";

/** Options of the `ensure` of a sink. */
export interface EnsureOptions {
  /** If false, `ensure` changes nothing and only returns the missing changes. Default true. */
  readonly apply?: boolean;
}

/** Options of the `purge` of a sink. */
export interface PurgeOptions {
  /** Tombstones of at least this age in days are deleted. From 15 to 3,650; default 16. */
  readonly olderThanDays?: number;
}

/** The functions of a sink that can maintain its target. */
export interface Maintenance {
  /**
   * Creates missing parts of the target. Returns one text for each statement or request.
   * @throws {ConfigError} CONFIG_INVALID when the target contradicts the options.
   * @throws {SinkError} as `write` does.
   */
  readonly ensure: (options?: EnsureOptions) => Promise<readonly string[]>;
  /**
   * Deletes tombstones that are older than any change that can be redelivered. Returns their number. Run it daily.
   * @throws {ConfigError} CONFIG_INVALID when `olderThanDays` is too low, or the target cannot delete tombstones.
   * @throws {SinkError} as `write` does.
   */
  readonly purge: (options?: PurgeOptions) => Promise<number>;
  /** Closes the client that the sink created; your own client stays open. */
  readonly close: () => Promise<void>;
}

/** A change can be redelivered for 1 day from the stream, and then for 14 days from an SQS dead-letter queue. */
const longestRedeliveryDays = 15;
const defaultDays = 16;
const mostDays = 3_650;

/**
 * Checks for how many days a tombstone stays, and fills in the default.
 * @throws {ConfigError} CONFIG_INVALID when the time is so short that a redriven change could restore a removed item.
 */
export const checkTombstoneDays = (option: string, days: number = defaultDays): number => {
  const reason = "; a shorter time would let a redriven change restore a removed item";
  checkWhole(option, days, [longestRedeliveryDays, mostDays], reason);
  return days;
};

/** Maximum number of tombstones per request, so that requests are short and writers do not wait. */
const chunkSize = 10_000;

/** Deletes tombstones in chunks until none is left. `deleteChunk` returns the number of tombstones that it deleted. */
export const purgeInChunks = async (deleteChunk: (most: number) => Promise<number>): Promise<number> => {
  let total = 0;
  for (let deleted = chunkSize; deleted === chunkSize; total += deleted) deleted = await deleteChunk(chunkSize);
  return total;
};
