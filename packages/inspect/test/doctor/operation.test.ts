// Rights, tombstones and operation: each mutation of a good deployment on ministack yields exactly its own code.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { engineOrSkip, startMinistack } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { sqsSink } from "@sluice/sink-sqs";
import { memoryDedupe } from "@sluice/testing";
import fc from "fast-check";
import { type DoctorOptions, type DoctorReport, doctor } from "../../src/index.ts";
import { secrets } from "../support/deployment.ts";
import { createOperatedDeployment, type OperatedDeployment } from "../support/operated-deployment.ts";

const describeWithMinistack = await engineOrSkip({ describe, test, afterAll }, () => startMinistack());

/** Judges all areas: no check of another area may say the same in other words. */
const judge = (deployment: OperatedDeployment, options: Partial<DoctorOptions> = {}): Promise<DoctorReport> =>
  doctor({ clients: deployment.clients, functionName: deployment.functionName, ...options });

const codesOf = ({ findings }: DoctorReport): readonly string[] => [...new Set(findings.map(({ code }) => code))];

const dayS = 86_400;

const nameOf = (url: string): string => url.split("/").at(-1) ?? "";

/** A mutation, and the code that it must yield. */
interface Mutation {
  readonly code: string;
  readonly what: string;
  readonly mutate: (deployment: OperatedDeployment) => Promise<unknown>;
  /** A part of the fix. */
  readonly fix: RegExp;
}

const without = ({ statements, setPolicy }: OperatedDeployment, sid: string) =>
  setPolicy(statements.filter(({ Sid }) => Sid !== sid));

const setVariables = async ({ clients, functionName }: OperatedDeployment, variables: Record<string, string>) => {
  const { Environment } = await clients.lambda.getFunctionConfiguration({ FunctionName: functionName });
  const Variables = { ...secrets, ...Environment?.Variables, ...variables };
  await clients.lambda.updateFunctionConfiguration({ FunctionName: functionName, Environment: { Variables } });
};

const sendDeadLetter = ({ clients, deadLetterQueueUrl }: OperatedDeployment) =>
  clients.sqs.sendMessage({ QueueUrl: deadLetterQueueUrl, MessageBody: '{"card":"canary-body"}' });

const publishAge = ({ publish }: OperatedDeployment, url: string, seconds: number) =>
  publish("AWS/SQS", "ApproximateAgeOfOldestMessage", { QueueName: nameOf(url) }, seconds);

