import { describe, expect, test } from "@jest/globals";
import { type AlarmMetric, alarmExpression, alarmsOf, type PipelineAlarm, pipelineAlarms } from "@sluice/rules";
import type { Stack } from "aws-cdk-lib";
import { Annotations, Match, type Template } from "aws-cdk-lib/assertions";
import { type CfnFunction, Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { DeployError, PipelineAlarms, type PipelineAlarmsProps, PipelineDashboard } from "../../src/index.ts";
import { resourcesIn } from "../support/resources.ts";
import { templateOf, testStack } from "../support/stack.ts";

interface MetricProperties {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
}

interface AlarmProperties extends MetricProperties {
  readonly AlarmDescription: string;
  readonly Threshold: number;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly Metrics?: readonly { readonly Id: string; readonly Expression?: string; readonly MetricStat?: unknown }[];
}

const alarmsIn = (template: Template): readonly AlarmProperties[] =>
  Object.values(template.findResources("AWS::CloudWatch::Alarm")).map(({ Properties }) => Properties);

const redriveArn = "arn:aws:states:eu-west-1:123456789012:stateMachine:Redrive";

const verifyArn = redriveArn.replace("Redrive", "Verify");

const redriveIn = (stack: Stack) => StateMachine.fromStateMachineArn(stack, "Redrive", redriveArn);

const reportIn = (stack: Stack): LambdaFunction =>
  new LambdaFunction(stack, "Report", {
    runtime: Runtime.NODEJS_22_X,
    handler: "index.handler",
    code: Code.fromInline("exports.handler = () => {}"),
  });

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof DeployError) return error.code;
    throw error;
  }
};

/** The logical ids of `resourcesIn`, as the list calls its resources. */
const ids = {
  function: "Function",
  mapping: "Mapping",
  destination: "Mapping",
  "dead-letters": "DeadLetters",
  "retry-queue": "Retries",
  redrive: redriveArn,
  verify: verifyArn,
  "verify-report": "Report",
} as const;

/** A dimension's value as the template has it: a reference to a resource, or a text. */
const asText = (value: unknown): string =>
  typeof value === "string"
    ? value
    : JSON.stringify(value).replace(/^\{"(?:Ref|Fn::GetAtt)":\[?"([A-Za-z]+?)(?:[0-9A-F]{8})?".*$/, "$1");

const templateMetric = ({ namespace, metric, dimensions }: AlarmMetric<string>) => ({
  Namespace: namespace,
  MetricName: metric,
  Dimensions: Object.entries(dimensions)
    .map(([Name, Value]) => ({ Name, Value }))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1)),
});

const metricIn = ({ Namespace, MetricName, Dimensions }: MetricProperties) => ({
  Namespace,
  MetricName,
  Dimensions: Dimensions.map(({ Name, Value }) => ({ Name, Value: asText(Value) })),
});

const ofAlarm =
  ({ row, route }: PipelineAlarm) =>
  (alarm: AlarmProperties) =>
    alarm.AlarmDescription.startsWith(`Pipeline orders, ${row.title}${route === undefined ? "" : ` of ${route}`}: `);

const operators = { atLeast: "GreaterThanOrEqualToThreshold", below: "LessThanThreshold" } as const;

describe("all resources", () => {
  const stack = testStack();
  const resources = resourcesIn(stack);
  const topic = new Topic(stack, "Topic");
  const routes = ["postgres", "search / v2"];
  new PipelineAlarms(stack, "Alarms", {
    resources,
    redrive: redriveIn(stack),
    verify: { report: reportIn(stack), stateMachine: StateMachine.fromStateMachineArn(stack, "Verify", verifyArn) },
    actions: [topic],
    routes,
    thresholds: { "retries-age": 7_200 },
  });
  new PipelineDashboard(stack, "Dashboard", { resources, routes });
  const template = templateOf(stack);
  const alarms = alarmsIn(template);
  const expected = alarmsOf(ids, routes);

  test("have exactly the alarms of the list, with their settings", () => {
    expect(new Set(expected.map(({ row }) => row.id)).size).toBe(pipelineAlarms.length);
    for (const one of expected) {
      const { row } = one;
      const found = alarms.filter(ofAlarm(one));
      expect(found).toMatchObject([
        {
          Threshold: row.id === "retries-age" ? 7_200 : row.threshold,
          EvaluationPeriods: row.periods,
          DatapointsToAlarm: row.datapoints,
          ComparisonOperator: operators[row.comparison],
          TreatMissingData: row.missing,
          AlarmActions: [{ Ref: expect.stringContaining("Topic") }],
        },
      ]);
      expect(found[0]?.AlarmDescription.endsWith(`docs/runbook.md#${row.anchor}`)).toBe(true);
      expect(found[0]?.OKActions).toBeUndefined();
    }
    expect(alarms).toHaveLength(expected.length);
  });

  test("watch the metrics and dimensions of the list", () => {
    for (const one of expected) {
      const { row, value } = one;
      const found = alarms.find(ofAlarm(one)) as AlarmProperties;
      if (value.kind === "metric") {
        expect(found).toMatchObject({ Statistic: value.of.statistic, Period: row.periodSeconds });
        expect(metricIn(found)).toEqual(templateMetric(value.of));
        continue;
      }
      const { expression, metrics } = alarmExpression(value);
      const inTemplate = (found.Metrics ?? []).filter(({ MetricStat }) => MetricStat !== undefined);
      expect((found.Metrics ?? []).flatMap(({ Expression }) => Expression ?? [])).toEqual([expression]);
      expect(inTemplate.map(({ Id }) => Id).sort()).toEqual(Object.keys(metrics).sort());
      for (const { Id, MetricStat } of inTemplate) {
        const { Metric, Period, Stat } = MetricStat as { Metric: MetricProperties; Period: number; Stat: string };
        expect({ Period, Stat }).toEqual({ Period: row.periodSeconds, Stat: "Sum" });
        expect(metricIn(Metric)).toEqual(templateMetric(metrics[Id] as AlarmMetric<string>));
      }
    }
  });

  test("make the function write its metrics, and no metric from the log", () => {
    template.resourceCountIs("AWS::Logs::MetricFilter", 0);
    template.hasResourceProperties("AWS::Lambda::Function", { Environment: { Variables: { SLUICE_METRICS: "emf" } } });
    expect(Annotations.fromStack(stack).findWarning("*", Match.stringLikeRegexp("SLUICE_METRICS"))).toEqual([]);
  });
});

