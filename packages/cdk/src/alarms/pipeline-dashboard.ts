// What one looks at first when an alarm goes off.

import { runbook } from "@sluice/rules";
import { Duration } from "aws-cdk-lib";
import { Dashboard, GraphWidget, type IMetric, type IWidget, Metric, TextWidget } from "aws-cdk-lib/aws-cloudwatch";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { PipelineResources } from "../pipeline/resources.ts";
import { checkRoutes, outcomes, writeMetrics, writtenMetric } from "./metrics.ts";

/** Options of `PipelineDashboard`. */
export interface PipelineDashboardOptions {
  /** Names of routes whose lag and outcomes are shown. Default: none, and the lag is that of the slowest route. */
  readonly routes?: readonly string[];
  /** Where the runbook is. Default: its path in our repository. */
  readonly runbook?: string;
}

/** The options of `PipelineDashboard`, and what it shows. */
export interface PipelineDashboardProps extends PipelineDashboardOptions {
  readonly resources: PipelineResources;
}

const period = Duration.minutes(1);

/** A dashboard of a pipeline: lag and outcomes of routes, records of the stream, queues, concurrency and errors. */
export class PipelineDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: PipelineDashboardProps) {
    super(scope, id);
    const { resources, routes = [] } = props;
    checkRoutes(routes);
    writeMetrics(resources);
    this.dashboard = new Dashboard(this, "Dashboard", {
      widgets: [
        [new TextWidget({ markdown: headingOf(props), width: 24, height: 2 })],
        [ageGraph("Lag of routes (ms)", resources, "Lag", routes), streamOf(resources), errorsOf(resources)],
        [
          ageGraph("Age of the oldest pending delivery (ms)", resources, "PendingAge", routes),
          iteratorAgeOf(resources),
          concurrencyOf(resources),
        ],
        ...rowsOf([...new Set(routes)], (route) => outcomesOf(resources, route)),
        [...queueOf("Retry queue", resources.retryQueue), ...queueOf("Dead letters", resources.deadLetters)],
        resources.retryQueue === undefined ? [] : [graph("Queued for retry", [writtenMetric(resources, "Queued")])],
      ].filter((row) => row.length > 0),
    });
  }
}

const headingOf = ({ resources, runbook: page = runbook }: PipelineDashboardProps): string =>
  `# Pipeline ${resources.pipelineName}\nWhat to do about an alarm: ${page}`;

const rowsOf = (names: readonly string[], widget: (name: string) => IWidget): IWidget[][] =>
  names.length === 0 ? [] : [names.slice(0, 3).map(widget), ...rowsOf(names.slice(3), widget)];

const graph = (title: string, left: IMetric[], right: IMetric[] = [], stacked = false): GraphWidget =>
  new GraphWidget({ title, left, right, stacked, width: 8, height: 6, leftYAxis: { min: 0 }, rightYAxis: { min: 0 } });

const functionMetric = ({ function: target }: PipelineResources, metricName: string, statistic: string): Metric =>
  new Metric({
    namespace: "AWS/Lambda",
    metricName,
    statistic,
    period,
    dimensionsMap: { FunctionName: target.functionName },
  });

/** A line for each route, or one for the oldest of all routes. */
const ageGraph = (
  title: string,
  resources: PipelineResources,
  metric: "Lag" | "PendingAge",
  routes: readonly string[],
): GraphWidget =>
  graph(
    title,
    routes.length === 0
      ? [writtenMetric(resources, metric).with({ label: "all routes" })]
      : [...new Set(routes)].map((route) => writtenMetric(resources, metric, route).with({ label: route })),
  );

const streamOf = ({ mapping }: PipelineResources): GraphWidget =>
  graph(
    "Records of the stream",
    ["PolledEventCount", "FilteredOutEventCount", "DroppedEventCount"].map(
      (metricName) =>
        new Metric({
          namespace: "AWS/Lambda",
          metricName,
          statistic: "Sum",
          period,
          dimensionsMap: { EventSourceMappingUUID: mapping.ref },
        }),
    ),
  );

const iteratorAgeOf = (resources: PipelineResources): GraphWidget =>
  graph(
    "Iterator age (ms) and duration of a batch (ms)",
    [functionMetric(resources, "IteratorAge", "Maximum")],
    [functionMetric(resources, "Duration", "p95")],
  );

const concurrencyOf = (resources: PipelineResources): GraphWidget =>
  graph(
    "Concurrency and invocations",
    [functionMetric(resources, "ConcurrentExecutions", "Maximum")],
    [functionMetric(resources, "Invocations", "Sum")],
  );

const errorsOf = (resources: PipelineResources): GraphWidget =>
  graph(
    "Errors",
    ["Errors", "Throttles", "DestinationDeliveryFailures"].map((name) => functionMetric(resources, name, "Sum")),
  );

const outcomesOf = (resources: PipelineResources, route: string): GraphWidget =>
  graph(
    `Outcomes of ${route}`,
    outcomes.map((outcome) => writtenMetric(resources, outcome, route).with({ label: outcome })),
    [],
    true,
  );

const queueOf = (title: string, queue: IQueue | undefined): GraphWidget[] => {
  if (queue === undefined) return [];
  const metric = (metricName: string): Metric =>
    new Metric({
      namespace: "AWS/SQS",
      metricName,
      statistic: "Maximum",
      period,
      dimensionsMap: { QueueName: queue.queueName },
    });
  return [
    graph(
      `${title}: messages, and age of the oldest (s)`,
      [metric("ApproximateNumberOfMessagesVisible"), metric("ApproximateNumberOfMessagesNotVisible")],
      [metric("ApproximateAgeOfOldestMessage")],
    ),
  ];
};
