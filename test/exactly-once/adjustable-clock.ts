// A clock that goes as the machine's, and faster through an outage: a minute of it passes in a moment, and nothing else
// is late for that.

import type { Clock } from "@sluice/core/sink-kit";

export interface UnevenClock extends Clock {
  /** Its sleeps take an optional signal. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** From now on it goes so many times as fast as the machine's. Who sleeps wakes sooner, or later. */
  readonly setPace: (pace: number) => void;
}

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** Goes as the machine's clock does, from a time of its own. */
export const unevenClock = (startMs: number): UnevenClock => {
  let pace = 1;
  let since = { machineMs: performance.now(), ownMs: startMs };
  const now = (): number => Math.floor(since.ownMs + (performance.now() - since.machineMs) * pace);
  const sleepers = new Set<Sleeper>();
  const setTimer = (sleeper: Sleeper): void => {
    clearTimeout(sleeper.timer);
    // Not to wait for at the end: an environment that died in its sleep never wakes.
    sleeper.timer = setTimeout(sleeper.wake, (sleeper.untilMs - now()) / pace).unref();
  };
  return {
    now,
    setPace: (next) => {
      since = { machineMs: performance.now(), ownMs: now() };
      pace = next;
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
