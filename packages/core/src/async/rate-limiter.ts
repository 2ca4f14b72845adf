// Limits of one environment: requests in flight, and requests per second.

import { ConfigError } from "../errors.ts";
import { type Countdown, countdown, countedDown } from "./countdown.ts";
import type { Clock } from "./deadline.ts";

/** Resolves when the next request may start, or when the signal aborts. */
export type RateLimiter = (signal: AbortSignal) => Promise<void>;

/**
 * Starts `perSecond` requests per second (Infinity: no limit), in order and at equal intervals. If a waiting request is
 * aborted, the next request takes its place. After a pause, too, requests start at these intervals.
 */
export const rateLimiter = (perSecond: number, clock: Pick<Clock, "now" | "sleep">): RateLimiter => {
  const intervalMs = 1_000 / perSecond;
  let left: Countdown = countedDown;
  let tail: Promise<void> = Promise.resolve();
  return (signal) => {
    const turn = tail.then(async () => {
      const waitMs = left();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (!signal.aborted) left = countdown(intervalMs, clock.now);
    });
    tail = turn;
    return turn;
  };
};

/** Checks the option `maxPerSecond`. @throws {ConfigError} CONFIG_INVALID unless it is from 0.001 to 1,000,000. */
export const checkedPerSecond = (maxPerSecond: number | undefined): number => {
  if (maxPerSecond === undefined) return Number.POSITIVE_INFINITY;
  if (typeof maxPerSecond === "number" && maxPerSecond >= 0.001 && maxPerSecond <= 1_000_000) return maxPerSecond;
  throw new ConfigError("CONFIG_INVALID", 'option "maxPerSecond" must be a number from 0.001 to 1000000');
};

/** Runs work as soon as a permit is free. */
export type Semaphore = <Value>(work: () => Promise<Value>) => Promise<Value>;

/** Creates a semaphore, which runs work in the order of the calls. */
export const semaphore = (permits: number): Semaphore => {
  let free = permits;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      release();
    }
  };
};
