import { expect, test } from "@jest/globals";
import { spanContextOf } from "../src/observe/traceparent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("reads trace, span and the sampled flag", () => {
  expect(spanContextOf(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, traceFlags: 1, isRemote: true });
  expect(spanContextOf(`00-${traceId}-${spanId}-00`)?.traceFlags).toBe(0);
  expect(spanContextOf(`00-${traceId}-${spanId}-03`)?.traceFlags).toBe(1);
});

test("reads what it knows of a later version", () => {
  expect(spanContextOf(`01-${traceId}-${spanId}-01-later`)).toEqual({ traceId, spanId, traceFlags: 1, isRemote: true });
});

test.each([
  ["nothing", undefined],
  ["a number", 4711],
  ["an object", { traceId, spanId }],
  ["an empty text", ""],
  ["another text", "customer 4711"],
  ["upper case", `00-${traceId.toUpperCase()}-${spanId}-01`],
  ["version ff", `ff-${traceId}-${spanId}-01`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
  ["a short trace id", `00-${traceId.slice(1)}-${spanId}-01`],
  ["further fields in version 00", `00-${traceId}-${spanId}-01-more`],
  ["a line break", `00-${traceId}-${spanId}-01\n`],
])("returns undefined for %s", (_, traceparent) => {
  expect(spanContextOf(traceparent)).toBeUndefined();
});
