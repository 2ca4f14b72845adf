/** The error of a command that cannot be carried out. Its one-line message says what was found and expected. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
  }
}

/** Exit codes. `left`: some messages are still in the source. `failed`: the command could not be carried out. */
export const exitCodes = { done: 0, left: 1, failed: 2, interrupted: 130 } as const;
