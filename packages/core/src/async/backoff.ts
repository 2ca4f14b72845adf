// Quick attempts within an invocation: few, jittered, and only for failures that a moment may heal.

/** How often a transient failure is tried again before it is left to the stream. */
export interface RetryPolicy {
  /** Tries in all, the first included. Default 3. */
  readonly maxAttempts: number;
  /** Longest wait before the second try, in ms; it doubles from try to try. Default 50. */
  readonly firstDelayMs: number;
  /** Longest wait before any try, in ms: where the target asks for a longer one, there is no quick try. Default 1,000. */
  readonly maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { maxAttempts: 3, firstDelayMs: 50, maxDelayMs: 1000 };

/**
 * Milliseconds to wait after that many attempts: full jitter, so that throttled environments do not return together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export const backoffMs = (policy: RetryPolicy, attempts: number, random: () => number): number =>
  random() * Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempts - 1));
