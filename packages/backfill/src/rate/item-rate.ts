// How many items per second a process sends to the pipeline.

import { systemClock } from "@sluice/core/sink-kit";
import { bucket, checkedRate, type RateClock } from "./bucket.ts";

/** A limit of items, shared by all units of a process. */
export interface ItemRate {
  /** Resolves when the items may be sent, or when the signal aborts. */
  readonly take: (items: number, signal: AbortSignal) => Promise<void>;
  /** Changes the limit at once. */
  readonly setItemsPerSecond: (itemsPerSecond: number) => void;
}

/** Options of `itemRate`. */
export interface ItemRateOptions {
  readonly itemsPerSecond: number;
  readonly clock?: RateClock | undefined;
}

/** Creates a limit of items. @throws {ConfigError} CONFIG_INVALID unless the limit is from 0.1 to 100,000,000. */
export const itemRate = ({ itemsPerSecond, clock = systemClock }: ItemRateOptions): ItemRate => {
  let perSecond = checkedRate("itemsPerSecond", itemsPerSecond);
  const items = bucket(() => perSecond, clock);
  return {
    take: async (count, signal) => {
      await items.takeInTurn(() => count, signal);
    },
    setItemsPerSecond: (changed) => {
      perSecond = checkedRate("itemsPerSecond", changed);
    },
  };
};
