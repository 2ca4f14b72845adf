import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import validate from "asl-validator";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { ScheduleExpression } from "aws-cdk-lib/aws-scheduler";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { build } from "esbuild";
import { BackfillWorkflow, type DeployError, RedriveWorkflow, VerifyWorkflow } from "../../src/index.ts";
import { pipelineEntry } from "../../src/workflow/pipeline-entry.ts";
import { resourcesIn } from "../support/resources.ts";

process.env.CDK_VALIDATION = "false";

const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

const stackOf = (): Stack =>
  new Stack(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Test", {
    env: { account: "123456789012", region: "eu-west-1" },
  });

interface Statement {
  readonly Action: string | readonly string[];
}

/** The actions of the role of a function or of a state machine. Logs and traces are CDK's own. */
const actionsOf = (template: Template, id: RegExp): readonly string[] => {
  const all = Object.values(template.findResources("AWS::IAM::Policy"));
  const own = all.filter(({ Properties }) => id.test((Properties.Roles as { Ref: string }[])[0]?.Ref ?? ""));
  const statements = own.flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);
  const actions = statements.flatMap(({ Action }) => [Action].flat());
  return [...new Set(actions)].filter((name) => !/^(logs|xray):/.test(name)).sort();
};

const definitionErrors = (template: Template): string => {
  const [machine] = Object.values(template.findResources("AWS::StepFunctions::StateMachine"));
  const { DefinitionString, DefinitionSubstitutions } = machine?.Properties ?? {};
  const names = [...(DefinitionString as string).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  expect([...new Set(names)].sort()).toEqual(Object.keys(DefinitionSubstitutions).sort());
  const text = (DefinitionString as string).replace(/\$\{\w+\}/g, "arn:aws:lambda:eu-west-1:123456789012:function:f");
  const { isValid, errorsText } = validate(JSON.parse(text));
  return isValid ? "" : errorsText("\n");
};

test("a redrive with approval has exactly the rights of the README", () => {
  const stack = stackOf();
  const topic = new Topic(stack, "Topic") as ITopic;
  new RedriveWorkflow(stack, "Redrive", { pipeline: resourcesIn(stack), approval: true, topic });
  const template = Template.fromStack(stack);
  expect(definitionErrors(template)).toBe("");
  const queue = (...names: string[]) => names.map((name) => `sqs:${name}`);
  const secret = "secretsmanager:GetSecretValue";
  expect({
    inspection: actionsOf(template, /^RedriveInspection/),
    request: actionsOf(template, /^RedriveApprovalRequest/),
    page: actionsOf(template, /^RedriveApprovalPage/),
    batch: actionsOf(template, /^RedriveBatch/),
    report: actionsOf(template, /^RedriveReport/),
    machine: actionsOf(template, /^RedriveRole/),
  }).toEqual({
    inspection: queue("ChangeMessageVisibility", "GetQueueAttributes", "ReceiveMessage"),
    request: [secret, "sns:Publish"],
    page: [secret, "states:SendTaskSuccess"],
    batch: ["lambda:InvokeFunction", ...queue("ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage")],
    report: ["sns:Publish", "sqs:GetQueueAttributes"],
    machine: ["lambda:InvokeFunction"],
  });
});

const runs = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"];
const map = [
  "lambda:InvokeFunction",
  ...["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
  ...["states:DescribeExecution", "states:StartExecution", "states:StopExecution"],
];
const planned = ["dynamodb:DescribeTable", "dynamodb:Scan", "lambda:ListEventSourceMappings", ...runs];

const sink = {
  name: "target",
  grant: (fn: { addToRolePolicy: (statement: PolicyStatement) => void }, use: string) =>
    fn.addToRolePolicy(new PolicyStatement({ actions: [`target:${use}`], resources: ["*"] })),
};

test.each([
  [BackfillWorkflow, {}, ["dynamodb:Scan", ...runs, "target:write"]],
  [VerifyWorkflow, {}, ["dynamodb:BatchGetItem", "dynamodb:Scan", ...runs, "target:compare"]],
  [
    VerifyWorkflow,
    { repairs: true },
    ["dynamodb:BatchGetItem", "dynamodb:Scan", ...runs, "target:compare", "target:write"],
  ],
])("a copy workflow has exactly the rights of the README: %p %p", (Workflow, options, worker) => {
  const stack = stackOf();
  const pipeline = { ...resourcesIn(stack), sinks: [sink] };
  const schedule = ScheduleExpression.rate(Duration.days(7));
  const isVerify = Workflow === VerifyWorkflow;
  new Workflow(stack, "Copy", { pipeline, entry: orders, ...options, ...(isVerify && { schedule }) });
  const template = Template.fromStack(stack);
  expect(definitionErrors(template)).toBe("");
  expect({
    plan: actionsOf(template, /^CopyPlan/),
    worker: actionsOf(template, /^CopyWorker/),
    report: actionsOf(template, /^CopyReport/),
    machine: actionsOf(template, /^CopyRole/),
  }).toEqual({ plan: [...planned, "target:compare"], worker, report: runs, machine: map });
  template.resourceCountIs("AWS::Scheduler::Schedule", isVerify ? 1 : 0);
});

const codeOf = (run: (stack: Stack) => unknown): string | undefined => {
  try {
    run(stackOf());
  } catch (error) {
    return (error as DeployError).code;
  }
  return undefined;
};

test("wrong combinations throw while the stack is synthesised", () => {
  const redrive = (options: object, resources: object = {}) =>
    codeOf((s) => new RedriveWorkflow(s, "W", { pipeline: { ...resourcesIn(s), ...resources }, ...options }));
  const backfill = (options: object, resources: object = {}) =>
    codeOf(
      (s) => new BackfillWorkflow(s, "W", { pipeline: { ...resourcesIn(s), ...resources }, entry: orders, ...options }),
    );
  expect([
    redrive({}, { deadLetters: undefined }),
    redrive({ approval: true }),
    redrive({ mode: "republish" }, { table: undefined }),
    redrive({ batchTimeout: Duration.seconds(60) }),
    backfill({}, { table: undefined }),
    backfill({ exports: { bucket: {} } }),
    backfill({ reservedConcurrency: 2 }),
    backfill({ pipelineExport: "a b" }),
  ]).toEqual([
    "REDRIVE_NO_DEAD_LETTERS",
    "APPROVAL_WITHOUT_ADDRESS",
    "WORKFLOW_NO_TABLE",
    "BATCH_TIMEOUT_SHORT",
    "WORKFLOW_NO_TABLE",
    "EXPORT_NO_RECOVERY",
    "WORKER_CONCURRENCY",
    "PIPELINE_EXPORT_NAME",
  ]);
});

const variables = "DATABASE_URL OPENSEARCH_NODE ORDER_EVENTS_TOPIC_ARN WAREHOUSE_QUEUE_URL DEDUPE_TABLE SOURCE_TABLE";

test.each([undefined, "orders"])("the entry of a worker is bundled and loads, pipelineExport %p", async (name) => {
  const entry = pipelineEntry({ entry: orders, pipelineExport: name }, "backfillWorker", {});
  expect(pipelineEntry({ entry: orders, pipelineExport: name }, "backfillWorker", {})).toBe(entry);
  const outfile = join(
    mkdtempSync(join(import.meta.dirname, "../../../../node_modules/.cache/sluice/bundle-")),
    "index.cjs",
  );
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["@aws-sdk/*"],
    mainFields: ["module", "main"],
    logLevel: "error",
  });
  const values: Record<string, string> = {
    DATABASE_URL: "postgres://127.0.0.1:1/none",
    OPENSEARCH_NODE: "http://127.0.0.1:1",
    ORDER_EVENTS_TOPIC_ARN: "arn:aws:sns:eu-west-1:123456789012:events.fifo",
    SOURCE_TABLE: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
    RETRY_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/retry.fifo",
  };
  for (const variable of [...variables.split(" "), "DEAD_LETTER_QUEUE_URL", "RETRY_QUEUE_URL"]) {
    process.env[variable] = values[variable] ?? "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";
  }
  const { handler } = createRequire(import.meta.url)(outfile) as { handler: unknown };
  expect(typeof handler).toBe("function");
});
