// The end of an invocation's working time, before Lambda stops the function.

import { setMaxListeners } from "node:events";

/** The source of time and of random numbers. Tests pass a `Clock` that they control. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Resolves after this many milliseconds, or as soon as the signal aborts. Deadlines use `sleep` too. If the `sleep`
   * of a test clock resolves at once, every deadline passes at once.
   */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** The longest delay that `setTimeout` supports. If the delay is longer, `setTimeout` waits only 1 ms. */
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
  /** How long core waits for a sink's results after `signal` has aborted, in milliseconds. */
  readonly settleMs: number;
  /** Aborts after `signal`, when core must also stop sending dead letters. The time that is left is for the report. */
  readonly lastCall: AbortSignal;
  /** Stops the timers. */
  readonly release: () => void;
}

/** Default time for dead letters and the report: one second, or a fifth of the remaining time if that is less. */
const defaultBufferMs = (remainingMs: number): number => Math.min(1000, remainingMs / 5);

const longestSettleMs = 200;

/** Creates a controller without Node's warning about many listeners: every request in flight adds a listener. */
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

/**
 * Returns a function that tells how many milliseconds of `ms` are left. If the clock is set back, the result stays the
 * same until the clock moves on. Otherwise a lease or a request could outlast its invocation.
 */
const timeLeft = (ms: number, clock: Clock): (() => number) => {
  let leftMs = ms;
  let readAt = clock.now();
  return () => {
    const now = clock.now();
    leftMs -= Math.max(0, now - readAt);
    readAt = now;
    return Math.max(0, leftMs);
  };
};

/** Returns a new deadline, which ends after `ms` or with `deadline`. Its `release` does not release `deadline`. */
export const within = (deadline: Deadline, ms: number, clock: Clock): Deadline => {
  const leftMs = timeLeft(ms, clock);
  const released = new AbortController();
  const timer = abortAfter(ms, clock, released.signal);
  const signal = AbortSignal.any([deadline.signal, timer]);
  setMaxListeners(0, signal);
  return {
    ...deadline,
    signal,
    remainingMs: () => Math.min(deadline.remainingMs(), leftMs()),
    release: () => released.abort(),
  };
};

/** Working time ends `timeoutBufferMs` before Lambda's timeout. `lastCall` aborts after three quarters of that time. */
export const deadlineOf = (
  context: InvocationContext | undefined,
  timeoutBufferMs: number | undefined,
  clock: Clock,
): Deadline => {
  const lambdaMs = context?.getRemainingTimeInMillis?.();
  if (lambdaMs === undefined) return endless();
  const buffer = Math.min(timeoutBufferMs ?? defaultBufferMs(lambdaMs), Math.max(0, lambdaMs));
  const workMs = lambdaMs - buffer;
  const released = new AbortController();
  return {
    signal: abortAfter(workMs, clock, released.signal),
    remainingMs: timeLeft(workMs, clock),
    settleMs: Math.min(longestSettleMs, buffer / 4),
    lastCall: abortAfter(lambdaMs - buffer / 4, clock, released.signal),
    release: () => released.abort(),
  };
};

/** Lambda's longest invocation, in milliseconds. */
const longestInvocationMs = 900_000;

/** How long a lease must last, in milliseconds. The added second is for a sink that ends slightly too late. */
export const leaseMs = (remainingMs: number): number => Math.min(remainingMs, longestInvocationMs) + 1_000;
