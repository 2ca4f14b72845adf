import { expect, test } from "@jest/globals";
import { otelMetrics } from "../src/observe/otel-metrics.ts";
import { invocationReport, routeReport } from "./reports.ts";
import { memoryMeter, type Point } from "./telemetry-sdk.ts";

const report = invocationReport({
  records: 4,
  durationMs: 800,
  routes: {
    postgres: routeReport({ delivered: 3, filtered: 1, durationMs: 250, lagMs: 2_000 }),
    search: routeReport({
      delivered: 1,
      retried: 2,
      rejected: 1,
      queued: 2,
      durationMs: 800,
      lagMs: 90_000,
      pendingAgeMs: 61_000,
    }),
  },
  failures: { SINK_THROTTLED: 2, SINK_REJECTED: 1 },
});

const observed = async (...reports: readonly (typeof report)[]): Promise<readonly Point[]> => {
  const { meter, points } = memoryMeter();
  const { onInvocation } = otelMetrics(meter);
  for (const each of reports) onInvocation?.(each);
  return points();
};

const valuesOf = (points: readonly Point[], name: string, by: string): Record<string, number> =>
  Object.fromEntries(
    points
      .filter((point) => point.name === name)
      .map(({ attributes, value }) => [`${attributes["sluice.route"] ?? ""} ${attributes[by] ?? ""}`.trim(), value]),
  );

test("records lag, pending age and duration of each route in seconds", async () => {
  const points = await observed(report);
  expect(valuesOf(points, "sluice.lag", "")).toEqual({ postgres: 2, search: 90 });
  expect(valuesOf(points, "sluice.pending.age", "")).toEqual({ search: 61 });
  expect(valuesOf(points, "sluice.route.duration", "")).toEqual({ postgres: 0.25, search: 0.8 });
  const histograms = points.filter(({ count }) => count !== undefined);
  expect(new Set(histograms.map(({ unit }) => unit))).toEqual(new Set(["s"]));
});

test("counts deliveries by outcome, and failures by code", async () => {
  const points = await observed(report, report);
  expect(valuesOf(points, "sluice.deliveries", "sluice.outcome")).toEqual({
    "postgres delivered": 6,
    "postgres filtered": 2,
    "search delivered": 2,
    "search retried": 4,
    "search rejected": 2,
  });
  expect(valuesOf(points, "sluice.failures", "error.type")).toEqual({ SINK_THROTTLED: 4, SINK_REJECTED: 2 });
});

test("tells by the origin whether a backfill or the stream brought the deliveries", async () => {
  const points = await observed(report, { ...report, origin: "backfill" });
  expect(new Set(points.map(({ attributes }) => attributes["sluice.origin"]))).toEqual(new Set(["stream", "backfill"]));
});

test("records nothing of a route that received nothing", async () => {
  const points = await observed(invocationReport({ routes: { idle: routeReport({ durationMs: 1 }) } }));
  expect(points).toEqual([]);
});
