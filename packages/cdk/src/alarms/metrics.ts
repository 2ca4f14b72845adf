// Metrics of the list of alarms, as metrics of the CDK; and the variable that makes the function write its own.

import { type AlarmMetric, type AlarmValue, alarmExpression, DeployError, metricNamespace } from "@sluice/rules";
import { Annotations, Duration, Stack, Token } from "aws-cdk-lib";
import { type IMetric, MathExpression, Metric } from "aws-cdk-lib/aws-cloudwatch";
import { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { addDefaultVariable } from "../pipeline/environment.ts";
import type { PipelineResources } from "../pipeline/resources.ts";

const cloudWatchMetric = (
  { namespace, metric: metricName, statistic, dimensions }: AlarmMetric<string>,
  period: Duration,
): Metric => new Metric({ namespace, metricName, statistic, period, dimensionsMap: { ...dimensions } });

/** The metric of an alarm's value. The label is that of a share, which has no name of its own. */
export const metricOf = (value: AlarmValue<string>, periodSeconds: number, label: string): IMetric => {
  const period = Duration.seconds(periodSeconds);
  if (value.kind === "metric") return cloudWatchMetric(value.of, period);
  const { expression, metrics } = alarmExpression(value);
  const named = Object.entries(metrics).map(([name, metric]) => [name, cloudWatchMetric(metric, period)] as const);
  return new MathExpression({ expression, usingMetrics: Object.fromEntries(named), period, label });
};

/** The counts of outcomes that the function writes about a route. */
export const outcomes = ["Delivered", "Superseded", "Filtered", "Rejected", "Retried"] as const;

type WrittenMetric = "Lag" | "PendingAge" | "Queued" | (typeof outcomes)[number];

/** A metric that the function writes about a route, or about all routes, by the minute. */
export const writtenMetric = (
  { function: target }: Pick<PipelineResources, "function">,
  metric: WrittenMetric,
  route?: string,
): Metric =>
  cloudWatchMetric(
    {
      namespace: metricNamespace,
      metric,
      statistic: metric === "Lag" || metric === "PendingAge" ? "Maximum" : "Sum",
      dimensions: { function: target.functionName, ...(route !== undefined && { route }) },
    },
    Duration.minutes(1),
  );

/** The longest value of a dimension that the CDK takes. CloudWatch itself takes 1,024 characters. */
const longestName = 255;

const isDimension = (route: string): boolean =>
  /^[\x20-\x7e]+$/.test(route) && route.trim() !== "" && route.length <= longestName;

/**
 * Throws ROUTE_NAME if a route's name cannot be the value of a dimension. The function writes such a name percent-encoded.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-cloudwatch-alarm-dimension.html
 */
export const checkRoutes = (routes: readonly string[]): void => {
  for (const route of routes) {
    if (Token.isUnresolved(route) || isDimension(route)) continue;
    throw new DeployError(
      "ROUTE_NAME",
      `the route ${JSON.stringify(route)} has a name that CloudWatch refuses, expected 1 to ${longestName} printable ASCII characters, and ` +
        "not only spaces. Rename the route, leave it out of `routes`, or write the name as the function does: other characters " +
        "percent-encoded, such as %C3%A9 for é.",
    );
  }
};

/** The variable that makes the function write metrics by default. */
const variable = "SLUICE_METRICS";

/**
 * Warns if Lambda keeps only lines of a higher level than INFO, which Lambda takes for the level of a line without one.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html (read 2026-11-28)
 */
const warnOfLogLevel = (target: PipelineResources["function"]): void => {
  const resource = target.node.defaultChild;
  const logging: unknown =
    resource instanceof CfnFunction ? Stack.of(target).resolve(resource.loggingConfig) : undefined;
  const { applicationLogLevel: level = "INFO" } = (logging ?? {}) as { readonly applicationLogLevel?: unknown };
  if (typeof level !== "string" || !["WARN", "ERROR", "FATAL"].includes(level)) return;
  Annotations.of(target).addWarningV2(
    "@sluice/cdk:metrics-filtered",
    `The function's application log level is ${level}, expected INFO or lower: Lambda takes the lines of metrics for INFO and may drop them, and alarms ` +
      "on these metrics then never go off. Set applicationLogLevelV2 to INFO, and the level of the pipeline's own logger by its option logger.",
  );
};

/** Makes the function write its metrics. A value that the function has already wins, and gets a warning. */
export const writeMetrics = ({ function: target }: Pick<PipelineResources, "function">): void => {
  warnOfLogLevel(target);
  const value = addDefaultVariable(target, variable, "emf");
  if (value === "emf" || Token.isUnresolved(value)) return;
  Annotations.of(target).addWarningV2(
    "@sluice/cdk:metrics-not-written",
    `The function's variable ${variable} is ${JSON.stringify(value)}, so the function writes no metrics by itself, and alarms on them ` +
      "never go off. Remove the variable; or, if the pipeline's option observers contains emfMetrics(), acknowledge this warning.",
  );
};
