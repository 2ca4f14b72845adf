// A deployment on ministack that is also operated well: a role with its rights, alarms that notify, metrics that arrive,
// a log with a retention, and a table with point-in-time recovery. Tests mutate it.

import type { DescribeAlarmsOutput, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { ListEventSourceMappingsResponse } from "@aws-sdk/client-lambda";
import type { MinistackEngine } from "@sluice/local";
import { alarmExpression, alarmsOf, type PipelineAlarm, rightRows } from "@sluice/rules";
import { createDeployment, type TestDeployment } from "./deployment.ts";

/** A statement of the role's policy. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: string;
}

/** A deployment that is operated well. */
export interface OperatedDeployment extends TestDeployment {
  readonly statements: readonly Statement[];
  readonly alarms: readonly PutMetricAlarmInput[];
  /** Replaces the policy of the role. */
  readonly setPolicy: (statements: readonly Statement[]) => Promise<void>;
  /** Publishes the value of a metric. */
  readonly publish: (namespace: string, metric: string, dimensions: Dimensions, value: number) => Promise<void>;
}

type Dimensions = Readonly<Record<string, string>>;

const topicArn = "arn:aws:sns:us-east-1:000000000000:on-call";

const dimensionsOf = (dimensions: Dimensions) => Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

const queueArn = (url: string): string => `arn:aws:sqs:us-east-1:000000000000:${url.split("/").at(-1)}`;

const allow = (Sid: string, Action: readonly string[], Resource: string): Statement => ({
  Sid,
  Effect: "Allow",
  Action,
  Resource,
});

const statementsOf = (deployment: TestDeployment): readonly Statement[] => {
  const { functionName, streamArn, retryQueueUrl, deadLetterQueueUrl, dedupeTable } = deployment;
  const bucket = `arn:aws:s3:::${functionName}-on-failure`;
  return [
    allow("stream", rightRows.stream.actions, streamArn),
    allow("objects", rightRows.onFailureObjects.actions, `${bucket}/*`),
    allow("bucket", rightRows.onFailureBucket.actions, bucket),
    allow("retries", rightRows.retryQueue.actions, queueArn(retryQueueUrl)),
    allow("dead", rightRows.deadLetters.actions, queueArn(deadLetterQueueUrl)),
    allow("dedupe", rightRows.dedupeRetry.actions, `arn:aws:dynamodb:us-east-1:000000000000:table/${dedupeTable}`),
  ];
};

/** The alarm as `PipelineAlarms` of the constructs would create it. */
const alarmInput = ({ name, row, value }: PipelineAlarm, functionName: string): PutMetricAlarmInput => {
  const common: PutMetricAlarmInput = {
    AlarmName: `${functionName}-${name}`,
    AlarmActions: [topicArn],
    ComparisonOperator: row.comparison === "atLeast" ? "GreaterThanOrEqualToThreshold" : "LessThanThreshold",
    Threshold: row.threshold,
    EvaluationPeriods: row.periods,
    DatapointsToAlarm: row.datapoints,
    TreatMissingData: row.missing,
  };
  if (value.kind === "metric") {
    const { namespace, metric, statistic, dimensions } = value.of;
    const single = { Namespace: namespace, MetricName: metric, Dimensions: dimensionsOf(dimensions) };
    return { ...common, ...single, Statistic: statistic, Period: row.periodSeconds };
  }
  const { expression, metrics } = alarmExpression(value);
  const queries = Object.entries(metrics).map(([Id, { namespace, metric, statistic, dimensions }]) => ({
    Id,
    ReturnData: false,
    MetricStat: {
      Metric: { Namespace: namespace, MetricName: metric, Dimensions: dimensionsOf(dimensions) },
      Period: row.periodSeconds,
      Stat: statistic,
    },
  }));
  return { ...common, Metrics: [{ Id: "value", Expression: expression }, ...queries] };
};

/** Creates a deployment that is operated well. */
export const createOperatedDeployment = async (
  engine: Pick<MinistackEngine, "clientConfig">,
): Promise<OperatedDeployment> => {
  const deployment = await createDeployment(engine);
  const { functionName, mappingId, mapping, tableName, roleName } = deployment;
  const { cloudwatch, dynamodb, iam, logs } = deployment.clients;
  const setPolicy = async (statements: readonly Statement[]): Promise<void> => {
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: statements });
    await iam.putRolePolicy({ RoleName: roleName, PolicyName: "sluice", PolicyDocument });
  };
  const publish: OperatedDeployment["publish"] = async (Namespace, MetricName, dimensions, Value) => {
    const data = { MetricName, Dimensions: dimensionsOf(dimensions), Value, Timestamp: new Date() };
    await cloudwatch.putMetricData({ Namespace, MetricData: [data] });
  };
  const statements = statementsOf(deployment);
  await setPolicy(statements);
  const nameOf = (url: string): string => url.split("/").at(-1) ?? "";
  const alarms = alarmsOf({
    function: functionName,
    mapping: mappingId,
    destination: "bucket",
    "dead-letters": nameOf(deployment.deadLetterQueueUrl),
    "retry-queue": nameOf(deployment.retryQueueUrl),
  }).map((alarm) => alarmInput(alarm, functionName));
  for (const alarm of alarms) await cloudwatch.putMetricAlarm(alarm);
  // ministack forgets the metrics of an alarm over an expression.
  const metricsOf = new Map(alarms.map(({ AlarmName, Metrics }) => [AlarmName, Metrics]));
  deployment.rewrite("cloudwatch:DescribeAlarms", ({ MetricAlarms = [], ...rest }: DescribeAlarmsOutput) => ({
    ...rest,
    MetricAlarms: MetricAlarms.map((alarm) => ({ Metrics: metricsOf.get(alarm.AlarmName), ...alarm })),
  }));
  // ministack forgets which metrics a mapping has.
  deployment.rewrite("lambda:ListEventSourceMappings", (found: ListEventSourceMappingsResponse) => ({
    ...found,
    EventSourceMappings: found.EventSourceMappings?.map((one) => ({ MetricsConfig: mapping.MetricsConfig, ...one })),
  }));
  await publish("AWS/Lambda", "IteratorAge", { FunctionName: functionName }, 1_200);
  await publish("Sluice", "Received", { function: functionName }, 12);
  await dynamodb.updateContinuousBackups({
    TableName: tableName,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  });
  const logGroupName = `/aws/lambda/${functionName}`;
  await logs.createLogGroup({ logGroupName });
  await logs.putRetentionPolicy({ logGroupName, retentionInDays: 30 });
  deployment.calls.length = 0;
  return { ...deployment, statements, alarms, setPolicy, publish };
};
