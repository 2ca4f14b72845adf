// Time as a parameter: tests of windows, ages and timeouts need no real waiting.

import type { Clock } from "@sluice/core/sink-kit";

/** A clock for tests: core's clock, whose sleeps need no signal. */
export interface FakeClock extends Clock {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Makes a clock that stands still while code runs, and jumps to the next sleeper when all code is asleep: a day of
 * retries takes milliseconds, in the same order every time. Code that waits for a socket or a file counts as asleep.
 * `random` is always 0.5.
 */
export const fakeClock = (startMs = 0): FakeClock => {
  let nowMs = startMs;
  let scheduled = false;
  /** The time of each sleeper, by the function that wakes it. */
  const sleepers = new Map<() => void, number>();
  const jump = (): void => {
    scheduled = false;
    nowMs = Math.max(nowMs, Math.min(...sleepers.values()));
    for (const [wake, wakeAtMs] of sleepers) if (wakeAtMs <= nowMs) wake();
    schedule();
  };
  // setImmediate runs after all microtasks: by then the woken code is asleep again, or has ended.
  const schedule = (): void => {
    if (scheduled || sleepers.size === 0) return;
    scheduled = true;
    setImmediate(jump);
  };
  const sleep: FakeClock["sleep"] = (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        sleepers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      sleepers.set(wake, nowMs + ms);
      signal?.addEventListener("abort", wake);
      schedule();
    });
  return { now: () => nowMs, sleep, random: () => 0.5 };
};
