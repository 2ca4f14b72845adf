// The numbers of the routes, from the metrics that the function writes.

import type { RouteNow, RouteSeries } from "@sluice/console";
import { type AskedSeries, routeDimensions, type Series, type TimeSpan } from "./metrics.ts";

const stepMs = 60_000;
const steps = 180;

/** The last values that count as those of now. A route that receives nothing writes no metric. */
const recentSteps = 15;

/** Deliveries a second are the mean of these steps. */
const rateSteps = 5;

/** A minute has too few invocations for a percentile. */
const percentileMs = 300_000;

/** The metrics of a route that are asked: name, statistic, and period in seconds. */
const asked = {
  Received: ["Received", "Sum", 60],
  Delivered: ["Delivered", "Sum", 60],
  Superseded: ["Superseded", "Sum", 60],
  Filtered: ["Filtered", "Sum", 60],
  Rejected: ["Rejected", "Sum", 60],
  Retried: ["Retried", "Sum", 60],
  Lag: ["Lag", "Maximum", 60],
  LagP95: ["Lag", "p95", percentileMs / 1_000],
  Pending: ["Pending", "Maximum", 60],
  PendingAge: ["PendingAge", "Maximum", 60],
} as const;

type Metric = keyof typeof asked;

const names = Object.keys(asked) as Metric[];

/** The metrics of a route, by their names. */
type RouteMetrics = Readonly<Record<Metric, Series>>;

/** The last three hours of whole minutes. */
export const shownSpan = (now: number): TimeSpan => {
  const to = Math.floor(now / stepMs) * stepMs;
  return { from: to - steps * stepMs, to };
};

/** What is asked of a route, in the order in which `routeNow` takes the answers. */
export const askedOfRoute = (namespace: string, functionName: string, route: string): readonly AskedSeries[] =>
  names.map((name) => {
    const [metric, statistic, periodSeconds] = asked[name];
    return { namespace, metric, statistic, periodSeconds, dimensions: routeDimensions(functionName, route) };
  });

/** Number of metrics that are asked of a route. */
export const metricsOfRoute: number = names.length;

const metricsOf = (series: readonly Series[]): RouteMetrics =>
  Object.fromEntries(names.map((name, index) => [name, series[index] ?? new Map()])) as unknown as RouteMetrics;

const timesIn = ({ from }: TimeSpan): readonly number[] =>
  Array.from({ length: steps }, (_, step) => from + step * stepMs);

const total = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

const sumsOf = (times: readonly number[], ...series: readonly Series[]): readonly number[] =>
  times.map((time) => total(series.map((one) => one.get(time) ?? 0)));

/** The latest value of the last minutes. */
const latest = (times: readonly number[], series: Series): number | undefined => {
  const time = times.slice(-recentSteps).findLast((one) => series.has(one));
  return time === undefined ? undefined : series.get(time);
};

/** The function leaves out a count of 0. In a minute in which the route received something, a missing count is 0. */
const pendingIn = (times: readonly number[], { Received, Pending }: RouteMetrics): number | undefined => {
  const time = times.slice(-recentSteps).findLast((one) => Received.has(one) || Pending.has(one));
  return time === undefined ? undefined : (Pending.get(time) ?? 0);
};

/** The highest of the percentiles of the last minutes. A period may have begun a little earlier. */
const lagP95Of = (to: number, { LagP95 }: RouteMetrics): number | undefined => {
  const recent = [...LagP95].filter(([time]) => time + percentileMs > to - recentSteps * stepMs).map(([, lag]) => lag);
  return recent.length === 0 ? undefined : Math.max(...recent);
};

const seriesOf = (times: readonly number[], metrics: RouteMetrics, { from }: TimeSpan): RouteSeries => ({
  from,
  stepMs,
  settled: sumsOf(times, metrics.Delivered, metrics.Superseded, metrics.Filtered),
  failed: sumsOf(times, metrics.Rejected, metrics.Retried),
  lagMs: times.map((time) => metrics.Lag.get(time) ?? null),
});

/** The numbers of a route, from the answers to `askedOfRoute`. */
export const routeNow = (
  { pipeline, route }: { readonly pipeline: string; readonly route: string },
  answers: readonly Series[],
  span: TimeSpan,
): RouteNow => {
  const metrics = metricsOf(answers);
  const times = timesIn(span);
  const pending = pendingIn(times, metrics);
  const countOf = (series: Series): number => total(sumsOf(times, series));
  return {
    pipeline,
    route,
    lagMs: latest(times, metrics.Lag),
    lagP95Ms: lagP95Of(span.to, metrics),
    pending,
    pendingAgeMs: pending === 0 ? undefined : latest(times, metrics.PendingAge),
    counts: {
      delivered: countOf(metrics.Delivered),
      superseded: countOf(metrics.Superseded),
      filtered: countOf(metrics.Filtered),
      rejected: countOf(metrics.Rejected),
      retried: countOf(metrics.Retried),
    },
    perSecond: total(sumsOf(times.slice(-rateSteps), metrics.Received)) / (rateSteps * (stepMs / 1_000)),
    series: seriesOf(times, metrics, span),
  };
};
