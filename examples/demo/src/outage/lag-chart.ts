// Makes a chart of the lag of each route: it rises while Postgres is down, and falls afterwards. The other routes stay flat.

import type { LineChart, Series } from "@sluice/charts";
import { type Lag, lagsIn } from "./metric-lines.ts";
import type { OutageResult } from "./outage.ts";

/** Length of a period of a metric, in milliseconds. CloudWatch has periods of a minute, which is longer than this outage. */
const periodMs = 1_000;

/** Returns the highest lag of each period, as CloudWatch's statistic `Maximum` does, at the time at which it was measured. */
const highest = (lags: readonly Lag[], startedAt: number): Lag[] => {
  const periods = new Map<number, Lag>();
  for (const lag of lags) {
    const period = Math.floor((lag.at - startedAt) / periodMs);
    const before = periods.get(period);
    if (before === undefined || lag.lagMs > before.lagMs) periods.set(period, lag);
  }
  return [...periods.values()].sort((one, other) => one.at - other.at);
};

const secondsSince = (startedAt: number, at: number): number => (at - startedAt) / 1_000;

const seriesOf = (route: string, lags: readonly Lag[], startedAt: number): Series => ({
  label: route,
  points: highest(
    lags.filter((lag) => lag.route === route),
    startedAt,
  ).map(({ at, lagMs }) => [secondsSince(startedAt, at), lagMs / 1_000]),
});

/** What the chart needs of an outage. */
export type OutageTimes = Pick<OutageResult, "startedAt" | "killedAt" | "restartedAt">;

/** Returns the chart of the metric lines that were written since the first write. The routes are in their order. */
export const lagChart = (
  lines: readonly string[],
  routes: readonly string[],
  { startedAt, killedAt, restartedAt }: OutageTimes,
): LineChart => {
  const lags = lagsIn(lines).filter(({ at }) => at >= startedAt);
  return {
    title: "Lag: age of the oldest change that a route settled or still has to deliver",
    x: { label: "seconds since the first write", scale: "linear" },
    y: { label: "lag, seconds (the highest of each second)", scale: "linear" },
    series: routes.map((route) => seriesOf(route, lags, startedAt)),
    marks: [
      { at: secondsSince(startedAt, killedAt), label: "Postgres is killed" },
      { at: secondsSince(startedAt, restartedAt), label: "Postgres runs" },
    ],
  };
};

/** Returns the highest lag of each route in words. */
export const highestLags = ({ series }: LineChart): string =>
  series
    .map(({ label, points }) => `${Math.max(0, ...points.map(([, seconds]) => seconds)).toFixed(1)} s ${label}`)
    .join(", ");
