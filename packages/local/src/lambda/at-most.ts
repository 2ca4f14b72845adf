// Waits for a promise, but only for a limited time.

import type { Clock } from "@sluice/core/sink-kit";

/** Resolves with the value of the promise, or with undefined if `ms` are over first. Leaves no timer running. */
export const atMost = async <Value>(clock: Clock, ms: number, promise: Promise<Value>): Promise<Value | undefined> => {
  const timer = new AbortController();
  const value = await Promise.race([promise, clock.sleep(ms, timer.signal).then(() => undefined)]);
  timer.abort();
  return value;
};
