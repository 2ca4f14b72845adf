// Stops work before Lambda does. What was not started by then is reported, not attempted.

import { setMaxListeners } from "node:events";

/** Time and chance, as parameters: tests pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Resolves after that many milliseconds, or at once when the signal aborts. Deadlines are such sleeps: on a clock
   * that does not wait, no time is left.
   */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** `setTimeout` takes more than this for 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's own clock. */
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

/** The part of Lambda's context that core reads. */
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
  /** How long a sink may take to settle after `signal`, in ms, before core stops waiting for it. */
  readonly settleMs: number;
  /** Aborts when even dead letters must stop: what is left is for the report. */
  readonly lastCall: AbortSignal;
  /** Frees the timers. */
  readonly release: () => void;
}

/** What is kept for dead letters and the report: a second, or a fifth of a short invocation. */
const defaultReserveMs = (remainingMs: number): number => Math.min(1000, remainingMs / 5);

const longestSettleMs = 200;

/** Every request in flight listens to its signal, and Node warns of a leak at the eleventh. */
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

/** The same deadline, and working time that is over after `ms` if not sooner. `release` frees its own timer only. */
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

/** The deadline of an invocation, `timeoutBufferMs` before Lambda's own. A quarter of the reserve is left after the last call. */
export const deadlineOf = (
  context: InvocationContext | undefined,
  timeoutBufferMs: number | undefined,
  clock: Clock,
): Deadline => {
  const lambdaMs = context?.getRemainingTimeInMillis?.();
  if (lambdaMs === undefined) return endless();
  const reserve = Math.min(timeoutBufferMs ?? defaultReserveMs(lambdaMs), Math.max(0, lambdaMs));
  const workMs = lambdaMs - reserve;
  const endsAt = clock.now() + workMs;
  const released = new AbortController();
  return {
    signal: abortAfter(workMs, clock, released.signal),
    remainingMs: () => Math.max(0, endsAt - clock.now()),
    settleMs: Math.min(longestSettleMs, reserve / 4),
    lastCall: abortAfter(lambdaMs - reserve / 4, clock, released.signal),
    release: () => released.abort(),
  };
};
