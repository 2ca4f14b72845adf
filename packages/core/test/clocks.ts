// Clocks that tests control.

import { type Clock, systemClock } from "../src/async/deadline.ts";

/** A clock whose sleeps end at once. `slept` lists their durations. Do not use this clock for tests of deadlines. */
export const instantClock = (random: () => number = () => 0.5): { clock: Clock; slept: number[] } => {
  const slept: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
  };
  return { clock: { now: () => 1_767_323_045_000, sleep, random }, slept };
};

/** `now` is fixed, but `sleep` uses the machine's timers. `random` returns 0, so delays between attempts are zero. */
export const fixedClock: Clock = { now: () => 1_767_323_045_000, sleep: systemClock.sleep, random: () => 0 };

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Waits until all pending work is done or sleeps on the clock. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A clock that a test advances. */
export const manualClock = (): { clock: Clock; advance: (ms: number) => Promise<void>; sleepers: () => number } => {
  let now = 1_767_323_045_000;
  const sleepers = new Set<Sleeper>();
  const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { at: now + ms, wake };
      sleepers.add(sleeper);
      signal.addEventListener("abort", wake, { once: true });
      if (signal.aborted) wake();
    });
  const advance = async (ms: number): Promise<void> => {
    await settle();
    now += ms;
    for (const { at, wake } of [...sleepers].sort((a, b) => a.at - b.at)) if (at <= now) wake();
    await settle();
  };
  return { clock: { now: () => now, sleep, random: () => 0.5 }, advance, sleepers: () => sleepers.size };
};