const mutations: readonly Mutation[] = [
  ...["stream", "objects", "bucket", "retries", "dead", "dedupe"].map((sid) => ({
    code: "RIGHT_MISSING",
    what: `the role lacks the right "${sid}"`,
    mutate: (deployment: OperatedDeployment) => without(deployment, sid),
    fix: /^aws iam put-role-policy --role-name \S+-role --policy-name sluice-\w+-[0-9a-f]{8} --policy-document '\{.*"Action":\["/,
  })),
  {
    code: "RIGHT_MISSING",
    what: "the role lacks one action of a right",
    mutate: ({ statements, setPolicy }) =>
      setPolicy(
        statements.map((one) => ({ ...one, Action: one.Action.filter((name) => !/DeleteMessage/.test(name)) })),
      ),
    fix: /"Action":\["sqs:DeleteMessage"\]/,
  },
  {
    code: "RIGHT_MISSING",
    what: "a variable of the constructs names a topic, and the role may not publish",
    mutate: (deployment) => setVariables(deployment, { TOPIC_ARN: "arn:aws:sns:us-east-1:000000000000:orders" }),
    fix: /"sns:Publish".*:orders"/,
  },
  {
    code: "RIGHT_DENIED",
    what: "a statement denies a right",
    mutate: ({ statements, setPolicy }) =>
      setPolicy([...statements, { Sid: "no", Effect: "Deny", Action: ["sqs:SendMessage"], Resource: "*" }]),
    fix: /"Effect": "Deny"/,
  },
  {
    code: "TTL_MISSING",
    what: "entries of the dedupe table stay",
    mutate: ({ clients, dedupeTable }) =>
      clients.dynamodb.updateTimeToLive({
        TableName: dedupeTable,
        TimeToLiveSpecification: { AttributeName: "expiration", Enabled: false },
      }),
    fix: /update-time-to-live --table-name \S+-dedupe .*AttributeName=expiration/,
  },
  {
    code: "ALARM_MISSING",
    what: "an alarm was deleted",
    mutate: ({ clients, functionName }) =>
      clients.cloudwatch.deleteAlarms({ AlarmNames: [`${functionName}-dead-letters`] }),
    fix: /^aws cloudwatch put-metric-alarm --alarm-name \S+-dead-letters --namespace AWS\/SQS --metric-name ApproximateNumberOfMessagesVisible --dimensions Name=QueueName,Value=\S+-dead [^\n]*$/,
  },
  {
    code: "ALARM_MISSING",
    what: "an alarm over a share was deleted",
    mutate: ({ clients, functionName }) =>
      clients.cloudwatch.deleteAlarms({ AlarmNames: [`${functionName}-rejected-share`] }),
    fix: /^aws cloudwatch put-metric-alarm .* --metrics '\[\{"Id":"value","Expression":"/,
  },
  {
    code: "ALARM_WITHOUT_ACTIONS",
    what: "the actions of an alarm are disabled",
    mutate: ({ clients, functionName }) =>
      clients.cloudwatch.disableAlarmActions({ AlarmNames: [`${functionName}-errors`] }),
    fix: /enable-alarm-actions --alarm-names \S+-errors$/,
  },
  {
    code: "ALARM_WITHOUT_ACTIONS",
    what: "an alarm has no action",
    mutate: ({ clients, alarms, functionName }) => {
      const found = alarms.find(({ AlarmName }) => AlarmName === `${functionName}-throttles`);
      return clients.cloudwatch.putMetricAlarm({ ...(found as (typeof alarms)[number]), AlarmActions: [] });
    },
    fix: /--alarm-actions/,
  },
  {
    code: "DEAD_LETTERS_PRESENT",
    what: "a dead letter waits",
    mutate: sendDeadLetter,
    fix: /^sluice dead-letters list http\S+-dead$/,
  },
  {
    code: "DEAD_LETTERS_OLD",
    what: "a dead letter has waited for eleven days",
    mutate: async (deployment) => {
      await sendDeadLetter(deployment);
      await publishAge(deployment, deployment.deadLetterQueueUrl, 11 * dayS);
    },
    fix: /^sluice dead-letters list http\S+-dead$/,
  },
  {
    code: "RETRIES_OLD",
    what: "a delivery has waited for two hours",
    mutate: async (deployment) => {
      const { clients, retryQueueUrl } = deployment;
      const MessageBody = '{"card":"canary-body"}';
      // Delayed, because ministack's mapping would receive it, and report that the function fails: that is another finding.
      await clients.sqs.sendMessage({ QueueUrl: retryQueueUrl, MessageBody, DelaySeconds: 900 });
      await publishAge(deployment, retryQueueUrl, 7_200);
    },
    fix: /runbook/,
  },
  {
    code: "RECOVERY_OFF",
    what: "the table has no point-in-time recovery",
    mutate: ({ clients, tableName }) =>
      clients.dynamodb.updateContinuousBackups({
        TableName: tableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
      }),
    fix: /PointInTimeRecoveryEnabled=true/,
  },
  {
    code: "LOG_KEPT_FOREVER",
    what: "the log has no retention",
    mutate: ({ clients, functionName }) =>
      clients.logs.deleteRetentionPolicy({ logGroupName: `/aws/lambda/${functionName}` }),
    fix: /put-retention-policy/,
  },
];

/** Each of these replaces what another one of its kind did: the policy of the role, or the dead letters. */
const kinds = [/^RIGHT_/, /^DEAD_LETTERS_/];

const areIndependent = (chosen: readonly Mutation[]): boolean =>
  kinds.every((kind) => chosen.filter(({ code }) => kind.test(code)).length < 2);

