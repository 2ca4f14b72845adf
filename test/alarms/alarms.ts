// Alarms that are evaluated once a minute, as CloudWatch does, and that note when they changed their states.

import { type AlarmState, alarmState, type DataPoint } from "./alarm-state.ts";
import type { WatchedAlarm } from "./listed-alarms.ts";
import type { Metrics } from "./metrics.ts";

export interface AlarmWatch {
  /** Evaluates all alarms on the periods that end at this time. */
  readonly evaluate: (atMs: number) => void;
  /** The names of the alarms that are on, in the order of the list. */
  readonly on: () => readonly string[];
  /** Those that were on at some time since the last call of `forget`. */
  readonly fired: () => readonly string[];
  readonly forget: () => void;
}

/**
 * "CloudWatch attempts to retrieve a higher number of data points than Evaluation Periods", and does not say how many. The
 * tables of its page have two more.
 */
const defaultExtraPeriods = 2;

/** Creates the watch. A window slides with each evaluation: the last period ends at the time of the evaluation. */
export const alarmWatch = (
  alarms: readonly WatchedAlarm[],
  metrics: Metrics,
  extraPeriods: number = defaultExtraPeriods,
): AlarmWatch => {
  const states = new Map<WatchedAlarm, AlarmState>();
  // The last period of an evaluation is an earlier period of later ones. Its data does not change any more.
  const known = new Map(alarms.map((alarm) => [alarm, new Map<number, DataPoint>()]));
  const fired = new Set<string>();
  const evaluate = (alarm: WatchedAlarm, atMs: number): void => {
    const { rule, periodMs, read } = alarm;
    const range = rule.periods + extraPeriods;
    const before = known.get(alarm) ?? new Map<number, DataPoint>();
    const points = Array.from({ length: range }, (_, index) => {
      const toMs = atMs - (range - 1 - index) * periodMs;
      if (!before.has(toMs)) before.set(toMs, read(metrics, toMs - periodMs, toMs));
      return before.get(toMs);
    });
    before.delete(atMs - (range - 1) * periodMs);
    const state = alarmState(points, rule, states.get(alarm) ?? "INSUFFICIENT_DATA");
    states.set(alarm, state);
    if (state === "ALARM") fired.add(alarm.name);
  };
  return {
    evaluate: (atMs) => {
      for (const alarm of alarms) evaluate(alarm, atMs);
    },
    on: () => alarms.filter((alarm) => states.get(alarm) === "ALARM").map(({ name }) => name),
    fired: () => alarms.map(({ name }) => name).filter((name) => fired.has(name)),
    forget: () => fired.clear(),
  };
};
