// The rights of each function and of each state machine are those that the README of @sluice/workflow lists: neither fewer
// nor more, and on the same resources.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ArnFormat, Duration, type Stack } from "aws-cdk-lib";
import { AttributeType, type ITable, StreamViewType, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { type CfnRole, type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import { Code, type IFunction, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import { ScheduleExpression } from "aws-cdk-lib/aws-scheduler";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { IConstruct } from "constructs";
import {
  BackfillWorkflow,
  type CopyOptions,
  type PipelineResources,
  type RedriveOptions,
  RedriveWorkflow,
  VerifyWorkflow,
} from "../../src/index.ts";
import { unbundled } from "../support/pipeline.ts";
import { resourcesIn } from "../support/resources.ts";

const readme = readFileSync("packages/workflow/README.md", "utf8");
const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

interface Row {
  readonly functions: readonly string[];
  readonly when: readonly string[];
  readonly actions: readonly string[];
  readonly on: string;
}

const codesIn = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

const rowOf = (line: string): Row => {
  const [functions = "", when = "", actions = "", on = ""] = line
    .split("|")
    .slice(1)
    .map((cell) => cell.trim());
  const codes = codesIn(actions);
  return {
    functions: functions.split(", "),
    when: when.split(", ").filter((text) => text !== "always"),
    actions: codes.length > 0 ? codes : [`target:${actions}`],
    on,
  };
};

/** The rows of the tables of rights below a heading. */
const rowsBelow = (heading: string): readonly Row[] => {
  const section = readme.slice(readme.indexOf(heading) + heading.length).split(/\n#+ /)[0] ?? "";
  const tables = section.split("| function | when | actions | on |\n|---|---|---|---|\n").slice(1);
  return tables
    .flatMap((table) => (table.split("\n\n")[0] ?? "").split("\n").filter((line) => line.startsWith("|")))
    .map(rowOf);
};

const redriveRows = rowsBelow("\n## Permissions\n");
const copyRows = rowsBelow("\n### Rights and costs of both\n");

/** What CDK and our constructs add to every role of a kind, for logs and traces. */
const extras: Readonly<Record<"function" | "machine", readonly string[]>> = {
  function: ["logs:CreateLogStream", "logs:PutLogEvents"],
  machine: [
    ...["CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"],
    ...["PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"],
  ]
    .map((name) => `logs:${name} on "*"`)
    .concat(
      ["PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"].map(
        (name) => `xray:${name} on "*"`,
      ),
    ),
};

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

interface Policy {
  readonly Properties: {
    readonly Roles: readonly unknown[];
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  };
}

/** What a deployed workflow looks like to this test. */
interface World {
  readonly stack: Stack;
  /** The role of each function of the README. */
  readonly roles: Readonly<Record<string, IConstruct>>;
  /** The ARNs of each resource of the README. */
  readonly on: Readonly<Record<string, readonly string[]>>;
  readonly when: readonly string[];
}

const statementsOf = (stack: Stack, template: object, role: IConstruct): readonly Statement[] => {
  const { Resources } = template as {
    readonly Resources: Readonly<Record<string, Policy & { readonly Type: string }>>;
  };
  const own = JSON.stringify({ Ref: stack.getLogicalId(role.node.defaultChild as CfnRole) });
  return Object.values(Resources)
    .filter(
      ({ Type, Properties }) =>
        Type === "AWS::IAM::Policy" && Properties.Roles.some((one) => JSON.stringify(one) === own),
    )
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
};

const templateOf = (stack: Stack): object => {
  const assembly = (stack.node.root as import("aws-cdk-lib").App).synth();
  return assembly.getStackArtifact(stack.artifactId).template as object;
};

const pairsOf = (statements: readonly Statement[]): readonly string[] =>
  statements.flatMap(({ Action, Resource }) =>
    [Action]
      .flat()
      .flatMap((action) => [Resource].flat().map((resource) => `${action} on ${JSON.stringify(resource)}`)),
  );

const ownLog = (stack: Stack, role: IConstruct): string => {
  const group = role.node.scope?.node.tryFindChild("Logs")?.node.defaultChild;
  return JSON.stringify(
    group === undefined ? undefined : { "Fn::GetAtt": [stack.getLogicalId(group as CfnRole), "Arn"] },
  );
};

const actual = ({ stack, roles }: World): Readonly<Record<string, readonly string[]>> => {
  const template = templateOf(stack);
  const all = Object.entries(roles).map(([name, role]) => {
    const log = extras.function.map((action) => `${action} on ${ownLog(stack, role)}`);
    const allowed = name === "state machine" ? extras.machine : name === "schedule" ? [] : log;
    const pairs = [...new Set(pairsOf(statementsOf(stack, template, role)))];
    expect(stack.resolve((role.node.defaultChild as CfnRole).managedPolicyArns)).toBeUndefined();
    expect(pairs).toEqual(expect.arrayContaining([...allowed]));
    return [name, pairs.filter((pair) => !allowed.includes(pair)).sort()] as const;
  });
  return Object.fromEntries(all);
};

const listed = (
  rows: readonly Row[],
  { stack, roles, on, when }: World,
): Readonly<Record<string, readonly string[]>> => {
  const arnsOf = (row: Row): readonly string[] => {
    const arns = on[row.on === "the key" ? (row.when[0] ?? "") : row.on];
    if (arns === undefined) throw new Error(`the README names ${row.on}, which this test does not know`);
    return arns.map((arn) => JSON.stringify(stack.resolve(arn)));
  };
  const applying = rows.filter((row) => row.when.every((text) => when.includes(text)));
  const all = Object.keys(roles).map((name) => {
    const own = applying.filter(({ functions }) => functions.includes(name));
    const pairs = own.flatMap((row) =>
      row.actions.flatMap((action) => arnsOf(row).map((arn) => `${action} on ${arn}`)),
    );
    return [name, [...new Set(pairs)].sort()] as const;
  });
  return Object.fromEntries(all);
};

const keyIn = (stack: Stack, id: string): IKey => new Key(stack, `${id}Key`) as IKey;

const child = (scope: IConstruct, ...path: readonly string[]): IConstruct =>
  path.reduce((found, id) => found.node.findChild(id), scope);

const functionArn = (scope: IConstruct, id: string): string =>
  (child(scope, id, "Function") as LambdaFunction).functionArn;

const secretOf = (redrive: IConstruct, { approval }: RedriveOptions): ISecret | undefined =>
  (typeof approval === "object" ? approval.secret : undefined) ??
  (redrive.node.tryFindChild("ApprovalSecret") as ISecret | undefined);

const arnOf = (resource: { readonly keyArn: string } | undefined): readonly string[] => [resource?.keyArn ?? ""];

const redriveWorld = (
  when: readonly string[],
  options: (stack: Stack) => RedriveOptions,
  change: (pipeline: PipelineResources, stack: Stack) => Partial<PipelineResources> = () => ({}),
): World => {
  const stack = unbundled();
  const plain = resourcesIn(stack);
  const pipeline = { ...plain, ...change(plain, stack) };
  const props = options(stack);
  const redrive = new RedriveWorkflow(stack, "Redrive", { ...props, pipeline });
  const secret = secretOf(redrive, props);
  const role = (id: string) => child(redrive, id, "Role");
  const withApproval = props.approval !== undefined;
  return {
    stack,
    when,
    roles: {
      inspection: role("Inspection"),
      batch: role("Batch"),
      report: role("Report"),
      "state machine": child(redrive, "Role"),
      ...(withApproval && { request: role("ApprovalRequest"), page: role("ApprovalPage") }),
    },
    on: {
      "the dead-letter queue": [pipeline.deadLetters?.queueArn ?? ""],
      "the topic": [props.topic?.topicArn ?? ""],
      "the identity": [props.mail?.identityArn ?? ""],
      "the secret": [secret?.secretArn ?? ""],
      "the state machine": [redrive.stateMachine.stateMachineArn],
      "the pipeline's function": [pipeline.function.functionArn],
      "the table": [pipeline.table?.tableArn ?? ""],
      "the fix function": [props.fix?.functionArn ?? ""],
      "the objects under the payload store's prefix": [
        props.payloadBucket?.arnForObjects(`${props.payloadPrefix ?? "sluice/records/"}*`) ?? "",
      ],
      "the inspection, batch and report functions": ["Inspection", "Batch", "Report"].map((id) =>
        functionArn(redrive, id),
      ),
      "the request function": withApproval ? [functionArn(redrive, "ApprovalRequest")] : [],
      "the key of the dead-letter queue": arnOf(pipeline.deadLetters?.encryptionMasterKey),
      "the key of the topic": arnOf(props.topic?.masterKey),
      "the key of the secret": arnOf(secret?.encryptionKey),
      "the key of the table": arnOf(pipeline.table?.encryptionKey),
      "the key of the payload bucket": arnOf(props.payloadBucket?.encryptionKey),
    },
  };
};

const topicIn = (stack: Stack): ITopic => new Topic(stack, "Topic") as ITopic;
const fixIn = (stack: Stack): IFunction =>
  new LambdaFunction(stack, "Fix", {
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromInline("0"),
  }) as IFunction;
const mail = {
  from: "sluice@example.com",
  to: ["on-call@example.com"],
  identityArn: "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
};
const encryptedTable = (stack: Stack): ITable =>
  new Table(stack, "Encrypted", {
    partitionKey: { name: "id", type: AttributeType.STRING },
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey: keyIn(stack, "Table"),
  }) as ITable;
const encryptedQueue = (stack: Stack) => ({
  deadLetters: new Queue(stack, "EncryptedDeadLetters", {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: keyIn(stack, "Queue"),
  }),
});
const bucketIn = (stack: Stack, id: string, isEncrypted: boolean): IBucket =>
  new Bucket(stack, id, {
    ...(isEncrypted && { encryption: BucketEncryption.KMS, encryptionKey: keyIn(stack, id) }),
  }) as IBucket;

const withSecret = "with a secret in Secrets Manager";
const redrives: readonly (readonly [string, () => World])[] = [
  ["plain", () => redriveWorld(["in mode `redrive`"], () => ({}))],
  [
    "with approval by a topic",
    () =>
      redriveWorld(["in mode `redrive`", "with approval", "with a topic", withSecret], (stack) => ({
        approval: true,
        topic: topicIn(stack),
      })),
  ],
  [
    "with approval by e-mail",
    () =>
      redriveWorld(["in mode `redrive`", "with approval", "with e-mail by SES", withSecret], () => ({
        approval: { timeout: Duration.hours(1) },
        mail,
      })),
  ],
  [
    "with a fix, a payload bucket and reports to a topic",
    () =>
      redriveWorld(["in mode `redrive`", "with a topic", "with a fix function", "with a payload bucket"], (stack) => ({
        topic: topicIn(stack),
        fix: fixIn(stack),
        payloadBucket: bucketIn(stack, "Payloads", false),
        payloadPrefix: "large/",
      })),
  ],
  ["that republishes", () => redriveWorld(["in mode `republish`"], () => ({ mode: "republish" }))],
  [
    "that republishes by put-and-delete",
    () =>
      redriveWorld(["in mode `republish`", "with `put-and-delete`"], () => ({
        mode: "republish",
        removes: "put-and-delete",
      })),
  ],
  [
    "with keys everywhere",
    () =>
      redriveWorld(
        [
          ...["in mode `redrive`", "with approval", "with a topic", withSecret, "with a payload bucket"],
          ...["queue", "topic", "secret", "payload bucket"].map((name) =>
            name === "queue" ? "the key of the dead-letter queue" : `the key of the ${name}`,
          ),
        ],
        (stack) => ({
          approval: { secret: new Secret(stack, "Own", { encryptionKey: keyIn(stack, "Secret") }) as ISecret },
          topic: new Topic(stack, "Topic", { masterKey: keyIn(stack, "Topic") }) as ITopic,
          payloadBucket: bucketIn(stack, "Payloads", true),
        }),
        (_, stack) => encryptedQueue(stack),
      ),
  ],
  [
    "that republishes to a table with a key",
    () =>
      redriveWorld(
        ["in mode `republish`", "the key of the table"],
        () => ({ mode: "republish" }),
        (_, stack) => ({ table: encryptedTable(stack) }),
      ),
  ],
];

const target = "arn:aws:test:eu-west-1:123456789012:target";
const sink = {
  name: "target",
  grant: (grantee: IGrantable, use: string) => {
    const statement = new PolicyStatement({ actions: [`target:${use}`], resources: [target] });
    grantee.grantPrincipal.addToPrincipalPolicy(statement);
  },
};

interface CopyCase {
  readonly Workflow: typeof BackfillWorkflow | typeof VerifyWorkflow;
  readonly when: readonly string[];
  readonly options?: object;
  readonly exports?: boolean;
  readonly keys?: boolean;
}

const copyWorld = ({ Workflow, when, options = {}, exports: hasExports = false, keys = false }: CopyCase): World => {
  const stack = unbundled();
  const pipeline = {
    ...resourcesIn(stack),
    sinks: [sink],
    ...((keys || hasExports) && { table: keys ? encryptedTable(stack) : recoverable(stack) }),
  };
  const exportKey = keys ? keyIn(stack, "OwnExports") : undefined;
  const place = {
    ...{ bucket: bucketIn(stack, "Exports", keys), prefix: "exports/" },
    ...(exportKey && { encryptionKey: exportKey }),
  };
  const runs = keys ? bucketIn(stack, "OwnRuns", true) : undefined;
  const props = {
    pipeline,
    entry: orders,
    ...(hasExports && { exports: place }),
    ...(runs && { bucket: runs }),
    ...options,
  };
  const copy = new Workflow(stack, "Copy", props as CopyOptions & { readonly pipeline: PipelineResources });
  const { bucket, stateMachine } = copy as { readonly bucket: IBucket; readonly stateMachine: StateMachine };
  const schedule = stack.node.children.find(({ node }) => node.id.startsWith("SchedulerRoleForTarget"));
  const executions = [":*", "/*"].map((rest) =>
    stack.formatArn({
      service: "states",
      resource: "execution",
      resourceName: `${stateMachine.stateMachineName}${rest}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );
  const runObjects = (rest: string) => [bucket.arnForObjects(`sluice/runs/${rest}`)];
  return {
    stack,
    when,
    roles: {
      plan: child(copy, "Plan", "Role"),
      worker: child(copy, "Worker", "Role"),
      report: child(copy, "Report", "Role"),
      "state machine": child(copy, "Role"),
      ...(schedule && { schedule }),
    },
    on: {
      "the table": [pipeline.table?.tableArn ?? ""],
      "`*`: the action has no narrower resource": ["*"],
      'the targets: the table "Permissions" of each sink': [target],
      "the objects of exports": [place.bucket.arnForObjects("exports/*")],
      "`manifest-files.json` of exports": [place.bucket.arnForObjects("exports/*/manifest-files.json")],
      "the objects of runs": runObjects("*"),
      "the bucket of runs": [bucket.bucketArn],
      "`units.jsonl` of runs": runObjects("*/units.jsonl"),
      "`copies.jsonl` of runs": runObjects("*/copies.jsonl"),
      "the results of runs": runObjects("*/results/*"),
      "the plan, worker and report functions": ["Plan", "Worker", "Report"].map((id) => functionArn(copy, id)),
      "the state machine": [stateMachine.stateMachineArn],
      "the executions of the state machine and of its maps": executions,
      "the executions of its maps": executions.slice(1),
      "the key of the table": arnOf(pipeline.table?.encryptionKey),
      "the key of the bucket of runs": arnOf(bucket.encryptionKey),
      "the key of the exports": arnOf(exportKey),
    },
  };
};

const recoverable = (stack: Stack): ITable =>
  new Table(stack, "Recoverable", {
    partitionKey: { name: "id", type: AttributeType.STRING },
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  }) as ITable;

const schedule = ScheduleExpression.rate(Duration.days(7));
const keysOfCopies = ["the key of the table", "the key of the bucket of runs"];
const copies: readonly (readonly [string, CopyCase])[] = [
  ["a backfill", { Workflow: BackfillWorkflow, when: ["of a backfill", "with a live function"] }],
  [
    "a backfill of exports",
    { Workflow: BackfillWorkflow, when: ["of a backfill", "with a live function", "with exports"], exports: true },
  ],
  [
    "a backfill with keys",
    { Workflow: BackfillWorkflow, when: ["of a backfill", "with a live function", ...keysOfCopies], keys: true },
  ],
  [
    "a backfill of exports with keys",
    {
      Workflow: BackfillWorkflow,
      when: ["of a backfill", "with a live function", "with exports", "the key of the exports", ...keysOfCopies],
      exports: true,
      keys: true,
    },
  ],
  [
    "a backfill that never waits for the live stream",
    { Workflow: BackfillWorkflow, when: ["of a backfill"], options: { yieldAbove: false } },
  ],
  ["a verify", { Workflow: VerifyWorkflow, when: ["of a verify"] }],
  [
    "a verify that repairs",
    { Workflow: VerifyWorkflow, when: ["of a verify", "with `repairs`"], options: { repairs: true } },
  ],
  [
    "a verify with a schedule and keys",
    {
      Workflow: VerifyWorkflow,
      when: ["of a verify", "with a schedule", ...keysOfCopies],
      options: { schedule },
      keys: true,
    },
  ],
];

describe("the rights of a redrive", () => {
  test.each(redrives)("%s are exactly those of the README", (_, build) => {
    const world = build();
    expect(actual(world)).toEqual(listed(redriveRows, world));
  });

  test("by e-mail allow only the address of the sender", () => {
    const world = redriveWorld([], () => ({ approval: true, mail }));
    const role = world.roles.request as IConstruct;
    const sends = statementsOf(world.stack, templateOf(world.stack), role).filter(
      ({ Action }) => Action === "ses:SendEmail",
    );
    expect(sends.map(({ Condition }) => Condition)).toEqual([{ StringEquals: { "ses:FromAddress": mail.from } }]);
  });
});

describe("the rights of a copy", () => {
  test.each(copies)("%s are exactly those of the README", (_, options) => {
    const world = copyWorld(options);
    expect(actual(world)).toEqual(listed(copyRows, world));
  });
});

test("every condition of the README is one of this test", () => {
  const tried = [...redrives.map(([, build]) => build()), ...copies.map(([, options]) => copyWorld(options))].flatMap(
    ({ when }) => when,
  );
  const named = [...redriveRows, ...copyRows].flatMap(({ when }) => when);
  expect(named.length).toBeGreaterThan(20);
  expect([...new Set(named)].filter((text) => !tried.includes(text))).toEqual([]);
});
