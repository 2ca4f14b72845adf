// Error codes by an answer's status, or by Node's error. The body is not read, because it may quote the request.

import {
  codeOfNetworkError,
  codeOfStatus,
  SinkError,
  type SinkErrorCode,
  type StatusCodes,
} from "@sluice/core/sink-kit";
import { AddressRefusedError } from "./request/address-rule.ts";

/** Statuses whose meaning for an endpoint differs from their meaning for other targets. */
const endpointCodes: StatusCodes = {
  410: "SINK_GONE",
  425: "SINK_UNAVAILABLE", // Too Early: the server does not risk processing a request that might be replayed
};

/** Statuses by which a proxy reports an unreachable endpoint. All other statuses, even 500, come from the endpoint. */
const unreachableStatuses: ReadonlySet<number> = new Set([502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530]);

/** Whether the status says that the endpoint itself was not reached. */
export const isUnreachable = (status: number): boolean => unreachableStatuses.has(status);

/** Redirects (3xx) are not followed, because an answer must not decide where the data goes. */
const codeOf = (status: number, own: StatusCodes): SinkErrorCode =>
  own[status] ?? (status >= 300 && status < 400 ? "SINK_MISSING" : codeOfStatus(status, endpointCodes));

/** Returns the error of a delivery from the answer; undefined if the endpoint accepted the delivery. */
export const classifyAnswer = (
  sink: string,
  answer: { readonly status: number; readonly retryAfterMs: number | undefined },
  own: StatusCodes = {},
): SinkError | undefined => {
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return undefined;
  const code = codeOf(status, own);
  const retryAfter = retryAfterMs === undefined ? "" : ` and Retry-After of ${retryAfterMs} ms`;
  const hint = code === "SINK_MISSING" ? "; redirects are not followed: put the new URL into the options" : "";
  const message = `[${sink}] the endpoint answered ${status}${retryAfter}; expected 2xx${hint}`;
  return new SinkError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
};

/** Creates the error of a delivery whose request got no answer. */
export const classifyFailure = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  if (error instanceof AddressRefusedError) {
    const what = `${error.message}; allow it with the option "allowAddresses" if it is intended`;
    return new SinkError("SINK_DENIED", `[${sink}] ${what}`, { cause: error });
  }
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  const name = typeof code === "string" ? code : "an error without a code";
  return new SinkError(codeOfNetworkError(name), `[${sink}] no answer: ${name}`, { cause: error });
};

/** One hour, which replaces a longer `Retry-After`. */
const maxRetryAfterMs = 3_600_000;

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]{12,30}( GMT)?$/;

/**
 * Returns the milliseconds of a `Retry-After` header, at most an hour. Undefined if the header is absent or invalid,
 * and 0 for a date in the past.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (read 2026-11-23)
 */
export const retryAfterMsOf = (header: string | undefined, nowMs: number): number | undefined => {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, maxRetryAfterMs);
  if (!httpDate.test(text)) return undefined;
  // The asctime form has no time zone, so Date.parse would read it as local time.
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - nowMs), maxRetryAfterMs);
};
