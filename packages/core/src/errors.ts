// The error families and their codes. `code` is the API; the message is for people and may change. The table `facts`
// alone decides what core does with a failed delivery.

/** What core does with a failed delivery: retry it, or send it to the dead-letter queue. */
export type FailureOutcome = "retry" | "reject";

/** Codes of a `ConfigError`. */
export type ConfigErrorCode = "CONFIG_INVALID" | "CONFIG_MISSING_DEPENDENCY" | "CONFIG_BROKEN_DEPENDENCY";

/** Codes of a `RecordError`. */
export type RecordErrorCode =
  | "RECORD_MALFORMED"
  | "RECORD_MISMATCH"
  | "RECORD_INCOMPLETE"
  | "RECORD_LOST"
  | "RECORD_FOREIGN"
  | "RECORD_EXPIRED"
  | "RECORD_UNROUTED"
  | "RECORD_UNREADABLE"
  | "MAPPING_FAILED";

/** Codes of a `SinkError`. */
export type SinkErrorCode =
  | "SINK_THROTTLED"
  | "SINK_UNAVAILABLE"
  | "SINK_TIMEOUT"
  | "SINK_CONFLICT"
  | "SINK_REFERENCE_MISSING"
  | "SINK_DENIED"
  | "SINK_MISSING"
  | "SINK_UNREPORTED"
  | "SINK_REJECTED"
  | "SINK_GONE"
  | "SINK_TOO_LARGE";

/** Codes that a delivery can fail with. */
export type DeliveryErrorCode = RecordErrorCode | SinkErrorCode | "DEADLINE_EXCEEDED" | "DELIVERY_PENDING";

/** What core must know about an error code. */
interface CodeFacts {
  readonly outcome: FailureOutcome;
  /** Whether another attempt within the same invocation may succeed. */
  readonly isTransient?: true;
  /** Whether the code describes the target, not the delivery. Many such errors in a row open the circuit breaker. */
  readonly isTargetWide?: true;
}

/** Every code, with what core does about a delivery that failed with it. */
const facts: Record<DeliveryErrorCode, CodeFacts> = {
  RECORD_MALFORMED: { outcome: "reject" },
  RECORD_MISMATCH: { outcome: "reject" },
  RECORD_INCOMPLETE: { outcome: "reject" },
  RECORD_LOST: { outcome: "reject" },
  // The record stays in its stream or queue, because this pipeline must neither write nor dead-letter it.
  RECORD_FOREIGN: { outcome: "retry" },
  RECORD_EXPIRED: { outcome: "reject" },
  // The message stays in its queue until a route of this name exists, or a person deletes the message.
  RECORD_UNROUTED: { outcome: "retry" },
  // The message stays in its queue until the pipeline has the reader that the error names.
  RECORD_UNREADABLE: { outcome: "retry" },
  MAPPING_FAILED: { outcome: "reject" },
  SINK_THROTTLED: { outcome: "retry", isTransient: true, isTargetWide: true },
  SINK_UNAVAILABLE: { outcome: "retry", isTransient: true, isTargetWide: true },
  SINK_TIMEOUT: { outcome: "retry", isTransient: true, isTargetWide: true },
  SINK_CONFLICT: { outcome: "retry", isTransient: true },
  // Another route or another batch may be about to write what the message refers to.
  SINK_REFERENCE_MISSING: { outcome: "retry", isTransient: true },
  // Never dead-letter these records, because they can be written when the permission or the table exists.
  SINK_DENIED: { outcome: "retry", isTargetWide: true },
  SINK_MISSING: { outcome: "retry", isTargetWide: true },
  SINK_UNREPORTED: { outcome: "retry" },
  SINK_REJECTED: { outcome: "reject" },
  SINK_GONE: { outcome: "reject" },
  SINK_TOO_LARGE: { outcome: "reject" },
  // Either no attempt could start in time, or the last attempt failed and there was no time for another attempt.
  DEADLINE_EXCEEDED: { outcome: "retry", isTargetWide: true },
  DELIVERY_PENDING: { outcome: "retry" },
};

