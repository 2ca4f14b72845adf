// All observers of core on the same reports: their counts add up, and none of them has a value of an item.

import { Metrics } from "@aws-lambda-powertools/metrics";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { lambdaContext, streamEvent, streamRecord } from "@sluice/testing";
import fc from "fast-check";
import { type InvocationReport, pipeline } from "../src/index.ts";
import { emfMetrics, type Observer, powertoolsMetrics } from "../src/metrics.ts";
import { otelMetrics, otelSpans } from "../src/opentelemetry.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { memoryRetryQueue } from "./memory-retry-queue.ts";
import { recordingLogger } from "./recording-logger.ts";
import { reportArbitrary } from "./reports.ts";
import { type Answer, scriptedSink } from "./scripted-sink.ts";
import { memoryMeter, memoryTracer, type Point } from "./telemetry-sdk.ts";

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

/** The plans are the same in every run unless SEED is set. */
const seed = Number(process.env.SEED ?? 20_261_128);

const outcomes = ["delivered", "superseded", "filtered", "rejected", "retried"] as const;

/** Observers that write into memory, and all that they wrote. */
const adapters = () => {
  const lines: string[] = [];
  const own = new Metrics({ namespace: "Orders", serviceName: "orders" });
  Object.assign(own, { console: { log: (line: string) => lines.push(line) } });
  const { meter, points } = memoryMeter();
  const { tracer, exporter } = memoryTracer();
  const observers: readonly Observer[] = [
    emfMetrics({ write: (line) => lines.push(line) }),
    powertoolsMetrics(own),
    otelMetrics(meter),
    otelSpans(tracer, { traceparentOf: ({ after }) => after?.traceparent }),
  ];
  return { observers, lines, points, spans: () => exporter.getFinishedSpans() };
};

type ByRoute = Readonly<Record<string, number>>;

/** A null prototype keeps a route with the name `__proto__` apart. */
const sums = (entries: Iterable<readonly [string, number]>): ByRoute => {
  const result: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const [route, count] of entries) result[route] = (result[route] ?? 0) + count;
  return result;
};

const receivedBy = ({ routes }: InvocationReport): ByRoute =>
  sums(
    Object.entries(routes)
      .filter(([, { received }]) => received > 0)
      .map(([route, { received }]) => [route, received]),
  );

const countedBy = (points: readonly Point[]): ByRoute =>
  sums(
    points
      .filter(({ name }) => name === "sluice.deliveries")
      .map(({ attributes, value }) => [String(attributes["sluice.route"]), value]),
  );

const sumOfOutcomes = (attributes: Readonly<Record<string, unknown>>): number =>
  outcomes.reduce((sum, outcome) => sum + Number(attributes[`sluice.${outcome}`] ?? 0), 0);

const tracedBy = (spans: readonly ReadableSpan[]): ByRoute =>
  sums(
    spans
      .filter(({ attributes }) => attributes["sluice.route"] !== undefined)
      .map(({ attributes }) => [String(attributes["sluice.route"]), sumOfOutcomes(attributes)]),
  );

const totalOf = (counts: ByRoute): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

test("the outcomes that OpenTelemetry gets add up to what each route received", async () => {
  await fc.assert(
    fc.asyncProperty(reportArbitrary, async (report) => {
      const { observers, points, spans } = adapters();
      for (const { onInvocation } of observers) onInvocation?.(report);
      const received = receivedBy(report);
      expect(countedBy(await points())).toEqual(received);
      expect(tracedBy(spans())).toEqual(received);
      const invocation = spans().find(({ attributes }) => attributes["messaging.system"] !== undefined);
      expect(sumOfOutcomes(invocation?.attributes ?? {})).toBe(totalOf(received));
    }),
    { numRuns: 200, seed },
  );
});

test("the outcomes of each line of metrics add up to what its route received", () => {
  fc.assert(
    fc.property(reportArbitrary, (report) => {
      const { observers, lines } = adapters();
      for (const { onInvocation } of observers) onInvocation?.(report);
      for (const text of lines) {
        const line = JSON.parse(text) as Readonly<Record<string, number>>;
        const { Received, Delivered = 0, Superseded = 0, Filtered = 0, Rejected = 0, Retried = 0 } = line;
        expect(Delivered + Superseded + Filtered + Rejected + Retried).toBe(Received);
      }
    }),
    { numRuns: 200, seed },
  );
});

const canary = "canary-4711";

const answers: Readonly<Record<string, Answer>> = { rejected: "SINK_REJECTED", denied: "SINK_DENIED" };

/** Items with a canary in the key, in a value, and in the place where a writer may store a traceparent. */
const records = ["plain", "rejected", "denied", "filtered", "threw"].map((pk, index) =>
  streamRecord({ after: { pk: `${canary}-${pk}`, sk: "1", secret: canary, traceparent: canary }, position: index + 1 }),
);

test("no observer has a key or a value of an item, not even from the error of a mapper or a sink", async () => {
  const { observers, lines, points, spans } = adapters();
  const logger = recordingLogger();
  const sink = scriptedSink({
    writes: "upsert",
    name: "postgres",
    answer: ({ change }) => answers[String(change.keys.pk).slice(canary.length + 1)] ?? "delivered",
  });
  const handler = pipeline("orders", {
    deadLetterQueue: memoryDeadLetterQueue(),
    retryQueue: memoryRetryQueue({ now: Date.now }),
    logger,
    observers,
  })
    .to(sink, ({ after }) => {
      if (String(after.pk).endsWith("threw")) throw new Error(`wrong: ${canary}`);
      return String(after.pk).endsWith("filtered") ? undefined : after.pk;
    })
    .handler();
  await handler(streamEvent(records), lambdaContext());

  const exported = await points();
  const spanTexts = spans().map(({ name, attributes, status, links, events }) => ({
    name,
    attributes,
    status,
    links,
    events,
  }));
  expect(lines).toHaveLength(2);
  expect(countedBy(exported)).toEqual(sums([["postgres", 5]]));
  expect(tracedBy(spans())).toEqual(sums([["postgres", 5]]));
  expect(logger.lines.filter(({ message }) => message.startsWith("observer"))).toEqual([]);
  expect(JSON.stringify([lines, exported, spanTexts])).not.toContain(canary);
});
