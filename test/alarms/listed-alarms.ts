// The alarms of the list, for the resources of the fake world.

import { alarmsOf, alarmValue } from "@sluice/rules";
import type { AlarmRule, DataPoint } from "./alarm-state.ts";
import type { Metrics } from "./metrics.ts";
import { names } from "./names.ts";

/** An alarm, and the value that it watches. */
export interface WatchedAlarm {
  /** The id, followed by the route if the alarm watches one: `route-lag-search`. */
  readonly name: string;
  readonly rule: AlarmRule;
  readonly periodMs: number;
  readonly read: (metrics: Metrics, fromMs: number, toMs: number) => DataPoint;
}

/** The alarms in the order of the list. */
export const listedAlarms = (routes: readonly string[]): readonly WatchedAlarm[] =>
  alarmsOf(names, routes).map(({ name, row, value }) => ({
    name,
    rule: row,
    periodMs: row.periodSeconds * 1_000,
    read: (metrics, fromMs, toMs) =>
      alarmValue(value, (metric) => metrics.statistic(metric, metric.statistic, fromMs, toMs)),
  }));
