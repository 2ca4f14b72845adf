// Why an engine is not there: nothing to run it with, or it ran and broke.

import { SluiceError } from "@sluice/core/sink-kit";

/** What an engine needs is not installed. The message is one sentence that says what to install. */
export class EngineMissingError extends SluiceError<"ENGINE_MISSING"> {
  constructor(message: string, options?: ErrorOptions) {
    super("ENGINE_MISSING", message, options);
  }
}

/** An engine was started and did not become ready, or was asked for what it cannot do. */
export class EngineFailedError extends SluiceError<"ENGINE_FAILED"> {
  constructor(message: string, options?: ErrorOptions) {
    super("ENGINE_FAILED", message, options);
  }
}
