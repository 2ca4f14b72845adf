import { mkdtempSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { App, Stack } from "aws-cdk-lib";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { BackfillWorkflow, RedriveWorkflow } from "../../src/index.ts";
import { resourcesIn } from "../support/resources.ts";

process.env.CDK_VALIDATION = "false";

const orders = join(import.meta.dirname, "../../../../examples/fan-out/src/orders.ts");

test("NodejsFunction bundles every function of a redrive and of a backfill, and twice gives the same assets", () => {
  const assets = () => {
    const outdir = mkdtempSync(join(tmpdir(), "sluice-flows-"));
    const app = new App({ outdir });
    const stack = new Stack(app, "Test", { env: { account: "123456789012", region: "eu-west-1" } });
    const topic = new Topic(stack, "Topic") as ITopic;
    const pipeline = resourcesIn(stack);
    new RedriveWorkflow(stack, "Redrive", { pipeline, approval: true, topic });
    new BackfillWorkflow(stack, "Backfill", { pipeline, entry: orders });
    app.synth();
    return { outdir, names: readdirSync(outdir).filter((name) => name.startsWith("asset.")) };
  };
  const first = assets();
  expect(first.names).toHaveLength(8);
  expect(assets().names).toEqual(first.names);
  process.env.SLUICE_DEAD_LETTER_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead";
  process.env.SLUICE_PIPELINE_FUNCTION = "orders";
  process.env.SLUICE_APPROVAL_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s";
  process.env.SLUICE_APPROVAL_URL = "https://abc.lambda-url.eu-west-1.on.aws/";
  process.env.SLUICE_TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:topic";
  process.env.DATABASE_URL = "postgres://127.0.0.1:1/none";
  process.env.OPENSEARCH_NODE = "http://127.0.0.1:1";
  process.env.ORDER_EVENTS_TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:events.fifo";
  process.env.WAREHOUSE_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/warehouse";
  process.env.DEDUPE_TABLE = "dedupe";
  process.env.SLUICE_SOURCE_TABLE = "orders";
  process.env.SLUICE_RUN_BUCKET = "runs";
  process.env.SOURCE_TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
  process.env.DEAD_LETTER_QUEUE_URL = process.env.SLUICE_DEAD_LETTER_QUEUE_URL;
  process.env.RETRY_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/retry.fifo";
  for (const name of first.names) {
    const { handler } = createRequire(import.meta.url)(join(first.outdir, name, "index.js")) as { handler: unknown };
    expect(typeof handler).toBe("function");
  }
});
