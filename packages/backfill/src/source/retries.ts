// Repeats a request to a source while its failure is transient, with growing delays.

import { type Clock, systemClock } from "@sluice/core/sink-kit";
import type { SourceFailure } from "./source-failure.ts";

/** The attempts take about two minutes together. After them a person can resume the run from its last cursor. */
const maxAttempts = 20;
const firstDelayMs = 100;
const maxDelayMs = 20_000;

/** What `withRetries` needs. */
export interface Retries {
  readonly failureOf: (error: unknown) => SourceFailure;
  readonly signal: AbortSignal;
  readonly clock?: Pick<Clock, "sleep" | "random"> | undefined;
  readonly onThrottled?: (() => void) | undefined;
}

/** Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
const delayMs = (attempts: number, random: () => number): number =>
  random() * Math.min(maxDelayMs, firstDelayMs * 2 ** (attempts - 1));

/**
 * Counts transient failures in a row, and waits after each. `fail` throws the error if it is not transient, or after the
 * last attempt.
 */
export const retryCounter = ({ failureOf, signal, clock = systemClock, onThrottled }: Retries) => {
  let failed = 0;
  return {
    succeed: (): void => {
      failed = 0;
    },
    fail: async (cause: unknown): Promise<void> => {
      const { error, isThrottled } = failureOf(cause);
      if (isThrottled) onThrottled?.();
      failed += 1;
      if (!error.isTransient || failed >= maxAttempts) throw error;
      await clock.sleep(delayMs(failed, clock.random), signal);
    },
  };
};

/**
 * Calls until the call succeeds. Resolves with undefined if the signal aborts before.
 * @throws {SourceError} when a failure is not transient, or after the last attempt.
 */
export const withRetries = async <Value>(call: () => Promise<Value>, retries: Retries): Promise<Value | undefined> => {
  const counter = retryCounter(retries);
  while (!retries.signal.aborted) {
    try {
      return await call();
    } catch (error) {
      if (retries.signal.aborted) return undefined;
      await counter.fail(error);
    }
  }
  return undefined;
};
