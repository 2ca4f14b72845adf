// The text with which a writer says in an item to which span a change belongs.

import { isSpanContextValid, type SpanContext } from "@opentelemetry/api";

/**
 * Version, trace id, span id and flags. Later versions may append fields; version ff is invalid.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header (read 2026-11-28)
 */
const pattern = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent` of W3C Trace Context. Returns undefined for anything else, because items may hold any value. */
export const spanContextOf = (traceparent: unknown): SpanContext | undefined => {
  if (typeof traceparent !== "string") return undefined;
  const [, version, traceId = "", spanId = "", flags = "", rest] = pattern.exec(traceparent) ?? [];
  if (version === "00" && rest !== undefined) return undefined;
  // Of the flags only the lowest bit, sampled, is for readers of all versions.
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
};
