// The workflow that compares a table with its copies, on a schedule.

import { DeployError } from "@sluice/rules";
import { functionEntry, verifyStateMachine } from "@sluice/workflow";
import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Schedule, type ScheduleExpression, ScheduleTargetInput, TimeWindow } from "aws-cdk-lib/aws-scheduler";
import { StepFunctionsStartExecution } from "aws-cdk-lib/aws-scheduler-targets";
import type { IStateMachine, StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import {
  type CopyOptions,
  type CopyProps,
  copyPlace,
  copyReportFunction,
  definitionOptions,
  grantMap,
  planFunction,
  workerFunction,
} from "./copy-parts.ts";
import { checkedDefinition, partitionOf, workflowStateMachine } from "./step-function.ts";

/** Options of a verify. */
export interface VerifyOptions extends CopyOptions {
  /** When runs start, within an hour: `ScheduleExpression.cron({ hour: "3", minute: "0", weekDay: "SUN" })`. Default: never. */
  readonly schedule?: ScheduleExpression;
  /** Part of the items to verify. Default 1. */
  readonly sample?: number;
  /** Time in which a change reaches its target. Default: one minute. */
  readonly grace?: Duration;
  /** Whether a run repairs what differs. Then the worker may write the targets. Default `false`. */
  readonly repairs?: boolean;
  /** A unit with more differences fails. Default 10,000. */
  readonly maxSuspects?: number;
}

/** Options of `VerifyWorkflow`. */
export interface VerifyWorkflowProps extends VerifyOptions, CopyProps {}

/** The state machine that verifies copies, with its functions, its bucket and its schedule. */
export class VerifyWorkflow extends Construct {
  readonly stateMachine: StateMachine;
  /** The bucket for the state of runs. */
  readonly bucket: IBucket;
  /** The function that ends a run, and writes the metric `Differing`. */
  readonly report: LambdaFunction;

  constructor(scope: Construct, id: string, props: VerifyWorkflowProps) {
    super(scope, id);
    checkSample(props.sample);
    const place = copyPlace(this, props, "a verify");
    this.bucket = place.bucket;
    const plan = planFunction(this, props, place, {
      factory: "verifyPlan",
      options: props.prefix === undefined ? {} : { prefix: props.prefix },
    });
    const worker = workerFunction(this, props, place, {
      factory: "verifyWorker",
      options: workerOptions(props),
      tableActions: ["Scan", "BatchGetItem"],
      uses: props.repairs ? ["compare", "write"] : ["compare"],
    });
    this.report = copyReportFunction(this, props, place, functionEntry("verify-report"));
    const definition = checkedDefinition(() =>
      verifyStateMachine({ ...definitionOptions(props), partition: partitionOf(this) }),
    );
    this.stateMachine = workflowStateMachine(this, definition, {
      PlanFunctionArn: plan,
      WorkerFunctionArn: worker,
      ReportFunctionArn: this.report,
    });
    grantMap(this, this.stateMachine, place, ["units.jsonl", "copies.jsonl"]);
    if (props.schedule) startOn(this, props.schedule);
  }

  /** The number of copies that differ, which each complete run writes. `route` is the first route of the target. */
  differing(route: string): Metric {
    return new Metric({
      namespace: "Sluice",
      metricName: "Differing",
      dimensionsMap: { function: this.report.functionName, route },
      statistic: "Maximum",
      period: Duration.hours(1),
    });
  }
}

const checkSample = (sample: number | undefined): void => {
  if (sample === undefined || (sample > 0 && sample <= 1)) return;
  throw new DeployError(
    "OPTION_RANGE",
    `verify.sample is ${sample}, expected a part above 0 and at most 1: the worker would refuse it. Write 0.05 for 5 %.`,
  );
};

const workerOptions = ({ sample, grace, repairs, maxSuspects }: VerifyOptions): object => ({
  ...(sample !== undefined && { sample }),
  ...(grace !== undefined && { graceMs: grace.toMilliseconds() }),
  ...(repairs !== undefined && { repairs }),
  ...(maxSuspects !== undefined && { maxSuspects }),
});

const startOn = (scope: VerifyWorkflow, schedule: ScheduleExpression): Schedule =>
  new Schedule(scope, "Schedule", {
    schedule,
    timeWindow: TimeWindow.flexible(Duration.hours(1)),
    // The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes.
    target: new StepFunctionsStartExecution(scope.stateMachine as IStateMachine, {
      input: ScheduleTargetInput.fromObject({}),
    }),
  });
