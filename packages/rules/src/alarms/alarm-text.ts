// An alarm in words: for the runbook's table and for descriptions.

import type { AlarmRow, AlarmValue } from "./alarm-row.ts";

const units: Readonly<Record<"seconds" | "milliseconds", number>> = { seconds: 1, milliseconds: 1_000 };

const durations = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** A threshold in words: `5 minutes`, `100,000`, `90 %`. */
export const thresholdText = ({ unit }: Pick<AlarmRow, "unit">, threshold: number): string => {
  if (unit === "share") return `${Math.round(threshold * 10_000) / 100} %`;
  if (unit === "count") return threshold.toLocaleString("en-US");
  const seconds = threshold / units[unit];
  const [name, size] = durations.find(([, duration]) => seconds % duration === 0) ?? (["second", 1] as const);
  const count = seconds / size;
  return `${count.toLocaleString("en-US")} ${name}${count === 1 ? "" : "s"}`;
};

/** The periods of an alarm in words: `3 of 5 minutes`, or `2 of 3 times 5 minutes`. */
export const periodsText = ({ datapoints, periods, periodSeconds }: AlarmRow): string => {
  if (periodSeconds === 60) return `${datapoints} of ${periods} minutes`.replace("1 of 1 minutes", "1 minute");
  const length = thresholdText({ unit: "seconds" }, periodSeconds);
  return periods === 1 ? length : `${datapoints} of ${periods} times ${length}`;
};

/** The value of an alarm in words: the metric's name, or `Rejected / (Rejected + Delivered)`, perhaps `while Retried is 0`. */
export const valueText = (value: AlarmValue<string>): string => {
  if (value.kind === "metric") return value.of.metric;
  const share = `${value.of.metric} / (${value.among.map(({ metric }) => metric).join(" + ")})`;
  return value.unless === undefined ? share : `${share} while ${value.unless.metric} is 0`;
};