test("alarms exist only for the resources of a pipeline", () => {
  const stack = testStack();
  const { deadLetters: _deadLetters, retryQueue: _retryQueue, ...resources } = resourcesIn(stack);
  resources.mapping.destinationConfig = undefined;
  new PipelineAlarms(stack, "Alarms", { resources, thresholds: { throttles: false } });
  const expected = alarmsOf({ function: ids.function, mapping: ids.mapping }).filter(
    ({ row }) => row.id !== "throttles",
  );
  const alarms = alarmsIn(templateOf(stack));
  expect(alarms).toHaveLength(expected.length);
  expect(expected.filter((one) => alarms.filter(ofAlarm(one)).length !== 1)).toEqual([]);
});

test("a mapping that the stack disables is silent on purpose", () => {
  const idsWith = (enabled: boolean): readonly string[] => {
    const stack = testStack();
    const resources = resourcesIn(stack);
    resources.mapping.enabled = enabled;
    return new PipelineAlarms(stack, "Alarms", { resources }).alarms.map(({ node }) => node.id);
  };
  const enabled = idsWith(true);
  expect(enabled).toContain("silent");
  expect(idsWith(false)).toEqual(enabled.filter((id) => id !== "silent"));
});

test("a function's own SLUICE_METRICS wins, with a warning that nothing writes the metrics", () => {
  const stack = testStack();
  const resources = resourcesIn(stack);
  resources.function.addEnvironment("SLUICE_METRICS", "none");
  new PipelineDashboard(stack, "Dashboard", { resources });
  templateOf(stack).hasResourceProperties("AWS::Lambda::Function", {
    Environment: { Variables: { SLUICE_METRICS: "none" } },
  });
  Annotations.fromStack(stack).hasWarning("*", Match.stringLikeRegexp('SLUICE_METRICS is "none"'));
});

test.each([
  ["WARN", true],
  ["FATAL", true],
  ["INFO", false],
  [undefined, false],
])("a function whose application log level is %s may lose its metrics: a warning (%s)", (level, isWarned) => {
  const stack = testStack();
  const resources = resourcesIn(stack);
  const resource = resources.function.node.defaultChild as CfnFunction;
  resource.loggingConfig = { logFormat: "JSON", ...(level !== undefined && { applicationLogLevel: level }) };
  new PipelineAlarms(stack, "Alarms", { resources });
  const warnings = Annotations.fromStack(stack).findWarning("*", Match.stringLikeRegexp("application log level"));
  expect(warnings).toHaveLength(isWarned ? 1 : 0);
});

test("wrong options are refused", () => {
  const stack = testStack();
  const resources = resourcesIn(stack);
  const made = (id: string, options: Omit<PipelineAlarmsProps, "resources">) =>
    codeOf(() => new PipelineAlarms(stack, id, { resources, ...options }));
  expect(made("A", { thresholds: { "iterator-old": 3 } as object })).toBe("ALARM_UNKNOWN");
  expect(made("B", { thresholds: { errors: 0 } })).toBe("ALARM_THRESHOLD");
  for (const [index, route] of ["", "  ", "café", "a\tb", "r".repeat(256)].entries()) {
    expect([route, made(`C${index}`, { routes: [route] })]).toEqual([route, "ROUTE_NAME"]);
    const dashboard = () => new PipelineDashboard(stack, `D${index}`, { resources, routes: [route] });
    expect(codeOf(dashboard)).toBe("ROUTE_NAME");
  }
  resources.mapping.metricsConfig = undefined;
  expect(made("E", {})).toBe("METRICS_OFF");
  expect(made("F", { thresholds: { "gave-up": false, dropped: false } })).toBe("METRICS_OFF");
  expect(made("G", { thresholds: { "gave-up": false, dropped: false, silent: false } })).toBeUndefined();
});
