// Errors that make a state fail. The definition's `Retry` fields contain their names.

import { DiffersTooMuchError, SourceError } from "@sluice/backfill";
import { SluiceError } from "@sluice/core/sink-kit";

/** The turn of a unit could not continue. The next attempt starts at the unit's last checkpoint. */
export class UnitInterruptedError extends SluiceError<"UNIT_INTERRUPTED"> {
  override name = "UnitInterruptedError";

  constructor(message: string, options?: ErrorOptions) {
    super("UNIT_INTERRUPTED", message, options);
  }
}

/** No repeat can finish the unit. The message says what to change. */
export class UnitFailedError extends SluiceError<"UNIT_FAILED"> {
  override name = "UnitFailedError";

  constructor(message: string, options?: ErrorOptions) {
    super("UNIT_FAILED", message, options);
  }
}

/**
 * Converts an error to one whose name says whether a repeat can help. A `ConfigError` says so itself; any other error is like a
 * crash of the function.
 */
export const failureOf = (error: unknown): unknown => {
  if (error instanceof DiffersTooMuchError) return new UnitFailedError(error.message, { cause: error });
  if (!(error instanceof SourceError)) return error;
  const options = { cause: error };
  return error.isTransient
    ? new UnitInterruptedError(error.message, options)
    : new UnitFailedError(error.message, options);
};
