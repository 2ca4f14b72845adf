// Error codes for answers, by their status, and for requests without an answer, by Node's error. The body of an answer is
// not read: it may quote the request.

import { SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";
import { AddressRefusedError } from "./request/address-rule.ts";

/** Codes by status. A status that is not listed has the code of its class. */
export type StatusCodes = { readonly [status: number]: SinkErrorCode };

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-15, https://www.rfc-editor.org/rfc/rfc6585 (read 2026-11-23) */
const statusCodes: StatusCodes = {
  401: "SINK_DENIED",
  403: "SINK_DENIED",
  407: "SINK_DENIED",
  408: "SINK_TIMEOUT",
  410: "SINK_GONE",
  413: "SINK_TOO_LARGE",
  425: "SINK_UNAVAILABLE", // Too Early: the server does not risk a replay
  429: "SINK_THROTTLED",
};

/** 3xx: the endpoint has moved. Redirects are not followed, because the answer must not decide where the data goes. */
const classCodes: StatusCodes = { 3: "SINK_MISSING", 4: "SINK_REJECTED", 5: "SINK_UNAVAILABLE" };

/** Statuses by which a proxy says that it did not reach the endpoint. All others, 500 too, are answers of the endpoint. */
const unreachableStatuses: ReadonlySet<number> = new Set([502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]);

/** Whether the status says that the endpoint itself was not reached. */
export const isUnreachable = (status: number): boolean => unreachableStatuses.has(status);

/** Errors of requests without an answer. @see https://nodejs.org/api/errors.html#nodejs-error-codes, https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const networkCodes: Readonly<Record<string, SinkErrorCode>> = {
  ADDRESS_REFUSED: "SINK_DENIED",
  CERT_HAS_EXPIRED: "SINK_DENIED",
  CERT_NOT_YET_VALID: "SINK_DENIED",
  CERT_REVOKED: "SINK_DENIED",
  CERT_UNTRUSTED: "SINK_DENIED",
  DEPTH_ZERO_SELF_SIGNED_CERT: "SINK_DENIED",
  ERR_TLS_CERT_ALTNAME_INVALID: "SINK_DENIED",
  HOSTNAME_MISMATCH: "SINK_DENIED",
  SELF_SIGNED_CERT_IN_CHAIN: "SINK_DENIED",
  UNABLE_TO_GET_ISSUER_CERT: "SINK_DENIED",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "SINK_DENIED",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "SINK_DENIED",
  ETIMEDOUT: "SINK_TIMEOUT",
};

const networkCodeOf = (error: unknown): string => {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "an error without a code";
};

const hints: Partial<Record<SinkErrorCode, string>> = {
  SINK_MISSING: "; redirects are not followed: put the new URL into the options",
};

const codeOfStatus = (status: number, own: StatusCodes): SinkErrorCode =>
  own[status] ?? statusCodes[status] ?? classCodes[Math.floor(status / 100)] ?? "SINK_UNAVAILABLE";

/** The error of a delivery, from the answer; undefined if the endpoint took the delivery. */
export const classifyAnswer = (
  sink: string,
  answer: { readonly status: number; readonly retryAfterMs: number | undefined },
  own: StatusCodes = {},
): SinkError | undefined => {
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return undefined;
  const code = codeOfStatus(status, own);
  const retryAfter = retryAfterMs === undefined ? "" : ` and Retry-After of ${retryAfterMs} ms`;
  return new SinkError(
    code,
    `[${sink}] the endpoint answered ${status}${retryAfter}; expected 2xx${hints[code] ?? ""}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
};

/** The error of a delivery whose request got no answer. */
export const classifyFailure = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const name = networkCodeOf(error);
  const code = networkCodes[name] ?? "SINK_UNAVAILABLE";
  const what =
    error instanceof AddressRefusedError
      ? `${error.message}; allow it with the option "allowAddresses" if it is intended`
      : `no answer: ${name}`;
  return new SinkError(code, `[${sink}] ${what}`, { cause: error });
};

/** An hour: a longer `Retry-After` is cut to it. */
const maxRetryAfterMs = 3_600_000;

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]{12,30}( GMT)?$/;

/**
 * Milliseconds of a `Retry-After` header, an hour at most; undefined if the header is absent or invalid. 0 for a date in
 * the past.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (read 2026-11-23)
 */
export const retryAfterMsOf = (header: string | undefined, nowMs: number): number | undefined => {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, maxRetryAfterMs);
  if (!httpDate.test(text)) return undefined;
  // The asctime form has no time zone, and Date.parse would read it as local time.
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - nowMs), maxRetryAfterMs);
};
