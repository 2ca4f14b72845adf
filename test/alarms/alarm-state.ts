// How CloudWatch decides on the state of an alarm.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html (a copy, read 2026-11-28)

/** A data point: the value of one period. Undefined if the metric has no value in the period. */
export type DataPoint = number | undefined;

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

export type MissingData = "notBreaching" | "breaching" | "ignore" | "missing";

/** The alarm is on if `datapoints` of the last `periods` data points breach the threshold. */
export interface AlarmRule {
  readonly threshold: number;
  readonly comparison: "atLeast" | "below";
  readonly datapoints: number;
  readonly periods: number;
  readonly missing: MissingData;
}

/** The data points that exist, as whether they breach the threshold. */
type Breaches = readonly (boolean | undefined)[];

/**
 * Alarms "always go into ALARM state when the oldest available breaching datapoint is at least as old as the value of
 * Datapoints to Alarm, and all other more recent data points are breaching or missing". The tables of the page show that
 * this holds only if no data point in the range is within the threshold.
 */
const isPremature = (points: Breaches, { datapoints }: AlarmRule): boolean => {
  const oldest = points.indexOf(true);
  return oldest >= 0 && !points.includes(false) && points.length - oldest >= datapoints;
};

/** The state if fewer data points exist than the alarm needs, and missing ones are neither good nor bad. */
const withoutFilling = (points: Breaches, rule: AlarmRule, before: AlarmState): AlarmState => {
  if (points.includes(false)) return "OK";
  if (rule.missing === "ignore") return before;
  if (!points.includes(true)) return "INSUFFICIENT_DATA";
  // For a breaching data point that is too new, the page says only that the alarm does not go into ALARM state.
  return isPremature(points, rule) ? "ALARM" : before;
};

/**
 * Returns the state of an alarm. `points` are the data points of the evaluation range, the oldest first: some more than
 * `periods`, because CloudWatch replaces missing data points by older ones as far as the range goes.
 */
export const alarmState = (points: readonly DataPoint[], rule: AlarmRule, before: AlarmState): AlarmState => {
  const { threshold, comparison, datapoints, periods, missing } = rule;
  const breaches = points.map((value) =>
    value === undefined ? undefined : comparison === "below" ? value < threshold : value >= threshold,
  );
  const recent = breaches.filter((breach) => breach !== undefined).slice(-periods);
  const filled = missing === "breaching" ? periods - recent.length : 0;
  if (recent.filter(Boolean).length + filled >= datapoints) return "ALARM";
  if (recent.length === periods || missing === "breaching" || missing === "notBreaching") return "OK";
  return withoutFilling(breaches, rule, before);
};
