// The alarms of the list, for the resources that a pipeline has.

import {
  type AlarmId,
  type AlarmResources,
  type AlarmRow,
  alarmsOf,
  DeployError,
  type MissingData,
  type PipelineAlarm,
  periodsText,
  pipelineAlarms,
  runbook,
  thresholdText,
  valueText,
} from "@sluice/rules";
import { Token } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IAlarmAction, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IStateMachine, StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { PipelineResources } from "../pipeline/resources.ts";
import { letAlarmsPublish } from "./alarm-topics.ts";
import { checkRoutes, metricOf, writeMetrics } from "./metrics.ts";

/** Options of `PipelineAlarms`. */
export interface PipelineAlarmsOptions {
  /** What an alarm does: a topic to publish to, or another action. Default: nothing, and the alarm only changes its state. */
  readonly actions?: readonly (ITopic | IAlarmAction)[];
  /** Whether the actions also run when an alarm is over. Default `false`. */
  readonly notifyWhenOver?: boolean;
  /** Thresholds other than those of the list, in the list's unit. `false` leaves the alarm out. */
  readonly thresholds?: { readonly [id in AlarmId]?: number | false };
  /**
   * The names of routes that are watched one by one, for `route-lag` and `all-superseded`. Default: none, and `route-lag` watches
   * the slowest route.
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
  /** The verify workflow: the function that ends a run writes how many copies differ. Without the state machine, no alarm watches failures. */
  readonly verify?: {
    readonly report: IFunction | LambdaFunction;
    readonly stateMachine?: IStateMachine | StateMachine;
  };
}

/** The alarms of a pipeline. Which alarms exist depends on its resources: without a retry queue, none watches retries. */
export class PipelineAlarms extends Construct {
  /** The alarms. `route-lag` and `all-superseded` occur once for each route. */
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: PipelineAlarmsProps) {
    super(scope, id);
    checkThresholds(props);
    checkRoutes(props.routes ?? []);
    writeMetrics(props.resources);
    this.alarms = watchedBy(props).map((alarm) => this.#alarm(alarm, props));
    letAlarmsPublish(this, props.actions ?? []);
  }

  #alarm({ name, row, route, value, threshold }: WatchedAlarm, props: PipelineAlarmsProps): Alarm {
    const title = route === undefined ? row.title : `${row.title} of ${route}`;
    const alarm = new Alarm(this, name, {
      metric: metricOf(value, row.periodSeconds, title),
      threshold,
      comparisonOperator: comparisons[row.comparison],
      datapointsToAlarm: row.datapoints,
      evaluationPeriods: row.periods,
      treatMissingData: missing[row.missing],
      alarmDescription: descriptionOf(title, row, threshold, props),
    });
    for (const target of props.actions ?? []) {
      const action = "topicArn" in target ? new SnsAction(target) : target;
      alarm.addAlarmAction(action);
      if (props.notifyWhenOver === true) alarm.addOkAction(action);
    }
    return alarm;
  }
}

const comparisons: Readonly<Record<AlarmRow["comparison"], ComparisonOperator>> = {
  atLeast: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  below: ComparisonOperator.LESS_THAN_THRESHOLD,
};

const missing: Readonly<Record<MissingData, TreatMissingData>> = {
  breaching: TreatMissingData.BREACHING,
  notBreaching: TreatMissingData.NOT_BREACHING,
  ignore: TreatMissingData.IGNORE,
};

interface WatchedAlarm extends PipelineAlarm {
  readonly threshold: number;
}

/** The alarms that the pipeline has, and that the options do not leave out. */
const watchedBy = (props: PipelineAlarmsProps): readonly WatchedAlarm[] => {
  const { mapping } = props.resources;
  const alarms = alarmsOf(namesOf(props), props.routes).flatMap((alarm): readonly WatchedAlarm[] => {
    const threshold = props.thresholds?.[alarm.row.id] ?? alarm.row.threshold;
    // A mapping that the stack itself disables is silent on purpose.
    const isLeftOut = threshold === false || (alarm.row.id === "silent" && mapping.enabled === false);
    return isLeftOut ? [] : [{ ...alarm, threshold }];
  });
  const ofMapping = alarms.filter(({ value }) => value.of.dimensions.EventSourceMappingUUID !== undefined);
  if (ofMapping.length > 0) checkMetrics(mapping, ofMapping);
  return alarms;
};

const namesOf = ({ resources, redrive, verify }: PipelineAlarmsProps): AlarmResources => ({
  function: resources.function.functionName,
  mapping: resources.mapping.ref,
  destination: resources.mapping.destinationConfig && resources.mapping.ref,
  "dead-letters": resources.deadLetters?.queueName,
  "retry-queue": resources.retryQueue?.queueName,
  redrive: redrive?.stateMachineArn,
  verify: verify?.stateMachine?.stateMachineArn,
  "verify-report": verify?.report.functionName,
});

const checkMetrics = (mapping: PipelineResources["mapping"], alarms: readonly PipelineAlarm[]): void => {
  if (mapping.metricsConfig !== undefined) return;
  const ids = alarms.map(({ row }) => JSON.stringify(row.id));
  throw new DeployError(
    "METRICS_OFF",
    `the mapping ${mapping.node.path} has no metrics, expected EventCount: the alarms ${ids.join(", ")} could not tell what the ` +
      'mapping does. Set metricsConfig to { metrics: ["EventCount"] }, or the thresholds of these alarms to false.',
  );
};

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

const comparisonTexts: Readonly<Record<AlarmRow["comparison"], string>> = { atLeast: "at least", below: "below" };

const descriptionOf = (
  title: string,
  row: AlarmRow,
  threshold: number,
  { resources, runbook: page = runbook }: PipelineAlarmsProps,
): string => {
  const limit = Token.isUnresolved(threshold) ? "the threshold" : thresholdText(row, threshold);
  return (
    `Pipeline ${resources.pipelineName}, ${title}: ${valueText(row.value)} was ${comparisonTexts[row.comparison]} ${limit} in ` +
    `${periodsText(row)}. ${page}#${row.anchor}`
  );
};
