// Quick retries within an invocation, with jitter, for transient failures.

/** Limits of the quick retries in an invocation. After the last attempt, the stream or the retry queue retries. */
export interface RetryPolicy {
  /** Number of attempts, including the first. Default 3. */
  readonly maxAttempts: number;
  /** Upper limit of the delay before the second attempt, in ms. The limit doubles with each attempt. Default 50. */
  readonly firstDelayMs: number;
  /** Upper limit of any delay, in ms. If the target asks for a longer delay, there is no quick retry. Default 1,000. */
  readonly maxDelayMs: number;
}

/** The default values of the option `retry`. */
export const defaultRetryPolicy: RetryPolicy = { maxAttempts: 3, firstDelayMs: 50, maxDelayMs: 1000 };

/**
 * Returns a random delay in ms after `attempts` attempts (full jitter), so that environments do not retry together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export const backoffMs = (policy: RetryPolicy, attempts: number, random: () => number): number =>
  random() * Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempts - 1));
