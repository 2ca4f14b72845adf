import { describe, expect, test } from "@jest/globals";
import { pipelineAlarms } from "@sluice/rules";
import type { Stack } from "aws-cdk-lib";
import type { Template } from "aws-cdk-lib/assertions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { DeployError, PipelineAlarms, PipelineDashboard } from "../../src/index.ts";
import { resourcesIn } from "../support/resources.ts";
import { templateOf, testStack } from "../support/stack.ts";

interface AlarmProperties {
  readonly AlarmDescription: string;
  readonly Namespace: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Threshold: number;
  readonly Statistic: string;
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
}

const alarmsOf = (template: Template): readonly AlarmProperties[] =>
  Object.values(template.findResources("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);

const redriveIn = (stack: Stack) =>
  StateMachine.fromStateMachineArn(stack, "Redrive", "arn:aws:states:eu-west-1:123456789012:stateMachine:Redrive");

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof DeployError) return error.code;
    throw error;
  }
};

describe("all resources", () => {
  const stack = testStack();
  const resources = resourcesIn(stack);
  const topic = new Topic(stack, "Topic");
  new PipelineAlarms(stack, "Alarms", {
    resources,
    redrive: redriveIn(stack),
    actions: [topic],
    routes: ["postgres", "search"],
    thresholds: { "retries-age": 7_200 },
  });
  new PipelineDashboard(stack, "Dashboard", { resources, routes: ["postgres", "search"] });
  const template = templateOf(stack);
  const alarms = alarmsOf(template);

  test("have each alarm of the list, with its metric and periods", () => {
    for (const row of pipelineAlarms) {
      const found = alarms.filter(({ AlarmDescription }) => AlarmDescription.includes(`, ${row.title}: `));
      expect(found).toHaveLength(row.source === "route" ? 2 : 1);
      for (const alarm of found) {
        expect(alarm).toMatchObject({
          Threshold: row.id === "retries-age" ? 7_200 : row.threshold,
          EvaluationPeriods: row.periods,
          DatapointsToAlarm: row.datapoints,
          ComparisonOperator: "GreaterThanOrEqualToThreshold",
          TreatMissingData: "notBreaching",
        });
        expect(alarm.AlarmDescription.endsWith(`docs/runbook.md#${row.anchor}`)).toBe(true);
        expect(alarm.AlarmActions).toHaveLength(1);
        expect(alarm.OKActions).toBeUndefined();
      }
    }
    expect(alarms).toHaveLength(pipelineAlarms.length + 1);
  });

  test("watch the metric and dimension of the list", () => {
    for (const row of pipelineAlarms.filter(({ dimension }) => dimension !== undefined)) {
      const found = alarms.filter(({ AlarmDescription }) => AlarmDescription.includes(`, ${row.title}: `));
      expect(found).toMatchObject([
        {
          Namespace: row.namespace,
          MetricName: row.metric,
          Statistic: row.statistic,
          Period: row.periodSeconds,
          Dimensions: [{ Name: row.dimension }],
        },
      ]);
    }
  });

  test("the metrics of a mapping are looked up by the mapping's UUID", () => {
    const dropped = alarms.find(({ MetricName }) => MetricName === "DroppedEventCount");
    expect(dropped?.Dimensions).toEqual([{ Name: "EventSourceMappingUUID", Value: { Ref: "Mapping" } }]);
  });

  test("alarms and dashboard share one metric filter for each metric", () => {
    const filters = Object.values(template.findResources("AWS::Logs::MetricFilter"));
    const names = filters.map(({ Properties }) => Properties.MetricTransformations[0].MetricName as string);
    expect(new Set(names).size).toBe(names.length);
    // queued, and received and five outcomes of two routes
    expect(names).toHaveLength(13);
    for (const { Properties } of filters) {
      expect(Properties.FilterPattern).toBe('{ $.message = "batch finished*" && $.pipeline = "orders" }');
    }
  });
});

test("alarms exist only for the resources of a pipeline", () => {
  const stack = testStack();
  const { deadLetters: _deadLetters, retryQueue: _retryQueue, ...resources } = resourcesIn(stack);
  resources.mapping.destinationConfig = undefined;
  new PipelineAlarms(stack, "Alarms", { resources, thresholds: { throttles: false } });
  const metrics = alarmsOf(templateOf(stack)).map(({ MetricName }) => MetricName);
  expect(metrics.sort()).toEqual(["DroppedEventCount", "Errors", "IteratorAge"]);
});

test("wrong options are refused", () => {
  const stack = testStack();
  const resources = resourcesIn(stack);
  const unknown = { "iterator-old": 3 } as object;
  expect(codeOf(() => new PipelineAlarms(stack, "A", { resources, thresholds: unknown }))).toBe("ALARM_UNKNOWN");
  expect(codeOf(() => new PipelineAlarms(stack, "B", { resources, thresholds: { errors: 0 } }))).toBe(
    "ALARM_THRESHOLD",
  );
  expect(codeOf(() => new PipelineAlarms(stack, "C", { resources, routes: ["a.b"] }))).toBe("ROUTE_NAME");
  resources.mapping.metricsConfig = undefined;
  expect(codeOf(() => new PipelineAlarms(stack, "D", { resources }))).toBe("METRICS_OFF");
  const thresholds = { "gave-up": false, dropped: false } as const;
  expect(codeOf(() => new PipelineAlarms(stack, "E", { resources, thresholds }))).toBeUndefined();
});
