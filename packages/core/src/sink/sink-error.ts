// Errors that sinks have in common.

import { DeadlineError, SinkError, type SinkErrorCode } from "../errors.ts";

/** Creates the SINK_REJECTED error for a message that the target can never take. `problem` must not quote values. */
export const rejected = (sink: string, problem: string, options?: ErrorOptions): SinkError =>
  new SinkError("SINK_REJECTED", `[${sink}] ${problem}`, options);

/** Creates the error for a delivery whose write did not start, because the signal had aborted. */
export const notStarted = (sink: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${sink}] the invocation's time was over before the write was started`);

/** Creates the error for a request that was still unanswered when the signal aborted. */
export const unanswered = (sink: string, target: string): SinkError =>
  new SinkError("SINK_TIMEOUT", `[${sink}] the invocation's time was over before ${target} answered`);

/** Error codes by HTTP status. */
export type StatusCodes = { readonly [status: number]: SinkErrorCode };

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-15, https://www.rfc-editor.org/rfc/rfc6585 (read 2026-11-23) */
const statusCodes: StatusCodes = {
  401: "SINK_DENIED",
  403: "SINK_DENIED",
  407: "SINK_DENIED",
  408: "SINK_TIMEOUT",
  413: "SINK_TOO_LARGE",
  429: "SINK_THROTTLED",
};

/** Returns the error code for an HTTP status. `own` has the statuses that have another meaning for this target. */
export const codeOfStatus = (status: number, own: StatusCodes = {}): SinkErrorCode =>
  own[status] ?? statusCodes[status] ?? (status >= 400 && status < 500 ? "SINK_REJECTED" : "SINK_UNAVAILABLE");

/** Node's error codes for an invalid certificate. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const certificateCodes = /^(CERT_|DEPTH_ZERO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_)/;

/** Returns the error code for a network error of Node.js. An invalid certificate counts as a wrong setting. */
export const codeOfNetworkError = (code: string): SinkErrorCode => {
  if (certificateCodes.test(code)) return "SINK_DENIED";
  return code === "ETIMEDOUT" ? "SINK_TIMEOUT" : "SINK_UNAVAILABLE";
};

const hints: { readonly [code in SinkErrorCode]?: string } = {
  SINK_MISSING: "; ensure() creates what is missing",
  SINK_REJECTED: "; its text is withheld because it may quote values",
};

/** Returns a hint for an error message of a sink that has `ensure`. For most codes the hint is empty. */
export const errorHint = (code: SinkErrorCode): string => hints[code] ?? "";
