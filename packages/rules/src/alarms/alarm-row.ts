// What an alarm is, as plain data. This module imports nothing: see alarm-list.ts.

/** A resource of a pipeline that a metric belongs to. */
export type AlarmResource =
  | "function"
  | "mapping"
  | "destination"
  | "dead-letters"
  | "retry-queue"
  | "redrive"
  | "verify"
  | "verify-report";

/** The name of a CloudWatch dimension. */
export type AlarmDimension =
  | "FunctionName"
  | "EventSourceMappingUUID"
  | "QueueName"
  | "StateMachineArn"
  | "function"
  | "route";

/**
 * A metric. In the list, the value of a dimension is the resource whose name it is, or `route` for the name of a route. For the
 * resources of one pipeline (`alarmsOf`), the value is the name itself.
 */
export interface AlarmMetric<Value extends string = AlarmResource | "route"> {
  /** CloudWatch's namespace. The function itself writes the metrics of `Sluice`. */
  readonly namespace: "AWS/Lambda" | "AWS/SQS" | "AWS/States" | "Sluice";
  readonly metric: string;
  readonly statistic: "Maximum" | "Sum" | "SampleCount";
  readonly dimensions: { readonly [dimension in AlarmDimension]?: Value };
}

/**
 * The value that is compared with the threshold: a metric, or the share of one metric in the sum of several. A share is 0 if
 * `of` is below `min`, so that few changes make no alarm, and if `unless` is above 0. `among` contains `of`.
 */
export type AlarmValue<Value extends string = AlarmResource | "route"> =
  | { readonly kind: "metric"; readonly of: AlarmMetric<Value> }
  | {
      readonly kind: "share";
      readonly of: AlarmMetric<Value>;
      readonly among: readonly AlarmMetric<Value>[];
      readonly min: number;
      readonly unless?: AlarmMetric<Value>;
    };

/** What CloudWatch does with periods without data: `TreatMissingData`. */
export type MissingData = "breaching" | "notBreaching" | "ignore";

/** An alarm of the list. It exists for a pipeline that has each resource of its dimensions and of `needs`. */
export interface AlarmRow {
  readonly id: AlarmId;
  /** What is watched, in words. It is the text of the link in the runbook. */
  readonly title: string;
  /** The heading in docs/runbook.md, as an anchor. */
  readonly anchor: string;
  readonly value: AlarmValue;
  /** A resource without which the value says nothing, besides those of its dimensions. */
  readonly needs?: AlarmResource;
  /**
   * How often the alarm exists: once, or for each named route. `route-or-function`: for each named route, or once for the function
   * if no route is named; then the dimension `route` is left out.
   */
  readonly each: "pipeline" | "route" | "route-or-function";
  readonly periodSeconds: number;
  readonly threshold: number;
  /** The alarm is on from the threshold (`atLeast`), or below it. */
  readonly comparison: "atLeast" | "below";
  readonly unit: "milliseconds" | "seconds" | "count" | "share";
  /** The alarm is on if this many of the last `periods` reach the threshold. */
  readonly datapoints: number;
  readonly periods: number;
  /** Why these periods: which burst wakes no person, and which event does so at once. */
  readonly why: string;
  readonly missing: MissingData;
  /** What it means that there is no data. */
  readonly missingWhy: string;
}

/** The names of the alarms. */
export type AlarmId =
  | "iterator-age"
  | "route-lag"
  | "pending-age"
  | "silent"
  | "dead-letters"
  | "dead-letters-age"
  | "rejected-share"
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
  | "all-superseded"
  | "verify-differs"
  | "verify-failed";

/** CloudWatch's namespace of the metrics that a pipeline's function writes. */
export const metricNamespace = "Sluice";

/** The page to which alarms refer. */
export const runbook = "docs/runbook.md";
