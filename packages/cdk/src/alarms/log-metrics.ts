// Metrics from the log line `batch finished`, by metric filters.

import { DeployError, logNamespace } from "@sluice/rules";
import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { type IFilterPattern, MetricFilter } from "aws-cdk-lib/aws-logs";
import type { PipelineResources } from "../pipeline/resources.ts";

/** The counts of a route in the report line. */
export const outcomes = ["delivered", "superseded", "filtered", "rejected", "retried"] as const;

type Watched = Pick<PipelineResources, "function" | "logGroup" | "pipelineName">;

// A pattern in which a text stands in quotes: a quote or a backslash in a pipeline's name must not end the text.
const reportsOf = (pipelineName: string): IFilterPattern => ({
  logPatternString: `{ $.message = "batch finished*" && $.pipeline = ${JSON.stringify(pipelineName)} }`,
});

const metricOf = (resources: Watched, name: string, selector: string, periodSeconds: number): Metric => {
  const { function: target, logGroup } = resources;
  const metricNamespace = logNamespace(target.functionName);
  const id = `LogMetric-${name.replaceAll("/", "-")}`;
  // Alarms and dashboard use one filter: two filters of one metric would count each line twice.
  if (target.node.tryFindChild(id) === undefined) {
    new MetricFilter(target, id, {
      logGroup,
      filterPattern: reportsOf(resources.pipelineName),
      metricNamespace,
      metricName: name,
      metricValue: selector,
    });
  }
  return new Metric({
    namespace: metricNamespace,
    metricName: name,
    statistic: "Sum",
    period: Duration.seconds(periodSeconds),
  });
};

/** The number of deliveries that went to the retry queue. */
export const queuedMetric = (resources: Watched, periodSeconds: number): Metric =>
  metricOf(resources, "queued", "$.queued", periodSeconds);

/** The number of deliveries of a route with an outcome, or of all that it `received`. */
export const routeMetric = (
  resources: Watched,
  route: string,
  count: (typeof outcomes)[number] | "received",
  periodSeconds: number,
): Metric => {
  if (!/^[\w-]+$/.test(route)) {
    throw new DeployError(
      "ROUTE_NAME",
      `the route ${JSON.stringify(route)} has a name that a metric filter cannot select, expected only letters, digits, ` +
        "hyphens and underscores. Leave it out of `routes`, or rename the route.",
    );
  }
  return metricOf(resources, `${count}/${route}`, `$.routes.${route}.${count}`, periodSeconds);
};
