// A token bucket: so many units per second, with the capacity of one second.

import { type Clock, invalidOption } from "@sluice/core/sink-kit";

/** The parts of a clock that rates use. */
export type RateClock = Pick<Clock, "now" | "sleep">;

/** A token bucket. Its content may be negative, because a page's cost is known only after the page was read. */
export interface Bucket {
  /**
   * Takes units out as soon as the bucket has content. Callers take their turns in the order of their calls. If the signal
   * aborts before, resolves at once, and takes nothing.
   */
  readonly takeInTurn: (units: () => number, signal: AbortSignal) => Promise<number>;
  /** Takes units out at once; puts units back if the number is negative. */
  readonly take: (units: number) => void;
}

/** The largest rate that a run takes, in units or items a second. */
export const mostPerSecond = 100_000_000;

/** Returns a rate. @throws {ConfigError} CONFIG_INVALID unless it is from 0.1 to `mostPerSecond`. */
export const checkedRate = (option: string, perSecond: number): number => {
  if (typeof perSecond === "number" && perSecond >= 0.1 && perSecond <= mostPerSecond) return perSecond;
  throw invalidOption(option, `must be a number from 0.1 to ${mostPerSecond}`);
};

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
  const take = (units: number): void => {
    fill();
    content -= units;
  };
  const waiting = new Set<symbol>();
  const isNext = (turn: symbol): boolean => content > 0 && waiting.values().next().value === turn;
  return {
    takeInTurn: async (units, signal) => {
      const turn = Symbol("turn");
      waiting.add(turn);
      try {
        fill();
        while (!isNext(turn) && !signal.aborted) {
          const missingMs = (Math.max(0, -content) / perSecond()) * 1_000;
          await sleep(Math.min(maxSleepMs, Math.floor(missingMs) + 1), signal);
          fill();
        }
        if (signal.aborted) return 0;
        const taken = units();
        // In the same step as the look at the content: otherwise all callers would take the same units.
        take(taken);
        return taken;
      } finally {
        waiting.delete(turn);
      }
    },
    take,
  };
};
