// The alarms of a pipeline, as plain data: for the construct, for the table in docs/runbook.md, and for tools. Nothing here
// imports aws-cdk-lib, so that a tool can read the list without it.

import type { AlarmRow } from "./alarm-row.ts";
import { deliveryAlarms } from "./delivery-alarms.ts";
import { lagAlarms } from "./lag-alarms.ts";
import { lambdaAlarms } from "./lambda-alarms.ts";
import { metric, ofWorkflow, written, writtenOfRoute } from "./metrics.ts";

const ofExecution = {
  anchor: "redrive-failed",
  each: "pipeline",
  periodSeconds: 300,
  threshold: 1,
  comparison: "atLeast",
  unit: "count",
  datapoints: 1,
  periods: 1,
  why: "a person started the execution and expects its result",
  missing: "notBreaching",
  missingWhy: "no execution ended so",
} as const;

/**
 * The alarms, in the order of the runbook.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
export const pipelineAlarms: readonly AlarmRow[] = [
  ...lagAlarms,
  ...deliveryAlarms,
  ...lambdaAlarms,
  {
    id: "redrive-failed",
    title: "redrive failed",
    value: metric(ofWorkflow("redrive", "ExecutionsFailed")),
    ...ofExecution,
  },
  {
    id: "redrive-timed-out",
    title: "redrive timed out",
    value: metric(ofWorkflow("redrive", "ExecutionsTimedOut")),
    ...ofExecution,
  },
  {
    id: "all-superseded",
    title: "all superseded",
    anchor: "all-superseded",
    value: {
      kind: "share",
      of: writtenOfRoute("Superseded", "Sum"),
      among: [writtenOfRoute("Superseded", "Sum"), writtenOfRoute("Delivered", "Sum")],
      min: 1,
      unless: written("Retried", "Sum"),
    },
    each: "route",
    periodSeconds: 300,
    threshold: 0.9,
    comparison: "atLeast",
    unit: "share",
    datapoints: 3,
    periods: 3,
    why:
      "a redelivered batch is superseded for some minutes; while a route holds up the stream, the other ones get its records again and " +
      "again, which says nothing of their targets",
    missing: "notBreaching",
    missingWhy: "the route is idle",
  },
  {
    id: "verify-differs",
    title: "verify found differences",
    anchor: "verify-found-differences",
    value: metric({
      namespace: "Sluice",
      metric: "Differing",
      statistic: "Maximum",
      dimensions: { function: "verify-report" },
    }),
    each: "pipeline",
    // Short, so that a second run soon after the repair ends the alarm: within one period, the maximum would be that of the first.
    periodSeconds: 60,
    threshold: 1,
    comparison: "atLeast",
    unit: "count",
    datapoints: 1,
    periods: 1,
    why: "a verify looks twice at each difference, so that a change on its way is not reported",
    missing: "ignore",
    missingWhy: "no run ended: a copy that differed still differs until a run finds it equal",
  },
  {
    id: "verify-failed",
    title: "verify failed",
    value: metric(ofWorkflow("verify", "ExecutionsFailed")),
    ...ofExecution,
    anchor: "verify-failed",
    why: "a schedule starts the execution, so no person looks at its end; a run that breaks off writes no `Differing`",
  },
];
