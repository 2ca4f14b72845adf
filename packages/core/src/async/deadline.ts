// The end of an invocation's working time, before Lambda stops the function.

import { setMaxListeners } from "node:events";

/** Time and randomness as a parameter, so that tests can pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Resolves after that many milliseconds, or at once when the signal aborts. Deadlines use it too: with a clock whose
   * `sleep` does not wait, no working time is left.
   */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** `setTimeout` replaces a longer delay by 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(ms, longestTimerMs));
      signal.addEventListener("abort", wake, { once: true });
    }),
  random: Math.random,
};

/** The part of Lambda's context that core uses. */
export interface InvocationContext {
  readonly awsRequestId?: string;
  readonly getRemainingTimeInMillis?: () => number;
}

/** The end of an invocation's working time. */
export interface Deadline {
  /** Aborts when working time is over. */
  readonly signal: AbortSignal;
  /** Milliseconds of working time left; Infinity outside Lambda. */
  readonly remainingMs: () => number;
  /** Milliseconds after `signal` for which core waits for the results of a sink. */
  readonly settleMs: number;
  /** Aborts when even dead letters must stop, to keep time for the report. */
  readonly lastCall: AbortSignal;
  /** Ends the timers. */
  readonly release: () => void;
}

/** Time for dead letters and the report: a second, or a fifth of a short invocation. */
const defaultBufferMs = (remainingMs: number): number => Math.min(1000, remainingMs / 5);

const longestSettleMs = 200;

/** Every request in flight adds a listener to the signal, and Node warns of a leak at eleven listeners. */
const manyListeners = (): AbortController => {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
};

const abortAfter = (ms: number, clock: Clock, released: AbortSignal): AbortSignal => {
  const controller = manyListeners();
  const elapse = async (): Promise<void> => {
    await clock.sleep(ms, released);
    if (!released.aborted) controller.abort();
  };
  if (ms > 0) void elapse();
  else controller.abort();
  return controller.signal;
};

const endless = (): Deadline => ({
  signal: manyListeners().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
  settleMs: longestSettleMs,
  lastCall: new AbortController().signal,
  release: () => {},
});

/** The deadline, or an earlier one after `ms`. `release` ends only the timer of the latter. */
export const within = (deadline: Deadline, ms: number, clock: Clock): Deadline => {
  const endsAt = clock.now() + ms;
  const released = new AbortController();
  const timer = abortAfter(ms, clock, released.signal);
  const signal = AbortSignal.any([deadline.signal, timer]);
  setMaxListeners(0, signal);
  return {
    ...deadline,
    signal,
    remainingMs: () => Math.min(deadline.remainingMs(), Math.max(0, endsAt - clock.now())),
    release: () => released.abort(),
  };
};

/** The deadline of an invocation, `timeoutBufferMs` before Lambda's timeout. A quarter of the buffer is left after `lastCall`. */
export const deadlineOf = (
  context: InvocationContext | undefined,
  timeoutBufferMs: number | undefined,
  clock: Clock,
): Deadline => {
  const lambdaMs = context?.getRemainingTimeInMillis?.();
  if (lambdaMs === undefined) return endless();
  const buffer = Math.min(timeoutBufferMs ?? defaultBufferMs(lambdaMs), Math.max(0, lambdaMs));
  const workMs = lambdaMs - buffer;
  const endsAt = clock.now() + workMs;
  const released = new AbortController();
  return {
    signal: abortAfter(workMs, clock, released.signal),
    remainingMs: () => Math.max(0, endsAt - clock.now()),
    settleMs: Math.min(longestSettleMs, buffer / 4),
    lastCall: abortAfter(lambdaMs - buffer / 4, clock, released.signal),
    release: () => released.abort(),
  };
};

/** Lambda's longest invocation, in milliseconds. */
const longestInvocationMs = 900_000;

/** Milliseconds for which a lease must be held: a sink may settle for a moment after the end of the invocation's time. */
export const leaseMs = (remainingMs: number): number => Math.min(remainingMs, longestInvocationMs) + 1_000;
