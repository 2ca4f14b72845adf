/** Why a command cannot do what it was asked for, in one line: what was found and what was expected. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
  }
}

/** How a command ends: all done, something is left, or the command could not be carried out. */
export const exitCodes = { done: 0, left: 1, failed: 2, interrupted: 130 } as const;
