// Removes tombstones that no repeat can reach any more.

import { ConfigError } from "@sluice/core/sink-kit";
import type { Session } from "../client/pool.ts";
import { purgeStatement } from "../write/statements.ts";
import type { Relations } from "./relations.ts";

/** Options of `purge`. */
export interface PurgeOptions {
  /** Tombstones of removals longer ago than this go. Default 16; at least 15: stream 24 hours and dead letters 14 days. */
  readonly olderThanDays?: number;
}

const longestRepeatDays = 15;
const defaultDays = 16;
/** Rows of one statement: short transactions, so that writers do not wait. */
const chunkRows = 10_000;

const checkDays = (days: number): number => {
  if (Number.isSafeInteger(days) && days >= longestRepeatDays && days <= 100_000) return days;
  throw new ConfigError(
    "CONFIG_INVALID",
    `option "olderThanDays" must be a whole number of at least ${longestRepeatDays}: a removed item could come back from the dead-letter queue`,
  );
};

/** Removes tombstones past the horizon and returns how many there were. */
export const purgeTombstones = async (
  withSession: <Value>(use: (session: Session) => Promise<Value>) => Promise<Value>,
  relations: Relations,
  { olderThanDays = defaultDays }: PurgeOptions = {},
): Promise<number> => {
  const days = checkDays(olderThanDays);
  return withSession(async (session) => {
    let total = 0;
    for (let removed = chunkRows; removed === chunkRows; ) {
      const { rowCount } = await session.query(purgeStatement(relations), [days, chunkRows]);
      removed = rowCount ?? 0;
      total += removed;
    }
    return total;
  });
};
