// Errors of the interface: a status, a code for programs, and a message for people.

/** Codes that only this interface has. Errors of Sluice keep their own codes. */
export type HttpCode =
  | "HOST_REFUSED"
  | "ORIGIN_REFUSED"
  | "TOKEN_WRONG"
  | "METHOD_UNKNOWN"
  | "ADDRESS_UNKNOWN"
  | "CONTENT_TYPE_WRONG"
  | "BODY_TOO_LARGE"
  | "INPUT_INVALID"
  | "SUBJECT_UNKNOWN"
  | "ACTION_UNAVAILABLE"
  | "KEY_REUSED"
  | "RUN_EXISTS"
  | "RUN_STATE"
  | "COMMAND_FAILED"
  | "TIMEOUT"
  | "CLOSING"
  | "TOO_MANY_PAGES"
  | "INTERNAL";

const statuses: Readonly<Record<HttpCode, number>> = {
  HOST_REFUSED: 403,
  ORIGIN_REFUSED: 403,
  TOKEN_WRONG: 401,
  METHOD_UNKNOWN: 405,
  ADDRESS_UNKNOWN: 404,
  CONTENT_TYPE_WRONG: 415,
  BODY_TOO_LARGE: 413,
  INPUT_INVALID: 400,
  SUBJECT_UNKNOWN: 404,
  ACTION_UNAVAILABLE: 403,
  KEY_REUSED: 409,
  RUN_EXISTS: 409,
  RUN_STATE: 409,
  COMMAND_FAILED: 422,
  TIMEOUT: 504,
  CLOSING: 503,
  TOO_MANY_PAGES: 503,
  INTERNAL: 500,
};

/** A request that is refused. Its message says what was found and expected, and has no value of the request. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly code: HttpCode;

  constructor(code: HttpCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** An answer that reports an error. */
export interface ErrorAnswer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Whether the error is a fault of the program, which a log must have. */
  readonly isUnexpected: boolean;
}

const named = (name: string, code: unknown, message: string): Omit<ErrorAnswer, "isUnexpected"> | undefined => {
  const own = typeof code === "string" ? code : undefined;
  if (name === "CommandError" || name === "ActionError")
    return { status: statuses.COMMAND_FAILED, code: own ?? "COMMAND_FAILED", message };
  if (own === undefined) return undefined;
  if (/^(CONFIG|RECORD|MAPPING|DELIVERY)_/.test(own)) return { status: 422, code: own, message };
  return /^(SINK|DEADLINE)_/.test(own) ? { status: 502, code: own, message } : undefined;
};

/** An error of another process or of another context of V8 is no instance of this context's class. */
const isError = (error: unknown): error is Error & { readonly code?: unknown } =>
  typeof error === "object" &&
  error !== null &&
  "name" in error &&
  typeof error.name === "string" &&
  "message" in error &&
  typeof error.message === "string";

/** Returns the answer for an error. Compares names and codes, not classes: an error may come from another process. */
export const errorAnswer = (error: unknown): ErrorAnswer => {
  if (error instanceof HttpError) {
    return { status: error.status, code: error.code, message: error.message, isUnexpected: false };
  }
  if (isError(error)) {
    const known = named(error.name, error.code, error.message);
    if (known !== undefined) return { ...known, isUnexpected: false };
    if (error.name === "TimeoutError") {
      const message = "no answer in time; expected one within the console's time limit";
      return { status: statuses.TIMEOUT, code: "TIMEOUT", message, isUnexpected: false };
    }
  }
  const message = "the console failed unexpectedly; its log names the error";
  return { status: statuses.INTERNAL, code: "INTERNAL", message, isUnexpected: true };
};
