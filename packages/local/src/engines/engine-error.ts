// Errors of engines: a missing installation, and a failed start.

import { SluiceError } from "@sluice/core/sink-kit";

/** A program that an engine needs is not installed. The message names the program to install, in one sentence. */
export class EngineMissingError extends SluiceError<"ENGINE_MISSING"> {
  override name = "EngineMissingError";

  constructor(message: string, options?: ErrorOptions) {
    super("ENGINE_MISSING", message, options);
  }
}

/** An engine did not become ready, or cannot do what the caller wants. */
export class EngineFailedError extends SluiceError<"ENGINE_FAILED"> {
  override name = "EngineFailedError";

  constructor(message: string, options?: ErrorOptions) {
    super("ENGINE_FAILED", message, options);
  }
}
