// The alarms of the list, for the resources that a pipeline has.

import {
  type AlarmId,
  type AlarmRow,
  DeployError,
  periodsText,
  pipelineAlarms,
  runbook,
  thresholdText,
} from "@sluice/rules";
import { Duration, Token } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IStateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { PipelineResources } from "../pipeline/resources.ts";
import { letAlarmsPublish } from "./alarm-topics.ts";
import { queuedMetric, routeMetric } from "./log-metrics.ts";

/** Options of `PipelineAlarms`. */
export interface PipelineAlarmsOptions {
  /** What an alarm does: a topic to publish to, or another action. Default: nothing, and the alarm only changes its state. */
  readonly actions?: readonly (ITopic | IAlarmAction)[];
  /** Whether the actions also run when an alarm is over. Default `false`. */
  readonly notifyWhenOver?: boolean;
  /** Thresholds other than those of the list, in the list's unit. `false` leaves the alarm out. */
  readonly thresholds?: { readonly [id in AlarmId]?: number | false };
  /**
   * The names of routes for which `all-superseded` is watched: those of upsert sinks. Each costs two metrics made from the
   * log. Default: none.
   */
  readonly routes?: readonly string[];
  /** Where the runbook is: a description ends in this address and the anchor. Default: its path in our repository. */
  readonly runbook?: string;
}

/** The options of `PipelineAlarms`, and what the alarms watch. */
export interface PipelineAlarmsProps extends PipelineAlarmsOptions {
  readonly resources: PipelineResources;
  /** The state machine of a redrive workflow. */
  readonly redrive?: IStateMachine;
}

/** The alarms of a pipeline. Which alarms exist depends on its resources: without a retry queue, none watches retries. */
export class PipelineAlarms extends Construct {
  /** The alarms. `all-superseded` occurs once for each route. */
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: PipelineAlarmsProps) {
    super(scope, id);
    checkThresholds(props);
    this.alarms = pipelineAlarms.flatMap((row) => this.#alarmsOf(row, props));
    letAlarmsPublish(this, props.actions ?? []);
  }

  #alarmsOf(row: AlarmRow, props: PipelineAlarmsProps): readonly Alarm[] {
    const threshold = props.thresholds?.[row.id] ?? row.threshold;
    if (threshold === false) return [];
    if (row.source === "route") {
      return [...new Set(props.routes)].map((route) =>
        this.#alarm(`${row.id}-${route}`, row, threshold, supersededShare(row, props.resources, route), props),
      );
    }
    const metric = metricOf(row, props);
    return metric === undefined ? [] : [this.#alarm(row.id, row, threshold, metric, props)];
  }

  #alarm(id: string, row: AlarmRow, threshold: number, metric: IMetric, props: PipelineAlarmsProps): Alarm {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      datapointsToAlarm: row.datapoints,
      evaluationPeriods: row.periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: descriptionOf(row, threshold, props),
    });
    for (const target of props.actions ?? []) {
      const action = "topicArn" in target ? new SnsAction(target) : target;
      alarm.addAlarmAction(action);
      if (props.notifyWhenOver === true) alarm.addOkAction(action);
    }
    return alarm;
  }
}

const checkThresholds = ({ thresholds = {} }: PipelineAlarmsProps): void => {
  const ids = new Set<string>(pipelineAlarms.map(({ id }) => id));
  for (const [id, threshold] of Object.entries(thresholds)) {
    if (!ids.has(id)) {
      throw new DeployError(
        "ALARM_UNKNOWN",
        `thresholds has the alarm ${JSON.stringify(id)}, expected one of ${[...ids].join(", ")}. Correct the name.`,
      );
    }
    if (typeof threshold !== "number" || Token.isUnresolved(threshold)) continue;
    // A value of 0 or less is always reached, and a share above 1 never is.
    const isShare = pipelineAlarms.some((row) => row.id === id && row.unit === "share");
    if (threshold > 0 && Number.isFinite(threshold) && (!isShare || threshold <= 1)) continue;
    throw new DeployError(
      "ALARM_THRESHOLD",
      `the threshold of the alarm ${id} is ${threshold}, expected a number above 0${isShare ? " and at most 1" : ""}: the alarm would ` +
        "always be on, or never. Set another threshold, or false to leave the alarm out.",
    );
  }
};

const descriptionOf = (
  row: AlarmRow,
  threshold: number,
  { resources, runbook: page = runbook }: PipelineAlarmsProps,
) => {
  const limit = Token.isUnresolved(threshold) ? "the threshold" : thresholdText(row, threshold);
  return (
    `Pipeline ${resources.pipelineName}, ${row.title}: ${row.metric} was at least ${limit} in ${periodsText(row)}. ` +
    `${page}#${row.anchor}`
  );
};

const metricOf = (row: AlarmRow, props: PipelineAlarmsProps): IMetric | undefined => {
  if (row.source === "log") {
    return props.resources.retryQueue && queuedMetric(props.resources, row.periodSeconds);
  }
  const value = dimensionOf(row, props);
  if (value === undefined || row.dimension === undefined) return undefined;
  const { namespace, metric: metricName, statistic, periodSeconds } = row;
  return new Metric({
    namespace,
    metricName,
    statistic,
    period: Duration.seconds(periodSeconds),
    dimensionsMap: { [row.dimension]: value },
  });
};

/** The name of the watched resource. Undefined if the pipeline has no such resource. */
const dimensionOf = ({ source, dimension }: AlarmRow, props: PipelineAlarmsProps): string | undefined => {
  const { resources, redrive } = props;
  if (source === "dead-letters") return resources.deadLetters?.queueName;
  if (source === "retry-queue") return resources.retryQueue?.queueName;
  if (source === "redrive") return redrive?.stateMachineArn;
  if (source === "destination" && resources.mapping.destinationConfig === undefined) return undefined;
  if (dimension === "FunctionName") return resources.function.functionName;
  return mappingOf(resources);
};

const mappingOf = ({ mapping }: PipelineResources): string => {
  if (mapping.metricsConfig === undefined) {
    throw new DeployError(
      "METRICS_OFF",
      `the mapping ${mapping.node.path} has no metrics, expected EventCount: the alarms on lost records would never go off. ` +
        'Set metricsConfig to { metrics: ["EventCount"] }, or the thresholds "gave-up" and "dropped" to false.',
    );
  }
  return mapping.ref;
};

const supersededShare = (row: AlarmRow, resources: PipelineResources, route: string): IMetric =>
  new MathExpression({
    // The log leaves out zeros.
    expression: "FILL(superseded, 0) / received",
    usingMetrics: {
      superseded: routeMetric(resources, route, "superseded", row.periodSeconds),
      received: routeMetric(resources, route, "received", row.periodSeconds),
    },
    period: Duration.seconds(row.periodSeconds),
    label: `superseded share of ${route}`,
  });
