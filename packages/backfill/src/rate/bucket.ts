// A token bucket: so many units per second, with the capacity of one second.

import type { Clock } from "@sluice/core/sink-kit";

/** The parts of a clock that rates use. */
export type RateClock = Pick<Clock, "now" | "sleep">;

/** A token bucket. Its content may be negative, because a page's cost is known only after the page was read. */
export interface Bucket {
  /** Resolves when the bucket has content, or when the signal aborts. */
  readonly wait: (signal: AbortSignal) => Promise<void>;
  /** Takes units out; puts units back if the number is negative. */
  readonly take: (units: number) => void;
}

/** A longer sleep would not notice that the rate was raised. */
const maxSleepMs = 1_000;

/** Creates a full bucket. `perSecond` returns the present rate, which may change at any time. */
export const bucket = (perSecond: () => number, { now, sleep }: RateClock): Bucket => {
  let content = perSecond();
  let filledAt = now();
  const fill = (): void => {
    const at = now();
    // A clock that is set back adds nothing.
    const seconds = Math.max(0, at - filledAt) / 1_000;
    filledAt = at;
    content = Math.min(perSecond(), content + seconds * perSecond());
  };
  return {
    wait: async (signal) => {
      fill();
      while (content <= 0 && !signal.aborted) {
        const missingMs = (-content / perSecond()) * 1_000;
        await sleep(Math.min(maxSleepMs, Math.floor(missingMs) + 1), signal);
        fill();
      }
    },
    take: (units) => {
      fill();
      content -= units;
    },
  };
};
