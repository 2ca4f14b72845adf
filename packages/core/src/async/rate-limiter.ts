// How many requests at once, and how many a second, in this environment: for sinks whose target does not say.

import type { Clock } from "./deadline.ts";

/** Resolves when the next request may start, or when the signal aborts. */
export type RateLimiter = (signal: AbortSignal) => Promise<void>;

/**
 * Turns at `perSecond` (Infinity: at once), one after the other and evenly spaced. The turn of one that gave up is the
 * next one's; a pause is not made up for by a burst.
 */
export const rateLimiter = (perSecond: number, clock: Pick<Clock, "now" | "sleep">): RateLimiter => {
  const intervalMs = 1_000 / perSecond;
  let nextAt = Number.NEGATIVE_INFINITY;
  let tail: Promise<void> = Promise.resolve();
  return (signal) => {
    const turn = tail.then(async () => {
      const waitMs = nextAt - clock.now();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (!signal.aborted) nextAt = clock.now() + intervalMs;
    });
    tail = turn;
    return turn;
  };
};

/** A limited number of semaphore. */
export interface Semaphore {
  /** Resolves when a place is free, and takes it. */
  readonly take: () => Promise<void>;
  readonly give: () => void;
}

/** That many semaphore. */
export const semaphore = (count: number): Semaphore => {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    take: async () => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    give: () => {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
};
