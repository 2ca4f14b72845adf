// A clock that stands still until a test advances it.

import type { Clock } from "@sluice/core/sink-kit";

export interface ManualClock extends Clock {
  /** Wakes who sleeps until then, after what is under way has gone as far as it can. */
  readonly advance: (ms: number) => Promise<void>;
  /** How many sleep. */
  readonly sleepers: () => number;
}

/** Lets everything run that waits for no clock and no socket. */
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