describeWithMinistack("the doctor, on a deployment that is operated", (ministack) => {
  const opened: OperatedDeployment[] = [];
  const create = async (): Promise<OperatedDeployment> => {
    const deployment = await createOperatedDeployment(ministack);
    opened.push(deployment);
    return deployment;
  };
  afterAll(() => {
    for (const { close } of opened) close();
  });

  test("finds nothing, and only reads", async () => {
    const deployment = await create();
    expect((await judge(deployment)).findings).toEqual([]);
    expect(deployment.calls.filter((call) => !/:(Describe|Get|List|Simulate)/.test(call))).toEqual([]);
    expect(deployment.calls).toContain("iam:SimulatePrincipalPolicy");
  });

  test.each(mutations)("$code: $what", async ({ code, mutate, fix }) => {
    const deployment = await create();
    await mutate(deployment);
    const report = await judge(deployment);
    expect(codesOf(report)).toEqual([code]);
    for (const finding of report.findings) expect(finding.fix).toMatch(fix);
    expect(JSON.stringify(report)).not.toMatch(/canary/);
  });

  test("several mutations yield the codes of each, and no other", async () => {
    const several = fc.subarray([...mutations], { minLength: 2 }).filter(areIndependent);
    const property = fc.asyncProperty(several, async (chosen) => {
      const deployment = await create();
      for (const { mutate } of chosen) await mutate(deployment);
      expect([...codesOf(await judge(deployment))].sort()).toEqual([...new Set(chosen.map(({ code }) => code))].sort());
    });
    // A failure prints the seed.
    await fc.assert(property, { numRuns: 12 });
  });

  test("ROLE_MISSING: the role was deleted", async () => {
    const deployment = await create();
    // ministack simulates the policies of a role that does not exist.
    const iam = Object.create(deployment.clients.iam, {
      simulatePrincipalPolicy: {
        value: async () => {
          throw Object.assign(new Error("no role"), { name: "NoSuchEntityException" });
        },
      },
    });
    const report = await judge(deployment, { clients: { ...deployment.clients, iam } });
    expect(codesOf(report)).toEqual(["ROLE_MISSING"]);
    expect(report.findings).toHaveLength(1);
  });

  test("RIGHT_CONDITIONAL: a condition decides that the simulation cannot judge", async () => {
    const deployment = await create();
    await without(deployment, "dead");
    // ministack does not tell which keys of a condition it misses.
    deployment.rewrite("iam:SimulatePrincipalPolicy", ({ EvaluationResults = [], ...rest }: Simulation) => ({
      ...rest,
      EvaluationResults: EvaluationResults.map((result) =>
        result.EvalDecision === "implicitDeny" ? { ...result, MissingContextValues: ["aws:SourceVpce"] } : result,
      ),
    }));
    const { findings } = await judge(deployment);
    expect(findings.map(({ code, level }) => `${level} ${code}`)).toEqual(["unknown RIGHT_CONDITIONAL"]);
    expect(findings[0]?.found).toMatch(/aws:SourceVpce/);
  });

  test("an alarm for each route, or a second one that notifies, makes up for the function's", async () => {
    const deployment = await create();
    const { alarms, functionName } = deployment;
    const { cloudwatch } = deployment.clients;
    const alarmOf = (id: string) => alarms.find(({ AlarmName }) => AlarmName === `${functionName}-${id}`);
    const [lag, errors] = [alarmOf("route-lag"), alarmOf("errors")];
    await cloudwatch.deleteAlarms({ AlarmNames: [lag?.AlarmName ?? ""] });
    expect(codesOf(await judge(deployment))).toEqual(["ALARM_MISSING"]);
    const Dimensions = [...(lag?.Dimensions ?? []), { Name: "route", Value: "postgres" }];
    const named = (suffix: string) => ({ AlarmName: `${functionName}-${suffix}` });
    await cloudwatch.putMetricAlarm({ ...(lag as PutMetricAlarmInput), ...named("lag-postgres"), Dimensions });
    await cloudwatch.putMetricAlarm({ ...(errors as PutMetricAlarmInput), ...named("more-errors"), AlarmActions: [] });
    expect((await judge(deployment)).findings).toEqual([]);
  });

  test("ages of messages that have left the queues are no finding", async () => {
    const deployment = await create();
    await publishAge(deployment, deployment.retryQueueUrl, 7_200);
    await publishAge(deployment, deployment.deadLetterQueueUrl, 11 * dayS);
    expect((await judge(deployment)).findings).toEqual([]);
  });

  test("METRICS_MISSING: the function is called, and writes no metric", async () => {
    const deployment = await create();
    deployment.rewrite("cloudwatch:GetMetricData", ({ MetricDataResults = [], ...rest }: Data) => ({
      ...rest,
      MetricDataResults: MetricDataResults.filter(({ Id }) => Id === "m0"),
    }));
    const report = await judge(deployment);
    expect(codesOf(report)).toEqual(["METRICS_MISSING"]);
    expect(report.findings[0]?.fix).toMatch(/SLUICE_METRICS = "emf"/);
  });

  test("VERIFY_OLD: no verify ended within a month; then the alarm on its result is missing", async () => {
    const deployment = await create();
    const verifyFunction = `${deployment.functionName}-verify`;
    const { cloudwatch } = deployment.clients;
    const alarm = {
      AlarmName: `${verifyFunction}-differs`,
      ...{ Namespace: "Sluice", MetricName: "Differing", Dimensions: [{ Name: "function", Value: verifyFunction }] },
      ...{ Statistic: "Maximum" as const, Period: 3_600, EvaluationPeriods: 1, Threshold: 1 },
      ...{ ComparisonOperator: "GreaterThanOrEqualToThreshold" as const, AlarmActions: ["arn:aws:sns:x:1:on-call"] },
    };
    await cloudwatch.putMetricAlarm(alarm);
    expect(codesOf(await judge(deployment, { verifyFunction }))).toEqual(["VERIFY_OLD"]);
    await deployment.publish("Sluice", "Differing", { function: verifyFunction }, 0);
    expect((await judge(deployment, { verifyFunction })).findings).toEqual([]);
    await cloudwatch.deleteAlarms({ AlarmNames: [alarm.AlarmName] });
    expect(codesOf(await judge(deployment, { verifyFunction }))).toEqual(["ALARM_MISSING"]);
  });

  test("VERSIONS_DIFFER: the project has two versions of Sluice", async () => {
    const deployment = await create();
    const project = await mkdtemp(join(tmpdir(), "sluice-doctor-"));
    const install = async (folder: string, name: string, version: string): Promise<void> => {
      const path = join(project, folder, "node_modules", "@sluice", name);
      await mkdir(path, { recursive: true });
      await writeFile(join(path, "package.json"), JSON.stringify({ name: `@sluice/${name}`, version }));
    };
    try {
      await install(".", "core", "1.2.0");
      await install(".", "sink-sqs", "1.2.0");
      const directory = join(project, "packages", "orders");
      expect((await judge(deployment, { directory })).findings).toEqual([]);
      // The nearest one is imported.
      await install("packages/orders", "core", "1.10.0");
      const report = await judge(deployment, { directory });
      expect(codesOf(report)).toEqual(["VERSIONS_DIFFER"]);
      expect(report.findings[0]?.fix).toBe("npm install @sluice/core@1.10.0 @sluice/sink-sqs@1.10.0");
    } finally {
      await rm(project, { recursive: true });
    }
  });

  test("rights of the routes' sinks, and of the dedupe store, are asked for with the user's module", async () => {
    const deployment = await create();
    const orders = pipeline("orders", { onReject: "block", dedupeStore: memoryDedupe() }).to(
      sqsSink({ queueUrl: "https://sqs.us-east-1.amazonaws.com/000000000000/mails" }),
      () => ({ body: "a" }),
    );
    const report = await judge(deployment, { pipeline: orders });
    expect(codesOf(report)).toEqual(["RIGHT_MISSING"]);
    const fixes = report.findings.map(({ fix }) => fix).join("\n");
    expect(fixes).toMatch(/"sqs:SendMessage"\],"Resource":"arn:aws:sqs:us-east-1:000000000000:mails"/);
    expect(fixes).toMatch(/"dynamodb:BatchWriteItem"/);
  });

  test("TTL_MISSING: tombstones in the table of a route stay", async () => {
    const deployment = await create();
    const { clients, tableName, statements, setPolicy } = deployment;
    const table = `${tableName}-copies`;
    await clients.dynamodb.createTable({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    });
    await setPolicy([...statements, { Sid: "t", Effect: "Allow", Action: ["dynamodb:*"], Resource: "*" }]);
    const copies = pipeline("orders", { onReject: "block" }).to(dynamodbSink({ table, client: clients.dynamodb }));
    const report = await judge(deployment, { pipeline: copies });
    expect(codesOf(report)).toEqual(["TTL_MISSING"]);
    expect(report.findings[0]?.fix).toMatch(/AttributeName=_sluice_expires/);
    await clients.dynamodb.updateTimeToLive({
      TableName: table,
      TimeToLiveSpecification: { AttributeName: "_sluice_expires", Enabled: true },
    });
    expect((await judge(deployment, { pipeline: copies })).findings).toEqual([]);
  });

  test("an action that is denied leaves its question open, and finds no fault", async () => {
    const deployment = await create();
    await judge(deployment);
    // The shards of the stream matter only to a function with a reserved concurrency.
    const asked = [...new Set(deployment.calls)].filter((action) => action !== "dynamodb:DescribeStream");
    expect(asked.length).toBeGreaterThan(10);
    for (const action of asked) {
      const denied = await create();
      denied.deny(action);
      const { findings } = await judge(denied);
      expect(findings.map(({ level }) => level).filter((level) => level !== "unknown")).toEqual([]);
      expect({ action, found: JSON.stringify(findings).includes(action) }).toEqual({ action, found: true });
    }
  });
});

interface Data {
  readonly MetricDataResults?: readonly { readonly Id?: string }[];
}

interface Simulation {
  readonly EvaluationResults?: readonly { readonly EvalDecision?: string }[];
}
