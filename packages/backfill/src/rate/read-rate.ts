// How many read capacity units per second the scans of this process consume together.

import { systemClock } from "@sluice/core/sink-kit";
import { bucket, checkedRate, type RateClock } from "./bucket.ts";

/** A limit of read capacity units, shared by all segments of a process. */
export interface ReadRate {
  /**
   * Resolves when a page may be read, or when the signal aborts. Call the returned function once, with the units that the
   * page cost; 0 if no page was read.
   */
  readonly take: (signal: AbortSignal) => Promise<(units: number) => void>;
  /** Lowers the rate by 20 %, at most once a second. It rises again by 10 % of the configured rate every 10 seconds. */
  readonly throttled: () => void;
  /** Changes the configured rate. It applies at once, even if the rate was lowered. */
  readonly setUnitsPerSecond: (unitsPerSecond: number) => void;
  /** The present rate, in units per second. */
  readonly unitsPerSecond: () => number;
}

/** Options of `readRate`. */
export interface ReadRateOptions {
  readonly unitsPerSecond: number;
  readonly clock?: RateClock | undefined;
}

const loweringMs = 1_000;
const raisingMs = 10_000;
const lowered = 0.8;
const raisedBy = 0.1;
/** The rate does not fall below this share of the configured rate, so that a run always goes on. */
const lowest = 0.01;

/** What the first page is expected to cost: a megabyte, read without consistency. */
const firstCost = 128;

/** The present rate: lowered when requests were throttled, and raised with time. */
const adaptiveRate = (initial: number, now: () => number) => {
  let configured = initial;
  let present = initial;
  let loweredAt = Number.NEGATIVE_INFINITY;
  let raisedAt = now();
  const raise = (): void => {
    const steps = Math.floor((now() - raisedAt) / raisingMs);
    if (steps <= 0) return;
    raisedAt += steps * raisingMs;
    present = Math.min(configured, present + steps * raisedBy * configured);
  };
  return {
    present: (): number => {
      raise();
      return present;
    },
    lower: (): void => {
      raise();
      if (now() - loweredAt < loweringMs) return;
      loweredAt = now();
      raisedAt = loweredAt;
      present = Math.max(lowest * configured, lowered * present);
    },
    configure: (perSecond: number): void => {
      configured = perSecond;
      present = perSecond;
      raisedAt = now();
    },
  };
};

/**
 * Creates a limit of read capacity units. A page takes as many units ahead as the page before has cost, and its real cost
 * is charged afterwards, so that segments that read at the same time do not exceed the rate together.
 * @throws {ConfigError} CONFIG_INVALID unless the rate is from 0.1 to 100,000,000.
 */
export const readRate = ({ unitsPerSecond, clock = systemClock }: ReadRateOptions): ReadRate => {
  const rate = adaptiveRate(checkedRate("unitsPerSecond", unitsPerSecond), clock.now);
  const units = bucket(rate.present, clock);
  let lastCost = firstCost;
  return {
    take: async (signal) => {
      const ahead = await units.takeInTurn(() => lastCost, signal);
      return (cost) => {
        units.take(cost - ahead);
        if (cost > 0) lastCost = cost;
      };
    },
    throttled: rate.lower,
    setUnitsPerSecond: (perSecond) => rate.configure(checkedRate("unitsPerSecond", perSecond)),
    unitsPerSecond: rate.present,
  };
};
