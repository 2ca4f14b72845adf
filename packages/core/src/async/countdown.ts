// Waits that are kept in memory from one invocation to the next, and survive a clock that is set.

/** Returns the milliseconds that are left, at least 0. */
export type Countdown = () => number;

/** A countdown that is over. */
export const elapsed: Countdown = () => 0;

/**
 * Starts a countdown. A clock that is set back before the start ends the countdown, because a time that was stored with
 * the old clock says nothing. So after the last change of the clock, a countdown never lasts longer than `ms`.
 */
export const countdown = (ms: number, now: () => number): Countdown => {
  const startedAt = now();
  return () => {
    const elapsedMs = now() - startedAt;
    return elapsedMs < 0 ? 0 : Math.max(0, ms - elapsedMs);
  };
};
