// Time as a parameter, so that tests of windows, ages and timeouts neither wait nor flake.

/** Tells and passes time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves after `ms`, or as soon as the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", wake);
    }),
};

interface Sleeper {
  readonly wakeAtMs: number;
  readonly wake: () => void;
}

/**
 * A clock for tests. It stands still while anything runs, and jumps to the next sleeper when all wait for it: a day of
 * retries takes milliseconds, in the same order every time. Work that waits for anything but this clock looks idle.
 */
export const fakeClock = (startMs = 0): Clock => {
  let nowMs = startMs;
  let scheduled = false;
  const sleepers = new Set<Sleeper>();
  const jump = (): void => {
    scheduled = false;
    nowMs = Math.max(nowMs, Math.min(...[...sleepers].map(({ wakeAtMs }) => wakeAtMs)));
    for (const sleeper of sleepers) if (sleeper.wakeAtMs <= nowMs) sleeper.wake();
    schedule();
  };
  // setImmediate comes after every microtask, so whoever was woken has gone to sleep again or is done.
  const schedule = (): void => {
    if (scheduled || sleepers.size === 0) return;
    scheduled = true;
    setImmediate(jump);
  };
  const sleep: Clock["sleep"] = (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper: Sleeper = { wakeAtMs: nowMs + ms, wake };
      sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
      schedule();
    });
  return { now: () => nowMs, sleep };
};
