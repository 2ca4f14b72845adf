import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { App, Stack } from "aws-cdk-lib";
import { OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { BackfillWorkflow, RedriveWorkflow } from "../../src/index.ts";
import { resourcesIn } from "../support/resources.ts";

process.env.CDK_VALIDATION = "false";

const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

const queue = (name: string): string => `https://sqs.eu-west-1.amazonaws.com/123456789012/${name}`;

const environment = {
  SLUICE_DEAD_LETTER_QUEUE_URL: queue("dead"),
  SLUICE_PIPELINE_FUNCTION: "orders",
  SLUICE_APPROVAL_SECRET_ARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s",
  SLUICE_APPROVAL_URL: "https://abc.lambda-url.eu-west-1.on.aws/",
  SLUICE_TOPIC_ARN: "arn:aws:sns:eu-west-1:123456789012:topic",
  DATABASE_URL: "postgres://127.0.0.1:1/none",
  OPENSEARCH_NODE: "http://127.0.0.1:1",
  ORDER_EVENTS_TOPIC_ARN: "arn:aws:sns:eu-west-1:123456789012:events.fifo",
  WAREHOUSE_QUEUE_URL: queue("warehouse"),
  DEDUPE_TABLE: "dedupe",
  SLUICE_SOURCE_TABLE: "orders",
  SLUICE_RUN_BUCKET: "runs",
  SOURCE_TABLE: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
  DEAD_LETTER_QUEUE_URL: queue("dead"),
  RETRY_QUEUE_URL: queue("retry.fifo"),
};

/** Synthesises the functions of a redrive and of a backfill. */
const synthesised = (format: OutputFormat) => {
  const outdir = mkdtempSync(join(tmpdir(), "sluice-flows-"));
  const app = new App({ outdir });
  const stack = new Stack(app, "Test", { env: { account: "123456789012", region: "eu-west-1" } });
  const topic = new Topic(stack, "Topic") as ITopic;
  const pipeline = resourcesIn(stack);
  const functionOptions = { bundling: { format } };
  new RedriveWorkflow(stack, "Redrive", { pipeline, approval: true, topic, functionOptions });
  new BackfillWorkflow(stack, "Backfill", { pipeline, entry: orders, functionOptions });
  app.synth();
  return { outdir, names: readdirSync(outdir).filter((name) => name.startsWith("asset.")) };
};

/** Loads bundles in a process of their own, as Lambda does. Returns the types of the handlers. */
const handlersOf = (files: readonly string[]): readonly string[] => {
  const code = `
    const types = [];
    for (const file of ${JSON.stringify(files)}) types.push(typeof (await import(file)).handler);
    process.stdout.write(JSON.stringify(types));
    process.exit(0);`;
  const env = { ...process.env, ...environment, NODE_OPTIONS: "" };
  const parameters = ["--no-warnings", "--input-type=module", "-e", code];
  return JSON.parse(execFileSync(process.execPath, parameters, { env, encoding: "utf8" }));
};

test("NodejsFunction bundles every function of a redrive and of a backfill, and twice gives the same assets", () => {
  const first = synthesised(OutputFormat.CJS);
  expect(first.names).toHaveLength(8);
  expect(synthesised(OutputFormat.CJS).names).toEqual(first.names);
  const files = first.names.map((name) => join(first.outdir, name, "index.js"));
  expect(handlersOf(files)).toEqual(files.map(() => "function"));
});

test("every function loads as an ES module, too", () => {
  const { outdir, names } = synthesised(OutputFormat.ESM);
  // An ES bundle imports the clients when it starts. Lambda's runtime has them.
  symlinkSync(resolve("node_modules"), join(outdir, "node_modules"));
  const files = names.map((name) => join(outdir, name, "index.mjs"));
  expect(handlersOf(files)).toEqual(Array.from({ length: 8 }, () => "function"));
});
