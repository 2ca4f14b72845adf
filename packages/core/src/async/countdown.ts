// Waits that are kept in memory from one invocation to the next, and survive a clock that is set.

/** Returns the milliseconds that are left, at least 0. */
export type Countdown = () => number;

/** A countdown that is over. */
export const countedDown: Countdown = () => 0;

/**
 * Starts a countdown. If the clock was set back since the countdown was last read, the countdown is over, because a time
 * of the old clock says nothing. A countdown that was read as over stays over. So whenever the clock is set, a countdown
 * that is read never lasts longer than `ms`.
 */
export const countdown = (ms: number, now: () => number): Countdown => {
  const startedAt = now();
  let latestAt = startedAt;
  let isOver = false;
  return () => {
    const at = now();
    isOver ||= at < latestAt || at - startedAt >= ms;
    latestAt = at;
    return isOver ? 0 : ms - (at - startedAt);
  };
};
