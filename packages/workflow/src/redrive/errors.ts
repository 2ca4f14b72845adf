// Errors that fail a state of the state machine. `Retry` matches their names. The names are written out, because a
// bundler may shorten the names of classes.

import { type AwsService, awsRequestError, ConfigError, type SinkError, SluiceError } from "@sluice/core/sink-kit";

/** Lambda or DynamoDB throttles requests. The messages stay in the queue. */
export class RedriveThrottledError extends SluiceError<"REDRIVE_THROTTLED"> {
  override name = "RedriveThrottledError";
}

/** A batch could not continue and has no counts to report. The messages stay in the queue. */
export class RedriveInterruptedError extends SluiceError<"REDRIVE_INTERRUPTED"> {
  override name = "RedriveInterruptedError";
}

/** Classifies a service's error by core's table. */
export const classified = (service: AwsService, error: unknown): SinkError =>
  awsRequestError(service.name.toLowerCase(), service, error);

/** Returns the error for a failed request that the batch cannot continue without. */
export const interruption = (service: AwsService, error: unknown): Error => {
  if (error instanceof ConfigError || error instanceof RedriveInterruptedError) return error;
  const cause = classified(service, error);
  if (cause.code === "SINK_THROTTLED") return new RedriveThrottledError("REDRIVE_THROTTLED", cause.message, { cause });
  return new RedriveInterruptedError("REDRIVE_INTERRUPTED", cause.message, { cause });
};

/** Whether a request timed out. The function that was called may still be running. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof RedriveInterruptedError && (error.cause as Partial<SinkError> | undefined)?.code === "SINK_TIMEOUT";
