import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import validate from "asl-validator";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { type IVpc, Vpc } from "aws-cdk-lib/aws-ec2";
import { Runtime } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { build } from "esbuild";
import { BackfillWorkflow, type DeployError, RedriveWorkflow, VerifyWorkflow } from "../../src/index.ts";
import { pipelineEntry } from "../../src/workflow/pipeline-entry.ts";
import { pipelineOf } from "../support/pipeline.ts";
import { resourcesIn } from "../support/resources.ts";

process.env.CDK_VALIDATION = "false";

const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

const stackOf = (): Stack =>
  new Stack(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Test", {
    env: { account: "123456789012", region: "eu-west-1" },
  });

const definitionErrors = (template: Template): string => {
  const [machine] = Object.values(template.findResources("AWS::StepFunctions::StateMachine"));
  const { DefinitionString, DefinitionSubstitutions } = machine?.Properties ?? {};
  const names = [...(DefinitionString as string).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  expect([...new Set(names)].sort()).toEqual(Object.keys(DefinitionSubstitutions).sort());
  const text = (DefinitionString as string).replace(/\$\{\w+\}/g, "arn:aws:lambda:eu-west-1:123456789012:function:f");
  const { isValid, errorsText } = validate(JSON.parse(text));
  return isValid ? "" : errorsText("\n");
};

const resources = (stack: Stack) => ({ pipeline: resourcesIn(stack), entry: orders });

test.each<readonly [string, (stack: Stack) => unknown]>([
  ["a redrive", (stack) => new RedriveWorkflow(stack, "W", resources(stack))],
  [
    "a redrive with approval",
    (stack) =>
      new RedriveWorkflow(stack, "W", {
        ...resources(stack),
        approval: true,
        topic: new Topic(stack, "Topic") as ITopic,
      }),
  ],
  ["a backfill", (stack) => new BackfillWorkflow(stack, "W", resources(stack))],
  ["a verify", (stack) => new VerifyWorkflow(stack, "W", resources(stack))],
])("the definition of %s is valid, and its placeholders are the substitutions", (_, add) => {
  const stack = stackOf();
  add(stack);
  expect(definitionErrors(Template.fromStack(stack))).toBe("");
});

test("the functions of a pipeline's workflows have the runtime, logs and network of the pipeline's function", () => {
  const stack = stackOf();
  const vpc = new Vpc(stack, "Vpc", { natGateways: 1 }) as IVpc;
  const copy = { entry: orders, pipelineExport: "orders" };
  pipelineOf(stack, {
    functionOptions: {
      runtime: Runtime.NODEJS_22_X,
      logRetention: RetentionDays.ONE_YEAR,
      memorySize: 3_008,
      reservedConcurrency: 7,
      network: { vpc },
    },
    redrive: {},
    backfill: { ...copy, functionOptions: { runtime: Runtime.NODEJS_24_X } },
    verify: copy,
  });
  const template = Template.fromStack(stack);
  const factsOf = (id: RegExp) =>
    Object.entries(template.findResources("AWS::Lambda::Function"))
      .filter(([name]) => id.test(name))
      .map(([, { Properties }]) => ({
        runtime: Properties.Runtime,
        memory: Properties.MemorySize,
        reserved: Properties.ReservedConcurrentExecutions,
        isInVpc: Properties.VpcConfig !== undefined,
      }));
  const none = { reserved: undefined };
  expect(factsOf(/^SyncFunction/)).toEqual([{ runtime: "nodejs22.x", memory: 3_008, reserved: 7, isInVpc: true }]);
  expect(factsOf(/^SyncRedriveBatch/)).toEqual([{ ...none, runtime: "nodejs22.x", memory: 256, isInVpc: false }]);
  expect(factsOf(/^SyncVerifyWorker/)).toEqual([{ ...none, runtime: "nodejs22.x", memory: 512, isInVpc: true }]);
  expect(factsOf(/^SyncBackfillWorker/)).toEqual([{ ...none, runtime: "nodejs24.x", memory: 512, isInVpc: true }]);
  const logs = Object.entries(template.findResources("AWS::Logs::LogGroup"));
  const ofRedrive = logs.filter(([id]) => /^SyncRedrive\w+Logs/.test(id) && !/StateMachine/.test(id));
  expect(ofRedrive.map(([, { Properties }]) => Properties.RetentionInDays)).toEqual([365, 365, 365]);
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
