// Errors that make a state of the state machine fail. The definition's `Retry` fields contain their names. Each class
// sets `name` to a text, because a bundler may shorten the name of the class.

import { type AwsService, awsRequestError, ConfigError, type SinkError, SluiceError } from "@sluice/core/sink-kit";

/** An AWS service, such as Lambda or DynamoDB, throttles requests. The messages stay in the queue. */
export class RedriveThrottledError extends SluiceError<"REDRIVE_THROTTLED"> {
  override name = "RedriveThrottledError";
}

/** A batch could not continue. Its messages without a result stay in the queue. */
export class RedriveInterruptedError extends SluiceError<"REDRIVE_INTERRUPTED"> {
  override name = "RedriveInterruptedError";
}

/** Converts an error of an AWS service to a `SinkError`, whose code says what kind of error it is. */
export const classified = (service: AwsService, error: unknown): SinkError =>
  awsRequestError(service.name.toLowerCase(), service, error);

/** Returns the error with which a batch ends after a failed request. */
export const interruption = (service: AwsService, error: unknown): Error => {
  if (error instanceof ConfigError || error instanceof RedriveInterruptedError) return error;
  const cause = classified(service, error);
  if (cause.code === "SINK_THROTTLED") return new RedriveThrottledError("REDRIVE_THROTTLED", cause.message, { cause });
  return new RedriveInterruptedError("REDRIVE_INTERRUPTED", cause.message, { cause });
};

/** Whether a request timed out. In that case, the called function may still be running. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof RedriveInterruptedError && (error.cause as Partial<SinkError> | undefined)?.code === "SINK_TIMEOUT";
