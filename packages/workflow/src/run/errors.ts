// What makes a state of the machine fail. The names are what `Retry` matches; they are written out because a bundler that
// shortens class names would change them.

import { type AwsService, awsRequestError, ConfigError, type SinkError, SluiceError } from "@sluice/core/sink-kit";

/** Lambda or DynamoDB asked for a slower pace. Nothing was lost: the messages are in the queue. */
export class RedriveThrottledError extends SluiceError<"REDRIVE_THROTTLED"> {
  override name = "RedriveThrottledError";
}

/** A batch could not go on, and had nothing to report. Nothing was lost: the messages are in the queue. */
export class RedriveInterruptedError extends SluiceError<"REDRIVE_INTERRUPTED"> {
  override name = "RedriveInterruptedError";
}

/** The pipeline's function failed so often in a row that it is broken, rather than a letter poison. */
export class BrokenPipelineError extends Error {
  override name = "BrokenPipelineError";
}

/** What a service's error means, by core's table. */
export const codeOf = (service: AwsService, error: unknown): SinkError =>
  awsRequestError(service.name.toLowerCase(), service, error);

/** The error for a request that a batch cannot go on without. */
export const interruption = (service: AwsService, error: unknown): Error => {
  if (error instanceof ConfigError || error instanceof RedriveInterruptedError) return error;
  const told = codeOf(service, error);
  if (told.code === "SINK_THROTTLED")
    return new RedriveThrottledError("REDRIVE_THROTTLED", told.message, { cause: told });
  return new RedriveInterruptedError("REDRIVE_INTERRUPTED", told.message, { cause: told });
};

/** Whether a request was given up because it took too long: it may still be at work. */
export const wasTooLate = (error: unknown): boolean =>
  error instanceof RedriveInterruptedError && (error.cause as Partial<SinkError> | undefined)?.code === "SINK_TIMEOUT";
