// A wait that ends with a promise or with the time.

import type { Clock } from "@sluice/core/sink-kit";

/** The value of the promise, or undefined after this time. Leaves no timer behind. */
export const atMost = async <Value>(clock: Clock, ms: number, promise: Promise<Value>): Promise<Value | undefined> => {
  const timer = new AbortController();
  const value = await Promise.race([promise, clock.sleep(ms, timer.signal).then(() => undefined)]);
  timer.abort();
  return value;
};
