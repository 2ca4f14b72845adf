// A clock that stands still until a test advances it.

import type { Clock } from "@sluice/core/sink-kit";

/** A clock that a test advances. */
export interface ManualClock extends Clock {
  /** Runs pending work, advances the time, ends the sleeps whose time has come, and runs the work that follows. */
  readonly advance: (ms: number) => Promise<void>;
  /** Number of sleeps that have not ended. */
  readonly sleepers: () => number;
}

/** Waits until all pending work is done, sleeps on the clock, or waits for a socket. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

export const manualClock = (startMs = 1_767_323_045_000): ManualClock => {
  let now = startMs;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => now,
    random: () => 0.5,
    sleepers: () => sleepers.size,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          at: now + ms,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal.addEventListener("abort", sleeper.wake, { once: true });
        if (signal.aborted) sleeper.wake();
      }),
    advance: async (ms) => {
      await settle();
      now += ms;
      for (const { at, wake } of [...sleepers].sort((a, b) => a.at - b.at)) if (at <= now) wake();
      await settle();
    },
  };
};
