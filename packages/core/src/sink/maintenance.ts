// What a sink does besides writing: it creates missing parts of its target, and deletes old tombstones.

import { checkWhole } from "./option.ts";

/** Options of the `ensure` of a sink. */
export interface EnsureOptions {
  /** If false, `ensure` changes nothing and only returns the missing changes. Default true. */
  readonly apply?: boolean;
}

/** Options of the `purge` of a sink. */
export interface PurgeOptions {
  /** Tombstones of at least this age in days are deleted. From 29 to 3,650; default 30. */
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

/** For how many days DynamoDB keeps a record in a stream. */
const streamDays = 1;

/** For how many days SQS keeps a message, at most. Dead letters wait this long. */
const queueDays = 14;

/** For how many days a delivery waits in the retry queue, at most: SQS' limit, less a day for its way to a dead letter. */
export const retryDays: number = queueDays - 1;

/**
 * A change is delivered within this many days, or not at all: it waits in the stream, then in the retry queue, then as a
 * dead letter. Core refuses older changes, and tombstones stay longer. See docs/decisions/0041-tombstone-horizon.md.
 */
export const deliverableDays: number = streamDays + retryDays + queueDays;

/** The least and the default life of a tombstone. One day is for clocks that differ. */
const leastDays = deliverableDays + 1;
const defaultDays = leastDays + 1;
const mostDays = 3_650;

/**
 * Checks for how many days a tombstone stays, and fills in the default.
 * @throws {ConfigError} CONFIG_INVALID when the time is so short that a redriven change could restore a removed item.
 */
export const checkTombstoneDays = (option: string, days: number = defaultDays): number => {
  const reason = "; a shorter time would let a redriven change restore a removed item";
  checkWhole(option, days, [leastDays, mostDays], reason);
  return days;
};

/** Maximum number of tombstones per request, so that requests are short and writers do not wait. */
const chunkSize = 10_000;

/**
 * Deletes tombstones in chunks, until a chunk finds nothing to delete. `deleteChunk` returns the number of tombstones that
 * it deleted. This number may be below `most` although more tombstones are left, because a writer may replace a
 * tombstone between its selection and its deletion.
 */
export const purgeInChunks = async (deleteChunk: (most: number) => Promise<number>): Promise<number> => {
  let total = 0;
  for (let deleted = await deleteChunk(chunkSize); deleted > 0; deleted = await deleteChunk(chunkSize))
    total += deleted;
  return total;
};
