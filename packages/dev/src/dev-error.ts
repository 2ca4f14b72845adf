// Errors of what the user gave.

import { SluiceError } from "@sluice/core/sink-kit";

/** The message of what was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The command cannot do what it was asked for: an option, a file or an engine is wrong. */
export class DevError extends SluiceError<"DEV_INVALID"> {
  constructor(message: string, options?: ErrorOptions) {
    super("DEV_INVALID", message, options);
    this.name = "DevError";
  }
}
