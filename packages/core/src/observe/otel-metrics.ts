// Reports as metrics of OpenTelemetry. The user's MeterProvider decides where they go.

import type { Attributes, Meter, MetricOptions } from "@opentelemetry/api";
import { checkClient } from "../sink/option.ts";
import type { Observer } from "./observer.ts";
import { busyRoutes, outcomes } from "./outcomes.ts";
import type { RouteReport } from "./report.ts";

/** From a second, which is the resolution of a record's time, to a day, after which the stream deletes the record. */
const ageBoundaries = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400];

/** From 5 milliseconds to 15 minutes, which is the longest timeout of a Lambda function. */
const durationBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

/** OpenTelemetry's own boundaries fit milliseconds: without these, most values in seconds would be in one bucket. */
const seconds = (description: string, explicitBucketBoundaries: number[]): MetricOptions => ({
  description,
  unit: "s",
  advice: { explicitBucketBoundaries },
});

/**
 * Records each report by a meter of OpenTelemetry: the histograms `sluice.lag`, `sluice.pending.age` and
 * `sluice.route.duration` in seconds, the gauge `sluice.pending`, and the counters `sluice.deliveries` by outcome and `sluice.failures` by code.
 * A Lambda function must flush its MeterProvider before the end of each invocation.
 * @throws {ConfigError} CONFIG_INVALID when `meter` is no meter.
 */
export const otelMetrics = (meter: Meter): Observer => {
  checkClient(meter ?? null, "createHistogram", "a meter of OpenTelemetry", "meter");
  const lag = meter.createHistogram(
    "sluice.lag",
    seconds("Age of the oldest record that the route settled, or that is stuck", ageBoundaries),
  );
  const pendingAge = meter.createHistogram(
    "sluice.pending.age",
    seconds("Age of the oldest delivery that waits for its retry", ageBoundaries),
  );
  const duration = meter.createHistogram(
    "sluice.route.duration",
    seconds("Time that the route took in an invocation", durationBoundaries),
  );
  const deliveries = meter.createCounter("sluice.deliveries", {
    description: "Deliveries by outcome",
    unit: "{delivery}",
  });
  const failures = meter.createCounter("sluice.failures", {
    description: "Failed deliveries of all routes by error code",
    unit: "{delivery}",
  });

  const recordRoute = (route: RouteReport, attributes: Attributes): void => {
    if (route.lagMs !== undefined) lag.record(route.lagMs / 1000, attributes);
    if (route.pendingAgeMs !== undefined) pendingAge.record(route.pendingAgeMs / 1000, attributes);
    duration.record(route.durationMs / 1000, attributes);
    for (const outcome of outcomes) {
      if (route[outcome] > 0) deliveries.add(route[outcome], { ...attributes, "sluice.outcome": outcome });
    }
  };

  return {
    onInvocation: (report) => {
      const common = { "sluice.pipeline": report.pipeline, "sluice.origin": report.origin };
      for (const [name, route] of busyRoutes(report)) recordRoute(route, { ...common, "sluice.route": name });
      for (const [code, count] of Object.entries(report.failures))
        failures.add(count, { ...common, "error.type": code });
    },
  };
};
