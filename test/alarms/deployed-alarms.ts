// The alarms of a pipeline as `@sluice/cdk` deploys them: the template's own metrics, dimensions and expressions decide.

import { PipelineAlarms, SluicePipeline } from "@sluice/cdk";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { type IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { AlarmRule, MissingData } from "./alarm-state.ts";
import { expressionOf } from "./expression.ts";
import type { WatchedAlarm } from "./listed-alarms.ts";
import type { MetricName, Statistic } from "./metrics.ts";
import { names } from "./names.ts";

interface TemplateMetric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

interface TemplateQuery {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: TemplateMetric; readonly Period: number; readonly Stat: Statistic };
  readonly ReturnData?: boolean;
}

interface TemplateAlarm extends Partial<TemplateMetric> {
  readonly Metrics?: readonly TemplateQuery[];
  readonly Statistic?: Statistic;
  readonly Period?: number;
  readonly Threshold: number;
  readonly DatapointsToAlarm: number;
  readonly EvaluationPeriods: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: MissingData;
}

/** Replaces references to resources by the names that the fake world uses. */
type NameOf = (reference: unknown) => string;

const metricName = (
  { Namespace, MetricName: metric, Dimensions = [] }: TemplateMetric,
  nameOf: NameOf,
): MetricName => ({
  namespace: nameOf(Namespace),
  metric,
  dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, nameOf(Value)])),
});

const readerOf = (alarm: TemplateAlarm, nameOf: NameOf): Pick<WatchedAlarm, "periodMs" | "read"> => {
  if (alarm.Metrics === undefined) {
    const [name, statistic] = [metricName(alarm as TemplateMetric, nameOf), alarm.Statistic as Statistic];
    return {
      periodMs: (alarm.Period as number) * 1_000,
      read: (metrics, fromMs, toMs) => metrics.statistic(name, statistic, fromMs, toMs),
    };
  }
  const stats = new Map(
    alarm.Metrics.flatMap(({ Id, MetricStat }) =>
      MetricStat === undefined ? [] : [[Id, { ...MetricStat, name: metricName(MetricStat.Metric, nameOf) }]],
    ),
  );
  const compute = expressionOf(alarm.Metrics.find(({ Expression }) => Expression !== undefined)?.Expression ?? "");
  const periods = [...new Set([...stats.values()].map(({ Period }) => Period))];
  if (periods.length !== 1) throw new Error(`the metrics of an alarm have ${periods.length} periods; expected one`);
  return {
    periodMs: (periods[0] as number) * 1_000,
    read: (metrics, fromMs, toMs) =>
      compute((id) => {
        const stat = stats.get(id);
        if (stat === undefined) throw new Error(`the expression has ${id}; expected the id of a metric`);
        return metrics.statistic(stat.name, stat.Stat, fromMs, toMs);
      }),
  };
};

const comparisons: Readonly<Record<string, AlarmRule["comparison"]>> = {
  GreaterThanOrEqualToThreshold: "atLeast",
  LessThanThreshold: "below",
};

const ruleOf = (alarm: TemplateAlarm): AlarmRule => {
  const comparison = comparisons[alarm.ComparisonOperator];
  if (comparison === undefined) throw new Error(`an alarm compares by ${alarm.ComparisonOperator}`);
  return {
    comparison,
    threshold: alarm.Threshold,
    datapoints: alarm.DatapointsToAlarm,
    periods: alarm.EvaluationPeriods,
    missing: alarm.TreatMissingData,
  };
};

// The validation of templates needs WebAssembly modules that Jest's module loader does not load.
process.env.CDK_VALIDATION = "false";

/** A pipeline with all resources that alarms may watch. Its function is not bundled. */
const pipelineIn = (stack: Stack): SluicePipeline => {
  const partitionKey = { name: "pk", type: AttributeType.STRING };
  const table = new Table(stack, "Orders", { partitionKey, stream: StreamViewType.NEW_AND_OLD_IMAGES });
  return new SluicePipeline(stack, "Sync", {
    pipelineName: "orders",
    table,
    entry: import.meta.filename,
    sinks: [],
    retryQueue: {},
    alarms: false,
  });
};

/** Resolves what the template says of a resource to the name that the fake world has for it. */
const namesIn = (stack: Stack, pipeline: SluicePipeline, report: IFunction): ((value: unknown) => string) => {
  const known = new Map(
    [
      [pipeline.function.functionName, names.function],
      [pipeline.mapping.ref, names.mapping],
      [pipeline.deadLetters?.queueName, names["dead-letters"]],
      [pipeline.retryQueue?.queueName, names["retry-queue"]],
      [report.functionName, names["verify-report"]],
    ].map(([token, name]) => [JSON.stringify(stack.resolve(token)), name as string]),
  );
  return (value) => {
    const name = typeof value === "string" ? value : known.get(JSON.stringify(value));
    if (name === undefined) throw new Error(`an alarm watches ${JSON.stringify(value)}; expected a known resource`);
    return name;
  };
};

/** Synthesises a stack with a pipeline, and reads its alarms. */
export const deployedAlarms = (routes: readonly string[]): readonly WatchedAlarm[] => {
  const stack = new Stack(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Test");
  const pipeline = pipelineIn(stack);
  const redrive = StateMachine.fromStateMachineArn(stack, "Redrive", names.redrive);
  const stateMachine = StateMachine.fromStateMachineArn(stack, "Verify", names.verify);
  const report = LambdaFunction.fromFunctionName(stack, "Report", names["verify-report"]);
  const { alarms } = new PipelineAlarms(stack, "Alarms", {
    resources: pipeline,
    redrive,
    verify: { report, stateMachine },
    routes,
  });
  const nameOf = namesIn(stack, pipeline, report);
  const { Resources } = Template.fromStack(stack).toJSON() as Record<string, Record<string, { Properties: unknown }>>;
  return alarms.map((alarm) => {
    const resource = Resources?.[stack.getLogicalId(alarm.node.defaultChild as CfnAlarm)];
    if (resource === undefined) throw new Error(`the template has no alarm ${alarm.node.id}`);
    const properties = resource.Properties as TemplateAlarm;
    return { name: alarm.node.id, rule: ruleOf(properties), ...readerOf(properties, nameOf) };
  });
};
