// The value of an alarm: as a function of the metrics of one period, and as an expression of CloudWatch's metric math.

import type { AlarmMetric, AlarmValue } from "./alarm-row.ts";

/**
 * The value of one period. `read` returns the metric's statistic in the period, or undefined without data.
 * @returns undefined if there is no data.
 */
export const alarmValue = <Value extends string>(
  value: AlarmValue<Value>,
  read: (metric: AlarmMetric<Value>) => number | undefined,
): number | undefined => {
  if (value.kind === "metric") return read(value.of);
  const counts = value.among.map(read);
  if (counts.every((count) => count === undefined)) return undefined;
  const count = read(value.of) ?? 0;
  const isExcused = value.unless !== undefined && (read(value.unless) ?? 0) > 0;
  return count < value.min || isExcused ? 0 : count / counts.reduce<number>((sum, other) => sum + (other ?? 0), 0);
};

/** An expression of CloudWatch's metric math, with its metrics by the names that the expression uses. */
export interface AlarmExpression<Value extends string> {
  readonly expression: string;
  readonly metrics: { readonly [name: string]: AlarmMetric<Value> };
}

const nameOf = ({ metric }: AlarmMetric<string>): string => `${metric.charAt(0).toLowerCase()}${metric.slice(1)}`;

/**
 * The same value as an expression for CloudWatch. A count that is 0 is not written, so a metric may be without data: `FILL` and
 * `SUM` take it for 0. `min` is at least 1, so that no share divides by 0. `unless` is compared within a `SUM`, which also takes a
 * metric for 0 that never had data.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export const alarmExpression = <Value extends string>(
  value: Extract<AlarmValue<Value>, { readonly kind: "share" }>,
): AlarmExpression<Value> => {
  const of = `FILL(${nameOf(value.of)}, 0)`;
  const others = value.unless === undefined ? [] : [value.unless];
  const isAlone = others.map((other) => ` && SUM([${nameOf(value.of)}, ${nameOf(other)}]) == ${of}`).join("");
  return {
    expression: `IF(${of} >= ${value.min}${isAlone}, ${of} / SUM([${value.among.map(nameOf).join(", ")}]), 0)`,
    metrics: Object.fromEntries([value.of, ...value.among, ...others].map((metric) => [nameOf(metric), metric])),
  };
};
