// A clock with an adjustable speed. Its normal speed is the machine's speed. While a target throttles, the test makes
// the clock faster, so that one minute takes half a second.

import type { Clock } from "@sluice/core/sink-kit";

export interface AdjustableClock extends Clock {
  /** Sleeps for `ms` milliseconds of this clock, or until the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Sets the speed as a multiple of the machine's speed. Sleeps that have begun are adjusted. */
  readonly setSpeed: (speed: number) => void;
}

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** Creates a clock that starts at `startMs` and runs at the machine's speed. */
export const adjustableClock = (startMs: number): AdjustableClock => {
  let speed = 1;
  let since = { machineMs: performance.now(), ownMs: startMs };
  const now = (): number => Math.floor(since.ownMs + (performance.now() - since.machineMs) * speed);
  const sleepers = new Set<Sleeper>();
  const setTimer = (sleeper: Sleeper): void => {
    clearTimeout(sleeper.timer);
    // `unref` lets the test end before the sleeps of crashed environments end.
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
