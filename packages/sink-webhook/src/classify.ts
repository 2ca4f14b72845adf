// From what HTTP and Node.js say to an error code, in two tables. An endpoint's body may quote what it was sent: it is
// never read for a message.

import { SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";
import { AddressRefusedError } from "./request/address-rule.ts";

/** Codes by status; a status that is not listed has the code of its class. */
export type StatusCodes = { readonly [status: number]: SinkErrorCode };

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-15, https://www.rfc-editor.org/rfc/rfc6585 (read 2026-11-23) */
const statusCodes: StatusCodes = {
  401: "SINK_DENIED",
  403: "SINK_DENIED",
  407: "SINK_DENIED",
  408: "SINK_TIMEOUT",
  410: "SINK_GONE",
  413: "SINK_TOO_LARGE",
  425: "SINK_UNAVAILABLE", // too early: the server will not risk a replay
  429: "SINK_THROTTLED",
};

/** 3xx: the endpoint has moved. Whoever answers must not choose where the data goes, so nothing is followed. */
const classCodes: StatusCodes = { 3: "SINK_MISSING", 4: "SINK_REJECTED", 5: "SINK_UNAVAILABLE" };

/** Answers of a proxy in front of an endpoint that is away. Others, 500 too, are the endpoint's own. */
const outageStatuses: ReadonlySet<number> = new Set([502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]);

/** Whether an answer tells that the endpoint itself was not reached. */
export const isOutage = (status: number): boolean => outageStatuses.has(status);

/** @see https://nodejs.org/api/errors.html#nodejs-error-codes, https://nodejs.org/api/tls.html#x509-certificate-error-codes */
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

/** The error for an answer; undefined when it says that the delivery was taken. */
export const classifyAnswer = (
  sink: string,
  answer: { readonly status: number; readonly retryAfterMs: number | undefined },
  own: StatusCodes = {},
): SinkError | undefined => {
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return undefined;
  const code = codeOfStatus(status, own);
  const asked = retryAfterMs === undefined ? "" : `, to be left alone for ${retryAfterMs} ms`;
  return new SinkError(
    code,
    `[${sink}] the endpoint answered ${status}${asked}; expected 2xx${hints[code] ?? ""}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
};

/** The error for a request that got no answer. */
export const classifyFailure = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const name = networkCodeOf(error);
  const code = networkCodes[name] ?? "SINK_UNAVAILABLE";
  const what =
    error instanceof AddressRefusedError
      ? `${error.message}; allow it with the option "allowAddresses" if it is meant`
      : `no answer: ${name}`;
  return new SinkError(code, `[${sink}] ${what}`, { cause: error });
};

/** An hour: an endpoint that asks for more is asked again nevertheless. */
const maxRetryAfterMs = 3_600_000;

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]{12,30}( GMT)?$/;

/**
 * Milliseconds that a `Retry-After` header asks for, an hour at most; undefined when it is absent or nonsense. A date
 * that has passed asks for nothing.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (read 2026-11-23)
 */
export const retryAfterMsOf = (header: string | undefined, nowMs: number): number | undefined => {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, maxRetryAfterMs);
  if (!httpDate.test(text)) return undefined;
  // The asctime form has no zone, and Date.parse would take it for local time.
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - nowMs), maxRetryAfterMs);
};
