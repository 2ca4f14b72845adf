// Whether the alarms of the runbook exist for the pipeline's resources, and whether they notify anyone.

import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { type AlarmMetric, alarmExpression, alarmsOf, type PipelineAlarm, runbook } from "@sluice/rules";
import { isAnswered } from "../../aws/answer.ts";
import { command } from "../command.ts";
import type { Facts } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { alarmResources } from "./resources.ts";

const area = "operation";

/** A metric that an alarm of CloudWatch watches. */
interface WatchedMetric {
  readonly Namespace?: string | undefined;
  readonly MetricName?: string | undefined;
  readonly Dimensions?:
    | readonly { readonly Name?: string | undefined; readonly Value?: string | undefined }[]
    | undefined;
}

/** The metrics that an alarm watches: its own, or those of its expression. */
export const metricsIn = ({
  Namespace,
  MetricName,
  Dimensions,
  Metrics = [],
}: MetricAlarm): readonly WatchedMetric[] => [
  ...(MetricName === undefined ? [] : [{ Namespace, MetricName, Dimensions }]),
  ...Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []),
];

/** Whether an alarm watches a metric; an alarm for a single route also watches the metric of the function. */
const watches = (alarm: MetricAlarm, { namespace, metric, dimensions }: AlarmMetric<string>): boolean =>
  metricsIn(alarm).some(
    ({ Namespace, MetricName, Dimensions = [] }) =>
      Namespace === namespace &&
      MetricName === metric &&
      Object.entries(dimensions).every(([name, value]) =>
        Dimensions.some((dimension) => dimension.Name === name && dimension.Value === value),
      ),
  );

const dimensionsOf = ({ dimensions }: AlarmMetric<string>) =>
  Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

const metricOptions = (alarm: PipelineAlarm): readonly string[] => {
  const { value, row } = alarm;
  if (value.kind === "metric") {
    const { namespace, metric, statistic } = value.of;
    const dimensions = dimensionsOf(value.of).map(({ Name, Value }) => `Name=${Name},Value=${Value}`);
    const named = ["--namespace", namespace, "--metric-name", metric, "--dimensions", ...dimensions];
    return [...named, "--statistic", statistic, "--period", String(row.periodSeconds)];
  }
  const { expression, metrics } = alarmExpression(value);
  const queries = Object.entries(metrics).map(([Id, metric]) => ({
    Id,
    ReturnData: false,
    MetricStat: {
      Metric: { Namespace: metric.namespace, MetricName: metric.metric, Dimensions: dimensionsOf(metric) },
      Period: row.periodSeconds,
      Stat: metric.statistic,
    },
  }));
  return ["--metrics", JSON.stringify([{ Id: "value", Expression: expression }, ...queries])];
};

const comparisons = { atLeast: "GreaterThanOrEqualToThreshold", below: "LessThanThreshold" } as const;

const creation = (alarm: PipelineAlarm, name: string): string => {
  const { row } = alarm;
  return command(
    ...["aws", "cloudwatch", "put-metric-alarm", "--alarm-name", name],
    ...metricOptions(alarm),
    ...["--comparison-operator", comparisons[row.comparison], "--threshold", String(row.threshold)],
    ...["--evaluation-periods", String(row.periods), "--datapoints-to-alarm", String(row.datapoints)],
    ...["--treat-missing-data", row.missing, "--alarm-actions", "TOPIC_ARN"],
  );
};

/** `put-metric-alarm` replaces an alarm of the same name: two mappings have alarms of the same row. */
const freeNames = (bases: readonly string[], taken: ReadonlySet<string>): readonly string[] => {
  const used = new Set(taken);
  return bases.map((base) => {
    let name = base;
    for (let number = 2; used.has(name); number += 1) name = `${base}-${number}`;
    used.add(name);
    return name;
  });
};

const creations = (
  alarms: readonly PipelineAlarm[],
  existing: readonly MetricAlarm[],
  functionName: string,
): readonly string[] => {
  const names = freeNames(
    alarms.map(({ name }) => `${functionName}-${name}`),
    new Set(existing.map(({ AlarmName = "" }) => AlarmName)),
  );
  return alarms.map((alarm, index) => creation(alarm, names[index] ?? ""));
};

/** One finding for all alarms: the command of each is a line of its own. */
const missing = (
  alarms: readonly PipelineAlarm[],
  existing: readonly MetricAlarm[],
  functionName: string,
): Finding => ({
  code: "ALARM_MISSING",
  area,
  level: "warn",
  resource: functionName,
  found: `no alarm watches ${alarms.map(({ row, value }) => `${value.of.metric} (${row.title})`).join(", ")}`,
  expected: `the alarms of ${runbook}, which the constructs create`,
  fix: creations(alarms, existing, functionName).join("\n"),
});

const notifies = ({ ActionsEnabled, AlarmActions = [] }: MetricAlarm): boolean =>
  ActionsEnabled !== false && AlarmActions.length > 0;

const silent = ({ AlarmName = "", ActionsEnabled, AlarmActions = [] }: MetricAlarm): Finding => ({
  code: "ALARM_WITHOUT_ACTIONS",
  area,
  level: "warn",
  resource: AlarmName,
  found: AlarmActions.length === 0 ? "the alarm has no action" : `ActionsEnabled: ${ActionsEnabled}`,
  expected: "an action that notifies a person, and that is enabled",
  fix:
    AlarmActions.length === 0
      ? "Set alarms: { actions: [topic] } of the construct, or create the alarm again with --alarm-actions TOPIC_ARN."
      : command("aws", "cloudwatch", "enable-alarm-actions", "--alarm-names", AlarmName),
});

/** Judges the alarms that should watch the pipeline. An alarm that notifies makes up for one that does not. */
export const judgeAlarms = (
  expected: readonly PipelineAlarm[],
  existing: readonly MetricAlarm[],
  functionName: string,
): readonly Finding[] => {
  const watching = (alarm: PipelineAlarm) => existing.filter((one) => watches(one, alarm.value.of));
  const absent = expected.filter((alarm) => watching(alarm).length === 0);
  const mute = expected.map(watching).filter((found) => !found.some(notifies));
  return [
    ...(absent.length === 0 ? [] : [missing(absent, existing, functionName)]),
    ...[...new Set(mute.flat())].map(silent),
  ];
};

const expectedAlarms = (facts: Facts): readonly PipelineAlarm[] => {
  const all = alarmResources(facts).flatMap((resources) => alarmsOf(resources));
  return [...new Map(all.map((alarm) => [JSON.stringify(alarm.value), alarm])).values()];
};

/** The check of the alarms. */
export const alarmsCheck: Check<Facts> = {
  area,
  codes: ["ALARM_MISSING", "ALARM_WITHOUT_ACTIONS"],
  findings: async (facts) => {
    const expected = expectedAlarms(facts);
    if (expected.length === 0) return [];
    const existing = await facts.alarms();
    const { name } = facts.function;
    return isAnswered(existing)
      ? judgeAlarms(expected, existing.value, name)
      : [openQuestion(area, name, existing.unanswered)];
  },
};
