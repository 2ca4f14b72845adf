// Who calls the handler: Lambda, or a worker of this process.

/** Calls the handler with one event at a time. */
export interface Invoker {
  /**
   * What the handler answered.
   * @throws {FunctionFailedError} when the function was called and failed
   * @throws anything else when it cannot be called
   */
  readonly invoke: (event: unknown) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** The function was called and failed as a whole: it threw, timed out or died. */
export class FunctionFailedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FunctionFailedError";
  }
}

/** Names of errors whose texts hold no item values: Lambda's own, and core's by contract. */
const plainErrors = /^(Sandbox|Runtime|Function)\.|^(Config|Record|Sink|Deadline)Error$/;

/** What may be told of an error that the function threw: the text of a user's error may quote an item. */
export const failureText = (name: string, message: string): string => {
  const [line = ""] = message.split("\n");
  return plainErrors.test(name) ? `${name}: ${line}` : `${name}; its text is withheld because it may quote values`;
};
