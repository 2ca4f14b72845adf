// The error families and their codes. `code` is the API; the message is for people and may change.
// What core does about a failed delivery follows from its code alone, in the one table below.

/** What core does with a failed delivery: come again, or go to the dead-letter queue. */
export type FailureOutcome = "retry" | "reject";

export type ConfigErrorCode = "CONFIG_INVALID" | "CONFIG_MISSING_DEPENDENCY";

export type RecordErrorCode =
  | "RECORD_MALFORMED"
  | "RECORD_MISMATCH"
  | "RECORD_INCOMPLETE"
  | "RECORD_LOST"
  | "MAPPING_FAILED";

export type SinkErrorCode =
  | "SINK_THROTTLED"
  | "SINK_UNAVAILABLE"
  | "SINK_TIMEOUT"
  | "SINK_CONFLICT"
  | "SINK_DENIED"
  | "SINK_MISSING"
  | "SINK_UNREPORTED"
  | "SINK_REJECTED"
  | "SINK_GONE"
  | "SINK_TOO_LARGE";

export type DeliveryErrorCode = RecordErrorCode | SinkErrorCode | "DEADLINE_EXCEEDED" | "DELIVERY_PARKED";

/** Every code, with what core does about a delivery that failed with it. */
const outcomes: Record<DeliveryErrorCode, FailureOutcome> = {
  RECORD_MALFORMED: "reject",
  RECORD_MISMATCH: "reject",
  RECORD_INCOMPLETE: "reject",
  RECORD_LOST: "reject",
  MAPPING_FAILED: "reject",
  SINK_THROTTLED: "retry",
  SINK_UNAVAILABLE: "retry",
  SINK_TIMEOUT: "retry",
  SINK_CONFLICT: "retry",
  // A repaired permission or a created table makes these records good again: never dead-letter them.
  SINK_DENIED: "retry",
  SINK_MISSING: "retry",
  SINK_UNREPORTED: "retry",
  SINK_REJECTED: "reject",
  SINK_GONE: "reject",
  SINK_TOO_LARGE: "reject",
  DEADLINE_EXCEEDED: "retry",
  DELIVERY_PARKED: "retry",
};

/** Codes for which trying again within the same invocation may help. */
const transientCodes: ReadonlySet<DeliveryErrorCode> = new Set([
  "SINK_THROTTLED",
  "SINK_UNAVAILABLE",
  "SINK_TIMEOUT",
  "SINK_CONFLICT",
]);

/** Whether a delivery that failed with this code comes again or is dead-lettered. */
export const outcomeOf = (code: DeliveryErrorCode): FailureOutcome => outcomes[code];

/** Whether a second try a moment later may succeed: true for throttling, never for a denied or missing target. */
export const isTransient = (code: DeliveryErrorCode): boolean => transientCodes.has(code);

/** Base of every error that Sluice raises; `code` has an entry in docs/errors.md. */
export class SluiceError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An option is wrong or missing. Thrown by factories at cold start, and names the option. */
export class ConfigError extends SluiceError<ConfigErrorCode> {}

/** A record, or what the user's schema or mapper made of it, cannot be delivered as it is. */
export class RecordError extends SluiceError<RecordErrorCode> {}

/** What a `SinkError` may carry beside its message. */
export interface SinkErrorOptions extends ErrorOptions {
  /** Milliseconds for which the target asked to be left alone. */
  readonly retryAfterMs?: number;
}

/** A target did not take a delivery. Thrown by `write` only when the target as a whole is unusable. */
export class SinkError extends SluiceError<SinkErrorCode> {
  /**
   * Milliseconds before which a second try is futile: the target said so. Core waits for as long where its retry
   * policy allows such a wait, and leaves the record to the stream where it does not.
   */
  readonly retryAfterMs: number | undefined;

  constructor(code: SinkErrorCode, message: string, options?: SinkErrorOptions) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Too little invocation time was left to start or to finish a delivery. */
export class DeadlineError extends SluiceError<"DEADLINE_EXCEEDED"> {}

/** A delivery was not attempted: an earlier change of its item waits in the retry queue. */
export class ParkedError extends SluiceError<"DELIVERY_PARKED"> {}

/** What a delivery can fail with. */
export type DeliveryError = RecordError | SinkError | DeadlineError | ParkedError;
