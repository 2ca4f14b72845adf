// Computes what the metrics of a pipeline cost in a month: custom metrics, log lines, alarms and a dashboard. docs/costs.md has
// the table, and a test compares them.

import { emfMetrics } from "@sluice/core/metrics";
import { type AlarmValue, alarmsOf } from "@sluice/rules";
import { table } from "./markdown.ts";

/** List prices of us-east-1 in US dollars, from memory (2026-11-28). */
export const prices = { metric: 0.3, alarmMetric: 0.1, dashboard: 3, gigabyte: 0.5 } as const;

const hoursOfMonth = 730;
const secondsOfMonth = hoursOfMonth * 3_600;
const bytesOfGigabyte = 2 ** 30;

type Report = Parameters<NonNullable<ReturnType<typeof emfMetrics>["onInvocation"]>>[0];

/** A usual invocation: a batch of 100 changes that one route delivers. Names and numbers are as long as usual. */
const usual: Report = {
  pipeline: "orders",
  origin: "stream",
  requestId: "8f6c2c2e-4f0d-4f38-9d8f-0c1f6f2a7b11",
  records: 100,
  reported: 0,
  queued: 0,
  endedAt: 1_795_000_000_000,
  durationMs: 120,
  failures: {},
  routes: {
    postgres: {
      ...{ received: 100, delivered: 100, superseded: 0, filtered: 0, rejected: 0, retried: 0, queued: 0 },
      ...{ durationMs: 95, lagMs: 1_480, pending: 0 },
    },
  },
};

/** An invocation of an outage: all changes of the batch go to the retry queue, and older ones wait there. */
const failing: Report = {
  ...usual,
  queued: 100,
  failures: { SINK_UNAVAILABLE: 100 },
  routes: {
    postgres: {
      ...{ received: 100, delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 100, queued: 100 },
      ...{ durationMs: 95, lagMs: 1_234_567, pendingAgeMs: 1_234_567, pending: 10_000 },
    },
  },
};

/** A line of `emfMetrics`. */
export interface MetricLine {
  /** Bytes with the end of the line. */
  readonly bytes: number;
  readonly metrics: readonly string[];
}

const lineOf = (report: Report): MetricLine => {
  const lines: string[] = [];
  const functionName = "OrdersStack-OrdersSyncFunction1A2B3C4D-Zx8kQ2mV7tLp";
  emfMetrics({ functionName, write: (line) => lines.push(line) }).onInvocation?.(report);
  const [line = "{}"] = lines;
  const { _aws } = JSON.parse(line) as {
    readonly _aws: {
      readonly CloudWatchMetrics: readonly [{ readonly Metrics: readonly { readonly Name: string }[] }];
    };
  };
  return { bytes: Buffer.byteLength(line) + 1, metrics: _aws.CloudWatchMetrics[0].Metrics.map(({ Name }) => Name) };
};

/** The line of a route in a usual invocation. */
export const usualLine: MetricLine = lineOf(usual);

/** The line of a route in an outage. */
export const failingLine: MetricLine = lineOf(failing);

/** The resources that every pipeline with a retry queue has. A redrive workflow and a verify add an alarm or two. */
const resources = {
  ...{ function: "f", mapping: "m", destination: "d", "dead-letters": "q", "retry-queue": "r" },
} as const;

/** An alarm on an expression costs as much as an alarm on each of its metrics. */
const metricsIn = (value: AlarmValue<string>): number =>
  value.kind === "metric" ? 1 : new Set([value.of, ...value.among].map((metric) => JSON.stringify(metric))).size;

/** What a pipeline sends to CloudWatch. */
export interface MetricUsage {
  readonly routes: number;
  readonly invocationsPerSecond: number;
}

/** What the metrics of a pipeline cost in a month in which every hour has load, without CloudWatch's free tier. */
export interface MetricCosts {
  readonly metrics: number;
  readonly gigabytes: number;
  readonly alarmMetrics: number;
  readonly dollars: {
    readonly metrics: number;
    readonly lines: number;
    readonly alarms: number;
    readonly dashboard: number;
    readonly all: number;
    /** If metric filters made the same metrics from lines that the function logs anyway. */
    readonly withFilters: number;
  };
}

/** Each metric exists once for each route, and once for the function. */
const metricsOf = (line: MetricLine, routes: number): number => line.metrics.length * (routes + 1);

/** Computes the costs of a month without a failure. */
export const metricCosts = ({ routes, invocationsPerSecond }: MetricUsage): MetricCosts => {
  const names = Array.from({ length: routes }, (_, index) => `route-${index}`);
  const metrics = metricsOf(usualLine, routes);
  const gigabytes = (invocationsPerSecond * secondsOfMonth * routes * usualLine.bytes) / bytesOfGigabyte;
  const alarmMetrics = alarmsOf(resources, names).reduce((sum, { value }) => sum + metricsIn(value), 0);
  const dollars = {
    metrics: metrics * prices.metric,
    lines: gigabytes * prices.gigabyte,
    alarms: alarmMetrics * prices.alarmMetric,
    dashboard: prices.dashboard,
  };
  const withFilters = dollars.metrics + dollars.alarms + dollars.dashboard;
  return { metrics, gigabytes, alarmMetrics, dollars: { ...dollars, all: withFilters + dollars.lines, withFilters } };
};

/** Dollars for the further metrics of one route that fails for some hours. */
export const failingDollars = (hours: number): number => {
  const further = failingLine.metrics.filter((name) => !usualLine.metrics.includes(name));
  return (further.length * 2 * prices.metric * hours) / hoursOfMonth;
};

const dollarText = (dollars: number): string => `$${dollars.toFixed(2)}`;

/** Returns the lines of the table in docs/costs.md. */
export const costTable = (): string[] =>
  table(
    [
      "routes",
      "invocations a second",
      "custom metrics",
      "lines",
      "alarms",
      "dashboard",
      "in all",
      "with metric filters",
    ],
    [1, 100].flatMap((invocationsPerSecond) =>
      [1, 3, 10].map((routes) => {
        const { metrics, gigabytes, alarmMetrics, dollars } = metricCosts({ routes, invocationsPerSecond });
        return [
          String(routes),
          String(invocationsPerSecond),
          `${metrics}: ${dollarText(dollars.metrics)}`,
          `${gigabytes.toFixed(1)} GB: ${dollarText(dollars.lines)}`,
          `${alarmMetrics}: ${dollarText(dollars.alarms)}`,
          dollarText(dollars.dashboard),
          `**${dollarText(dollars.all)}**`,
          dollarText(dollars.withFilters),
        ];
      }),
    ),
  );
