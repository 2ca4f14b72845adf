// What an alarm is, and how it is written in words. This module imports nothing: see alarm-list.ts.

/** The resource whose metric is watched. An alarm exists only if the pipeline has this resource. */
export type AlarmSource =
  | "function"
  | "mapping"
  | "destination"
  | "dead-letters"
  | "retry-queue"
  | "redrive"
  | "log"
  | "route";

/** An alarm of the list. */
export interface AlarmRow {
  readonly id: AlarmId;
  /** What is watched, in words. It is the text of the link in the runbook. */
  readonly title: string;
  /** The heading in docs/runbook.md, as an anchor. */
  readonly anchor: string;
  readonly source: AlarmSource;
  /** CloudWatch's namespace. The metrics of `log` and `route` have the namespace of `logNamespace`. */
  readonly namespace: "AWS/Lambda" | "AWS/SQS" | "AWS/States" | "Sluice";
  /** The dimension that names the resource. Metrics of the log have no dimension. */
  readonly dimension?: "FunctionName" | "EventSourceMappingUUID" | "QueueName" | "StateMachineArn";
  readonly metric: string;
  readonly statistic: "Maximum" | "Sum";
  readonly periodSeconds: number;
  /** The alarm is on from this value. */
  readonly threshold: number;
  readonly unit: "milliseconds" | "seconds" | "count" | "share";
  /** The alarm is on if this many of the last `periods` reach the threshold. */
  readonly datapoints: number;
  readonly periods: number;
  /** Why these periods: which burst wakes no person, and which event does so at once. */
  readonly why: string;
}

/** The names of the alarms. */
export type AlarmId =
  | "iterator-age"
  | "dead-letters"
  | "dead-letters-age"
  | "queued"
  | "retries-age"
  | "retries-hidden"
  | "errors"
  | "throttles"
  | "gave-up"
  | "dropped"
  | "destination-failures"
  | "redrive-failed"
  | "redrive-timed-out"
  | "all-superseded";

const units: Readonly<Record<"seconds" | "milliseconds", number>> = { seconds: 1, milliseconds: 1_000 };

const durations = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** A threshold in words: `5 minutes`, `100,000`, `90 %`. */
export const thresholdText = ({ unit }: Pick<AlarmRow, "unit">, threshold: number): string => {
  if (unit === "share") return `${Math.round(threshold * 100)} %`;
  if (unit === "count") return threshold.toLocaleString("en-US");
  const seconds = threshold / units[unit];
  const [name, size] = durations.find(([, duration]) => seconds % duration === 0) ?? (["second", 1] as const);
  const count = seconds / size;
  return `${count.toLocaleString("en-US")} ${name}${count === 1 ? "" : "s"}`;
};

/** The periods of an alarm in words: `3 of 5 minutes`, or `1 of 1 periods of 5 minutes`. */
export const periodsText = ({ datapoints, periods, periodSeconds }: AlarmRow): string => {
  if (periodSeconds === 60) return `${datapoints} of ${periods} minutes`.replace("1 of 1 minutes", "1 minute");
  const length = thresholdText({ unit: "seconds" }, periodSeconds);
  return periods === 1 ? length : `${datapoints} of ${periods} times ${length}`;
};

/** CloudWatch's namespace of the metrics that are made from the log of this function. */
export const logNamespace = (functionName: string): string => `Sluice/${functionName}`;

/** The page to which alarms refer. */
export const runbook = "docs/runbook.md";
