// Waits for a promise, but only for a limited time.

import { setTimeout as sleep } from "node:timers/promises";

/** Settles as the promise does, or rejects with the error if the time is over first. Leaves no timer running. */
export const within = async <Value>(ms: number, promise: Promise<Value>, error: () => Error): Promise<Value> => {
  const timer = new AbortController();
  const expired = sleep(ms, undefined, { signal: timer.signal }).then(
    () => Promise.reject(error()),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([promise, expired]);
  } finally {
    timer.abort();
  }
};
