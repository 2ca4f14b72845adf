// Errors of actions: an action answers a page, so that each message is for people and has no value of an item.

import { CommandError } from "../command-line/command-error.ts";

/** Codes of actions that cannot be carried out. */
export type ActionErrorCode =
  | "DEAD_LETTER_MISSING"
  | "IMAGE_INVALID"
  | "KEY_INVALID"
  | "MODULE_MISSING"
  | "PIPELINE_UNKNOWN"
  | "QUEUE_UNKNOWN"
  | "RUN_REFUSED"
  | "ACTION_FAILED";

/** An action that cannot be carried out as it was asked for. */
export class ActionError extends CommandError {
  override name = "ActionError";
  readonly code: ActionErrorCode;

  constructor(code: ActionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Errors of Sluice, and of a signal that aborts. Their messages have no values of items. */
const plainErrors =
  /^(Action|Command|Config|Record|Sink|Deadline|Source|RunState|RunTaken|Function(Unreachable|Broken|Failed)|BrokenFunction|UnexpectedAnswer|TooManyFailures|DiffersTooMuch|Abort|Timeout)Error$/;

/** Passes errors whose messages are for people. Withholds the text of others, because it may quote values of items. */
export const plainError = (error: unknown): unknown => {
  const { name: given } = (error ?? {}) as { readonly name?: unknown };
  const name = typeof given === "string" ? given : typeof error;
  if (plainErrors.test(name)) return error;
  return new ActionError("ACTION_FAILED", `${name}; its text is withheld because it may quote values`, {
    cause: error,
  });
};

/** Errors that the console's server knows by their names. It withholds the messages of others that have no code. */
const known = /^(Action|Command|Abort|Timeout)Error$/;

const withCode = (error: unknown): unknown => {
  const { name = "", message = "", code } = error as Partial<Error> & { readonly code?: unknown };
  return code !== undefined || known.test(name) ? error : new ActionError("ACTION_FAILED", message, { cause: error });
};

/** Makes an action reject with plain errors only. */
export const withPlainErrors =
  <Args extends readonly unknown[], Result>(action: (...args: Args) => Promise<Result>) =>
  async (...args: Args): Promise<Result> => {
    try {
      return await action(...args);
    } catch (error) {
      throw withCode(plainError(error));
    }
  };
