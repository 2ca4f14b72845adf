// A clock for tests of windows, ages and timeouts, so that these tests need not wait in real time.

import type { Clock } from "@sluice/core/sink-kit";

/** A clock for tests. Unlike the `sleep` of core's clock, its `sleep` does not require a signal. */
export interface FakeClock extends Clock {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Creates a clock that stands still while code runs. When all code is asleep, the clock jumps to the time at which the
 * first sleep ends. A day of retries takes milliseconds, in the same order every time. Code that waits for a socket
 * or a file counts as asleep. `random` always returns 0.5.
 */
export const fakeClock = (startMs = 0): FakeClock => {
  let nowMs = startMs;
  let scheduled = false;
  /** The time at which each sleep ends, by the function that ends the sleep. */
  const sleepers = new Map<() => void, number>();
  const jump = (): void => {
    scheduled = false;
    // All sleeps may have been aborted meanwhile.
    if (sleepers.size === 0) return;
    nowMs = Math.max(nowMs, Math.min(...sleepers.values()));
    for (const [wake, wakeAtMs] of sleepers) if (wakeAtMs <= nowMs) wake();
    schedule();
  };
  // When setImmediate calls `jump`, all microtasks have run, so every woken function is asleep again or has ended.
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
