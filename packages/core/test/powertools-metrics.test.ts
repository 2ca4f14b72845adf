// Metrics by Powertools' own class: the same metrics and values as the lines of emfMetrics.

import { Metrics } from "@aws-lambda-powertools/metrics";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { InvocationReport } from "../src/index.ts";
import { emfMetrics, type Observer, powertoolsMetrics, routeMetricNames } from "../src/metrics.ts";
import { invocationReport, reportArbitrary, routeReport } from "./reports.ts";

interface Line {
  readonly _aws: { readonly CloudWatchMetrics: readonly { readonly Metrics: readonly { readonly Name: string }[] }[] };
  readonly [member: string]: unknown;
}

const silent = { warn: () => undefined } as never;

/** Metrics that write their lines into a list. */
const listed = (): { readonly metrics: Metrics; readonly lines: string[] } => {
  const lines: string[] = [];
  const metrics = new Metrics({ namespace: "Orders", serviceName: "orders", logger: silent });
  Object.assign(metrics, { console: { log: (line: string) => lines.push(line) } });
  return { metrics, lines };
};

const single = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value);

const valuesOf = (text: string): object => {
  const line = JSON.parse(text) as Line;
  const names = line._aws.CloudWatchMetrics[0]?.Metrics.map(({ Name }) => Name) ?? [];
  return { route: line.route, ...Object.fromEntries(names.map((name) => [name, single(line[name])])) };
};

const emfLines = (report: InvocationReport): readonly string[] => {
  const lines: string[] = [];
  emfMetrics({ write: (line) => lines.push(line) }).onInvocation?.(report);
  return lines;
};

const play = (observer: Observer, report: InvocationReport): void => observer.onInvocation?.(report);

describe("powertoolsMetrics", () => {
  test("publishes the metrics and values of emfMetrics, one line for each route, and leaves nothing behind", () => {
    fc.assert(
      fc.property(reportArbitrary, (report) => {
        const { metrics, lines } = listed();
        play(powertoolsMetrics(metrics), report);
        expect(lines.map(valuesOf)).toEqual(emfLines(report).map(valuesOf));
        expect(metrics.hasStoredMetrics()).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test("has the dimensions function and route beside those of the instance, and no dimension of another route", () => {
    const { metrics, lines } = listed();
    metrics.setDefaultDimensions({ environment: "test" });
    const routes = { one: routeReport({ delivered: 1 }), two: routeReport({ rejected: 2 }) };
    play(powertoolsMetrics(metrics), invocationReport({ routes }));
    const found = lines.map((line) => JSON.parse(line) as Line);
    expect(found).toMatchObject([
      { service: "orders", environment: "test", function: "orders", route: "one", Delivered: 1 },
      { service: "orders", environment: "test", function: "orders", route: "two", Rejected: 2 },
    ]);
    expect(found[1]).not.toHaveProperty("Delivered");
  });

  test("keeps the dimensions of every metric with an instance that publishes each metric at once", () => {
    const lines: string[] = [];
    const metrics = new Metrics({ namespace: "Orders", serviceName: "orders", singleMetric: true, logger: silent });
    Object.assign(metrics, { console: { log: (line: string) => lines.push(line) } });
    const report = invocationReport({ routes: { one: routeReport({ delivered: 2, rejected: 1 }) } });
    play(powertoolsMetrics(metrics), report);
    const found = lines.map((line) => JSON.parse(line) as Line);
    expect(found).toHaveLength(4);
    for (const line of found) expect(line).toMatchObject({ function: "orders", route: "one" });
  });

  test("refuses an instance in which others have stored metrics, and does not publish them", () => {
    const { metrics, lines } = listed();
    metrics.addMetric("orders placed", "Count", 1);
    const report = invocationReport({ routes: { one: routeReport({ delivered: 1 }) } });
    expect(() => play(powertoolsMetrics(metrics), report)).toThrow("only this observer uses");
    expect(lines).toEqual([]);
    expect(metrics.hasStoredMetrics()).toBe(true);
  });

  test("knows every metric by a name that emfMetrics knows", () => {
    const { metrics, lines } = listed();
    const full = routeReport({
      delivered: 1,
      superseded: 1,
      filtered: 1,
      rejected: 1,
      retried: 2,
      queued: 1,
      durationMs: 5,
    });
    const one = { ...full, lagMs: 1, pendingAgeMs: 1, pending: 2 };
    play(powertoolsMetrics(metrics), invocationReport({ routes: { one } }));
    expect(Object.keys(valuesOf(lines[0] as string)).sort()).toEqual(["route", ...routeMetricNames].sort());
  });
});
