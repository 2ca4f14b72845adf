import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { context, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { RecordError } from "../src/errors.ts";
import type { DeliveryReport } from "../src/observe/delivery-report.ts";
import type { Observer } from "../src/observe/observer.ts";
import { otelSpans } from "../src/observe/otel-spans.ts";
import type { Change } from "../src/record/change.ts";
import { invocationReport, routeReport } from "./reports.ts";
import { memoryTracer } from "./telemetry-sdk.ts";

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

const report = invocationReport({
  records: 4,
  reported: 1,
  queued: 2,
  durationMs: 800,
  requestId: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
  routes: {
    postgres: routeReport({ delivered: 3, filtered: 1, durationMs: 250, lagMs: 2_000 }),
    search: routeReport({ delivered: 1, retried: 2, rejected: 1, queued: 2, durationMs: 700, pendingAgeMs: 61_000 }),
    idle: routeReport({}),
  },
  failures: { SINK_REJECTED: 1, SINK_THROTTLED: 2 },
});

/** Creates the observer, lets the test use it, and returns the spans by name. */
const spansOf = (
  observe: (observer: Observer, tracer: Tracer) => void,
  traceparentOf?: (change: Change) => unknown,
): Map<string, ReadableSpan> => {
  const { tracer, exporter } = memoryTracer();
  observe(otelSpans(tracer, traceparentOf && { traceparentOf }), tracer);
  return new Map(exporter.getFinishedSpans().map((span) => [span.name, span]));
};

const millis = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + Math.round(nanos / 1e6);

test("makes a span for the invocation, and one below it for each route that received deliveries", () => {
  const spans = spansOf(({ onInvocation }) => onInvocation?.(report));
  expect([...spans.keys()].sort()).toEqual(["process orders", "write postgres", "write search"]);
  const invocation = spans.get("process orders");
  expect(invocation?.kind).toBe(SpanKind.CONSUMER);
  expect(invocation?.attributes).toEqual({
    "messaging.system": "aws.dynamodb_streams",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.batch.message_count": 4,
    "faas.invocation_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "error.type": "SINK_THROTTLED",
    "sluice.pipeline": "orders",
    "sluice.origin": "stream",
    "sluice.reported": 1,
    "sluice.queued": 2,
    "sluice.delivered": 4,
    "sluice.filtered": 1,
    "sluice.rejected": 1,
    "sluice.retried": 2,
  });
  for (const name of ["write postgres", "write search"]) {
    expect(spans.get(name)?.parentSpanContext?.spanId).toBe(invocation?.spanContext().spanId);
    expect(spans.get(name)?.kind).toBe(SpanKind.INTERNAL);
  }
  expect(spans.get("write search")?.attributes).toEqual({
    "sluice.route": "search",
    "sluice.received": 4,
    "sluice.delivered": 1,
    "sluice.rejected": 1,
    "sluice.retried": 2,
    "sluice.queued": 2,
    "sluice.pending_age_ms": 61_000,
  });
  expect(spans.get("write postgres")?.attributes["sluice.lag_ms"]).toBe(2_000);
});

test("a span is an error if a delivery of it was rejected or retried", () => {
  const spans = spansOf(({ onInvocation }) => onInvocation?.(report));
  const error = { code: SpanStatusCode.ERROR, message: "1 rejected, 2 retried" };
  expect(spans.get("process orders")?.status).toEqual(error);
  expect(spans.get("write search")?.status).toEqual(error);
  expect(spans.get("write postgres")?.status).toEqual({ code: SpanStatusCode.UNSET });
});

test("the span of an invocation that failed as a whole is an error, although no delivery failed", () => {
  const routes = { postgres: routeReport({ delivered: 1 }) };
  const spans = spansOf(({ onInvocation }) => onInvocation?.(invocationReport({ isFailed: true, routes })));
  const status = { code: SpanStatusCode.ERROR, message: "the invocation failed" };
  expect(spans.get("process orders")?.status).toEqual(status);
  expect(spans.get("write postgres")?.status).toEqual({ code: SpanStatusCode.UNSET });
});

test("the spans have the times of the invocation, although they are made at its end", () => {
  const spans = spansOf(({ onInvocation }) => onInvocation?.(report));
  const times = [...spans.values()].map(({ name, startTime, endTime }) => ({
    name,
    start: millis(startTime),
    end: millis(endTime),
  }));
  const start = report.endedAt - 800;
  expect(times.sort((a, b) => a.end - b.end)).toEqual([
    { name: "write postgres", start, end: start + 250 },
    { name: "write search", start, end: start + 700 },
    { name: "process orders", start, end: start + 800 },
  ]);
});

test("a route's span does not outlive the span of the invocation", () => {
  const routes = { postgres: routeReport({ delivered: 1, durationMs: 12 }) };
  const spans = spansOf(({ onInvocation }) => onInvocation?.(invocationReport({ durationMs: 10, routes })));
  expect(spans.get("write postgres")?.endTime).toEqual(spans.get("process orders")?.endTime);
});

test("the active span is the parent, as the handler's span is after an await", async () => {
  const { tracer, exporter } = memoryTracer();
  const { onInvocation } = otelSpans(tracer);
  const handle = (name: string): Promise<void> =>
    tracer.startActiveSpan(name, async (span) => {
      await sleep(1);
      onInvocation?.({ ...report, pipeline: name });
      span.end();
    });
  await Promise.all([handle("a"), handle("b")]);
  const spans = new Map(exporter.getFinishedSpans().map((span) => [span.name, span]));
  for (const name of ["a", "b"]) {
    const [invocation, parent] = [spans.get(`process ${name}`), spans.get(name)];
    expect(invocation?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
    expect(invocation?.spanContext().traceId).toBe(parent?.spanContext().traceId);
  }
  expect(trace.getActiveSpan()).toBeUndefined();
});

const delivery = (given: Partial<DeliveryReport>): DeliveryReport => ({
  pipeline: "orders",
  route: "postgres",
  origin: "stream",
  eventId: "1",
  kind: "insert",
  version: "1",
  outcome: "delivered",
  attempts: 1,
  ...given,
});

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
const traceparent = (writer: number): string => `00-${hex(writer, 32)}-${hex(writer, 16)}-01`;

/** A change of an item with this `traceparent`. */
const changeWith = (eventId: string, value: unknown): Change =>
  ({ eventId, after: { traceparent: value } }) as unknown as Change;
const fromItem = ({ after }: Change): unknown => after?.traceparent;

const linkedBy = (observe: (onDelivery: NonNullable<Observer["onDelivery"]>) => void): string[] => {
  const spans = spansOf(({ onDelivery, onInvocation }) => {
    if (onDelivery === undefined) throw new Error("the observer does not look at deliveries");
    observe(onDelivery);
    onInvocation?.(report);
  }, fromItem);
  const links = spans.get("process orders")?.links ?? [];
  return links.map(({ context: { traceId, spanId } }) => `${traceId}-${spanId}`);
};

const idOf = (writer: number): string => `${hex(writer, 32)}-${hex(writer, 16)}`;

test("links to the span of each writer once", () => {
  const linked = linkedBy((onDelivery) => {
    for (const route of ["postgres", "search"]) {
      onDelivery(delivery({ route, eventId: "1" }), changeWith("1", traceparent(1)));
      onDelivery(delivery({ route, eventId: "2" }), changeWith("2", traceparent(2)));
      onDelivery(delivery({ route, eventId: "3" }), changeWith("3", traceparent(1)));
    }
  });
  expect(linked).toEqual([idOf(1), idOf(2)]);
});

test("ignores what is no traceparent, records without a change, and changes that no route takes", () => {
  const linked = linkedBy((onDelivery) => {
    onDelivery(delivery({ eventId: "1" }), changeWith("1", "customer 4711"));
    onDelivery(delivery({ eventId: "2", kind: undefined, outcome: "rejected" }), undefined);
    onDelivery(delivery({ eventId: "3", outcome: "filtered" }), changeWith("3", traceparent(3)));
    onDelivery(delivery({ eventId: "4" }), changeWith("4", traceparent(4)));
  });
  expect(linked).toEqual([idOf(4)]);
});

test("has at most 128 links, and reads no more changes after them", () => {
  let reads = 0;
  const linked = linkedBy((onDelivery) => {
    for (let writer = 1; writer <= 200; writer += 1) {
      const change = {
        eventId: String(writer),
        get after() {
          reads += 1;
          return { traceparent: traceparent(writer) };
        },
      };
      onDelivery(delivery({ eventId: change.eventId }), change as unknown as Change);
    }
  });
  expect(linked).toHaveLength(128);
  expect(reads).toBe(128);
});

test("an image that cannot be read gives no link, and another error reaches core", () => {
  const failing = (error: Error): Change =>
    ({
      eventId: "1",
      get after() {
        throw error;
      },
    }) as unknown as Change;
  const unreadable = new RecordError("RECORD_INCOMPLETE", "the stream has no new images");
  expect(linkedBy((onDelivery) => onDelivery(delivery({}), failing(unreadable)))).toEqual([]);
  expect(() => linkedBy((onDelivery) => onDelivery(delivery({}), failing(new TypeError("a bug"))))).toThrow("a bug");
});

test("the next invocation does not have the links of the last", () => {
  const { tracer, exporter } = memoryTracer();
  const { onDelivery, onInvocation } = otelSpans(tracer, { traceparentOf: fromItem });
  for (const writer of [1, 2]) {
    onDelivery?.(delivery({}), changeWith("1", traceparent(writer)));
    onInvocation?.(report);
  }
  const invocations = exporter.getFinishedSpans().filter(({ name }) => name === "process orders");
  expect(invocations.map(({ links }) => links.map((link) => link.context.traceId))).toEqual([
    [hex(1, 32)],
    [hex(2, 32)],
  ]);
});

test("without traceparentOf the observer looks at no delivery", () => {
  expect(otelSpans(memoryTracer().tracer).onDelivery).toBeUndefined();
});
