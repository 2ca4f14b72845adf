// What one looks at first when an alarm goes off.

import { runbook } from "@sluice/rules";
import { Duration } from "aws-cdk-lib";
import { Dashboard, GraphWidget, type IMetric, type IWidget, Metric, TextWidget } from "aws-cdk-lib/aws-cloudwatch";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { PipelineResources } from "../pipeline/resources.ts";
import { outcomes, queuedMetric, routeMetric } from "./log-metrics.ts";

/** Options of `PipelineDashboard`. */
export interface PipelineDashboardOptions {
  /** Names of routes whose outcomes are shown. Each costs five metrics made from the log. Default: none. */
  readonly routes?: readonly string[];
  /** Where the runbook is. Default: its path in our repository. */
  readonly runbook?: string;
}

/** The options of `PipelineDashboard`, and what it shows. */
export interface PipelineDashboardProps extends PipelineDashboardOptions {
  readonly resources: PipelineResources;
}

const period = Duration.minutes(1);

/** A dashboard of a pipeline: lag, outcomes, queues, concurrency and errors. */
export class PipelineDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: PipelineDashboardProps) {
    super(scope, id);
    const { resources } = props;
    this.dashboard = new Dashboard(this, "Dashboard", {
      widgets: [
        [new TextWidget({ markdown: headingOf(props), width: 24, height: 2 })],
        [lagOf(resources), concurrencyOf(resources), errorsOf(resources)],
        ...rowsOf(props.routes ?? [], (route) => outcomesOf(resources, route)),
        [...queueOf("Retry queue", resources.retryQueue), ...queueOf("Dead letters", resources.deadLetters)],
        resources.retryQueue === undefined ? [] : [graph("Queued for retry", [queuedMetric(resources, 60)])],
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

const lagOf = (resources: PipelineResources): GraphWidget =>
  graph(
    "Lag: iterator age (ms) and duration of a batch (ms)",
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
    outcomes.map((outcome) => routeMetric(resources, route, outcome, 60).with({ label: outcome })),
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
