// A clock that runs at the machine's speed, or faster on demand. While a target throttles, the clock runs faster, so
// that a minute passes in two seconds.

import type { Clock } from "@sluice/core/sink-kit";

export interface AdjustableClock extends Clock {
  /** Sleeps for `ms` milliseconds of this clock. The signal is optional. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Sets the speed as a multiple of the machine's speed. Pending sleeps are adjusted. */
  readonly setSpeed: (speed: number) => void;
}

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** A clock at the machine's speed, with its own start time. */
export const adjustableClock = (startMs: number): AdjustableClock => {
  let speed = 1;
  let since = { machineMs: performance.now(), ownMs: startMs };
  const now = (): number => Math.floor(since.ownMs + (performance.now() - since.machineMs) * speed);
  const sleepers = new Set<Sleeper>();
  const setTimer = (sleeper: Sleeper): void => {
    clearTimeout(sleeper.timer);
    // Without `unref` the test would wait at its end for the sleeps of crashed environments.
    sleeper.timer = setTimeout(sleeper.wake, (sleeper.untilMs - now()) / speed).unref();
  };
  return {
    now,
    setSpeed: (next) => {
      since = { machineMs: performance.now(), ownMs: now() };
      speed = next;
      for (const sleeper of sleepers) setTimer(sleeper);
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(sleeper.timer);
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper: Sleeper = { untilMs: now() + ms, wake, timer: undefined };
        sleepers.add(sleeper);
        setTimer(sleeper);
        signal?.addEventListener("abort", wake, { once: true });
        if (signal?.aborted) wake();
      }),
    random: Math.random,
  };
};
