// Errors of a Lambda function that a redrive calls.

/** The function was called and failed as a whole: it threw an error, timed out or crashed. */
export class FunctionFailedError extends Error {
  override name = "FunctionFailedError";
  /** `SINK_TOO_LARGE` if Lambda refused the request for its size. */
  readonly code: "FUNCTION_FAILED" | "SINK_TOO_LARGE";
  /** Name of the error that the function threw. */
  readonly errorType: string;

  constructor(message: string, errorType: string, options: ErrorOptions & { code?: "SINK_TOO_LARGE" } = {}) {
    super(message, options);
    this.code = options.code ?? "FUNCTION_FAILED";
    this.errorType = errorType;
  }
}

/** Many requests failed in a row. The function itself is broken, so it makes no sense to send more messages. */
export class BrokenFunctionError extends Error {
  override name = "BrokenFunctionError";
}

/** Names of errors whose messages contain no item values: Lambda's own errors, and errors of `@sluice/core`. */
const plainErrors = /^(Sandbox|Runtime|Function)\.|^(Config|Record|Sink|Deadline)Error$/;

const timeout = /Task timed out after [\d.]+ seconds/;

/** Creates the error for a failed function. Leaves out the text of the user's own errors, which may contain items. */
export const functionFailed = (errorType: string, message: string): FunctionFailedError => {
  const [timedOut] = timeout.exec(message) ?? [];
  const [line = ""] = message.split("\n");
  const withheld = `${errorType}; its text is withheld because it may quote values`;
  return new FunctionFailedError(
    timedOut ?? (plainErrors.test(errorType) ? `${errorType}: ${line}` : withheld),
    errorType,
  );
};
