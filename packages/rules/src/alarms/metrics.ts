// The metrics that alarms watch.

import type { AlarmMetric, AlarmResource, AlarmValue } from "./alarm-row.ts";

/** The value of one metric. */
export const metric = (of: AlarmMetric): AlarmValue => ({ kind: "metric", of });

/** A metric of Lambda about the function. */
export const ofFunction = (name: string, statistic: AlarmMetric["statistic"]): AlarmMetric => ({
  namespace: "AWS/Lambda",
  metric: name,
  statistic,
  dimensions: { FunctionName: "function" },
});

/** A metric of Lambda about the mapping from the stream. Only a mapping with `EventCount` has these metrics. */
export const ofMapping = (name: string, statistic: AlarmMetric["statistic"]): AlarmMetric => ({
  namespace: "AWS/Lambda",
  metric: name,
  statistic,
  dimensions: { EventSourceMappingUUID: "mapping" },
});

/** A metric of SQS, at its maximum. */
export const ofQueue = (queue: AlarmResource, name: string): AlarmMetric => ({
  namespace: "AWS/SQS",
  metric: name,
  statistic: "Maximum",
  dimensions: { QueueName: queue },
});

/** The number of a workflow's executions that ended so. */
export const ofWorkflow = (workflow: "redrive" | "verify", name: string): AlarmMetric => ({
  namespace: "AWS/States",
  metric: name,
  statistic: "Sum",
  dimensions: { StateMachineArn: workflow },
});

/** A metric that the pipeline's function writes, about all its routes. */
export const written = (name: string, statistic: AlarmMetric["statistic"]): AlarmMetric => ({
  namespace: "Sluice",
  metric: name,
  statistic,
  dimensions: { function: "function" },
});

/** A metric that the pipeline's function writes, about one route. */
export const writtenOfRoute = (name: string, statistic: AlarmMetric["statistic"]): AlarmMetric => ({
  ...written(name, statistic),
  dimensions: { function: "function", route: "route" },
});
