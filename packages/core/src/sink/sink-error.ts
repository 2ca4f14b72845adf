// Errors that sinks have in common.

import { DeadlineError, SinkError, type SinkErrorCode } from "../errors.ts";

/** The SINK_REJECTED error of a message that the target would never take. `problem` must not quote values. */
export const rejected = (sink: string, problem: string, options?: ErrorOptions): SinkError =>
  new SinkError("SINK_REJECTED", `[${sink}] ${problem}`, options);

/** The error of a delivery whose write was not started, because the signal had aborted. */
export const notStarted = (sink: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${sink}] the invocation's time was over before the write was started`);

/** The error of a request whose answer had not arrived when the signal aborted. */
export const unanswered = (sink: string, target: string): SinkError =>
  new SinkError("SINK_TIMEOUT", `[${sink}] the invocation's time was over before ${target} answered`);

/** Codes by HTTP status. */
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

/** The code of an answer by its status. `own` has the statuses that mean something else for this target. */
export const codeOfStatus = (status: number, own: StatusCodes = {}): SinkErrorCode =>
  own[status] ?? statusCodes[status] ?? (status >= 400 && status < 500 ? "SINK_REJECTED" : "SINK_UNAVAILABLE");

/** Codes of Node's errors for a certificate that does not verify. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const certificateCodes = /^(CERT_|DEPTH_ZERO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_)/;

/** The code of a request without an answer, by the code of Node's error. A certificate that does not verify means a wrong setting. */
export const codeOfNetworkError = (code: string): SinkErrorCode => {
  if (certificateCodes.test(code)) return "SINK_DENIED";
  return code === "ETIMEDOUT" ? "SINK_TIMEOUT" : "SINK_UNAVAILABLE";
};

const hints: { readonly [code in SinkErrorCode]?: string } = {
  SINK_MISSING: "; ensure() creates what is missing",
  SINK_REJECTED: "; its text is withheld because it may quote values",
};

/** The end of a message for this code, of a sink that has `ensure`; empty where there is nothing to add. */
export const errorHint = (code: SinkErrorCode): string => hints[code] ?? "";
