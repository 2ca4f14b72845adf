// Errors that make a worker's state fail. The definition's `Retry` fields contain their names.

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