/** Whether a delivery that failed with this code is retried or dead-lettered. */
export const outcomeOf = (code: DeliveryErrorCode): FailureOutcome => facts[code].outcome;

/** Whether a second attempt a moment later may succeed: true for throttling, false for a denied or missing target. */
export const isTransient = (code: DeliveryErrorCode): boolean => facts[code].isTransient === true;

/** Whether the code describes the target as a whole: true for an unreachable target, false for a refused row. */
export const isTargetWide = (code: DeliveryErrorCode): boolean => facts[code].isTargetWide === true;

/** Whether the target takes no deliveries. A target that throttles takes some of them. */
export const isTargetDown = (code: DeliveryErrorCode): boolean => isTargetWide(code) && code !== "SINK_THROTTLED";

/** Whether a value is one of the codes of a `SinkError`. */
export const isSinkErrorCode = (code: unknown): code is SinkErrorCode =>
  typeof code === "string" && code.startsWith("SINK_") && Object.hasOwn(facts, code);

/** Whether an error comes from a sink. Compares codes, not classes: a sink may have its own copy of core's classes. */
export const isSinkError = (error: unknown): error is SinkError =>
  error instanceof Error && "code" in error && isSinkErrorCode(error.code);

/** Whether a delivery can fail with this error. Compares codes, as `isSinkError` does. */
export const isDeliveryError = (error: unknown): error is DeliveryError =>
  error instanceof Error && "code" in error && typeof error.code === "string" && Object.hasOwn(facts, error.code);

/**
 * Base of every error that Sluice raises; `code` has an entry in docs/errors.md. Each class states its name as a text,
 * because a minifier changes the names of classes.
 */
export class SluiceError<Code extends string = string> extends Error {
  override name: string = "SluiceError";
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An option is wrong or missing. Factories throw this error at cold start, and its message names the option. */
export class ConfigError extends SluiceError<ConfigErrorCode> {
  override name = "ConfigError";
}

/** A record cannot be delivered: it is malformed, or the user's schema or mapper refused it. */
export class RecordError extends SluiceError<RecordErrorCode> {
  override name = "RecordError";
}

/** Options of a `SinkError`, besides its message. */
export interface SinkErrorOptions extends ErrorOptions {
  /** For this many milliseconds, the target asked not to be called. */
  readonly retryAfterMs?: number;
}

/** A target did not take a delivery. `write` throws this error only if the target as a whole is unusable. */
export class SinkError extends SluiceError<SinkErrorCode> {
  override name: string = "SinkError";
  /**
   * For this many milliseconds, the target asked not to be called. If the retry policy allows this delay, core waits.
   * Otherwise the retry queue or the stream retries the record.
   */
  readonly retryAfterMs: number | undefined;

  constructor(code: SinkErrorCode, message: string, options?: SinkErrorOptions) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/**
 * A delivery was not attempted, for a reason that says nothing about its target: the circuit breaker is open, or a
 * store of core did not answer or forbids the delivery for now.
 */
export class UntriedError extends SinkError {
  override name: string = "UntriedError";
}

/** Too little invocation time was left to start or to finish a delivery. */
export class DeadlineError extends SluiceError<"DEADLINE_EXCEEDED"> {
  override name = "DeadlineError";
}

/** A delivery was not attempted, because an earlier change of its item waits in the retry queue. */
export class PendingError extends SluiceError<"DELIVERY_PENDING"> {
  override name = "PendingError";
}

/** Whether the target was not asked to take the delivery that failed with this error. */
export const isUntried = (error: unknown): boolean => error instanceof UntriedError || error instanceof PendingError;

/** The errors that a delivery can fail with. */
export type DeliveryError = RecordError | SinkError | DeadlineError | PendingError;
