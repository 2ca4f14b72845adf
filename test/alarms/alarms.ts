// Alarms that are evaluated once a minute, as CloudWatch does, and that note when they changed their states.

import { type AlarmState, alarmState } from "./alarm-state.ts";
import type { DeployedAlarm } from "./deployed-alarms.ts";
import type { Metrics } from "./metrics.ts";

export interface AlarmWatch {
  /** Evaluates all alarms on the periods that end at this time. */
  readonly evaluate: (atMs: number) => void;
  /** The alarms that are on, in the order of the list: `id`, or `id/route`. */
  readonly on: () => readonly string[];
  /** The alarms that were on since the last call of `forget`. */
  readonly fired: () => readonly string[];
  readonly forget: () => void;
}

/**
 * "CloudWatch attempts to retrieve a higher number of data points than Evaluation Periods", and does not say how many. The
 * tables of its page have two more.
 */
const defaultExtraPeriods = 2;

export const nameOfAlarm = ({ id, route }: Pick<DeployedAlarm, "id" | "route">): string =>
  route === undefined ? id : `${id}/${route}`;

/** Creates the watch. A window slides with each evaluation: the last period ends at the time of the evaluation. */
export const alarmWatch = (
  alarms: readonly DeployedAlarm[],
  metrics: Metrics,
  extraPeriods: number = defaultExtraPeriods,
): AlarmWatch => {
  const states = new Map<DeployedAlarm, AlarmState>();
  const fired = new Set<string>();
  const evaluate = (alarm: DeployedAlarm, atMs: number): void => {
    const { rule, periodMs, read } = alarm;
    const range = rule.periods + extraPeriods;
    const points = Array.from({ length: range }, (_, index) => {
      const toMs = atMs - (range - 1 - index) * periodMs;
      return read(metrics, toMs - periodMs, toMs);
    });
    const state = alarmState(points, rule, states.get(alarm) ?? "INSUFFICIENT_DATA");
    states.set(alarm, state);
    if (state === "ALARM") fired.add(nameOfAlarm(alarm));
  };
  return {
    evaluate: (atMs) => {
      for (const alarm of alarms) evaluate(alarm, atMs);
    },
    on: () => alarms.filter((alarm) => states.get(alarm) === "ALARM").map(nameOfAlarm),
    fired: () => [...fired],
    forget: () => fired.clear(),
  };
};
