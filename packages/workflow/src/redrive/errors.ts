// Errors that fail a state of the state machine. `Retry` matches their names, which are written out because a bundler that
// shortens class names would change them.

import { type AwsService, awsRequestError, ConfigError, type SinkError, SluiceError } from "@sluice/core/sink-kit";

/** Lambda or DynamoDB throttles requests. The messages are in the queue. */
export class RedriveThrottledError extends SluiceError<"REDRIVE_THROTTLED"> {
  override name = "RedriveThrottledError";
}

/** A batch could not continue and has no counts to report. The messages are in the queue. */
export class RedriveInterruptedError extends SluiceError<"REDRIVE_INTERRUPTED"> {
  override name = "RedriveInterruptedError";
}

/** Classifies a service's error by core's table. */
export const classified = (service: AwsService, error: unknown): SinkError =>
  awsRequestError(service.name.toLowerCase(), service, error);

/** Returns the error for a failed request without which a batch cannot continue. */
export const interruption = (service: AwsService, error: unknown): Error => {
  if (error instanceof ConfigError || error instanceof RedriveInterruptedError) return error;
  const cause = classified(service, error);
  if (cause.code === "SINK_THROTTLED") return new RedriveThrottledError("REDRIVE_THROTTLED", cause.message, { cause });
  return new RedriveInterruptedError("REDRIVE_INTERRUPTED", cause.message, { cause });
};

/** Whether a request was given up because it took too long: the function may still be running. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof RedriveInterruptedError && (error.cause as Partial<SinkError> | undefined)?.code === "SINK_TIMEOUT";
