// Deploys the stack to ministack, with the bundles as AWS would get them. A change of the table must
// reach its targets, and the workflows must run.

import { type AttributeValue, DynamoDB } from "@aws-sdk/client-dynamodb";
import { S3 } from "@aws-sdk/client-s3";
import { SFN } from "@aws-sdk/client-sfn";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines, startMinistack } from "@sluice/local";
import { App, DefaultStackSynthesizer, Duration } from "aws-cdk-lib";
import pg from "pg";
import { FanOutStack } from "../src/fan-out-stack.ts";
import { requestPage } from "./approval.ts";
import { deployTo } from "./cloud-assembly.ts";

/** A long timeout, because the machine may be slow. */
jest.setTimeout(600_000);

const wanted = { postgres: true, opensearch: true } as const;

const start = async () => {
  const engines = await startEngines(wanted);
  try {
    const ministack = await startMinistack({ waitScale: 0.01 });
    const stop = async (): Promise<void> => {
      await ministack.stop();
      await engines.stop();
    };
    return { ...engines, ministack, stop };
  } catch (error) {
    await engines.stop();
    throw error;
  }
};

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, start);

/** Waits for a value that `read` finds. */
const until = async <Value>(what: string, read: () => Promise<Value | undefined>): Promise<Value> => {
  const endsAt = Date.now() + 150_000;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > endsAt) throw new Error(`${what} did not arrive within 150 s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
};

const orderOf = (pk: string, customer: string) => ({
  pk: { S: pk },
  type: { S: "order" },
  customer: { S: customer },
  total: { N: "12.25" },
  lines: { L: [{ S: "tea" }] },
});

const customerOf = (pk: string, name: string) => ({ pk: { S: pk }, type: { S: "customer" }, name: { S: name } });

describeWithEngines("the stack on ministack", (engines: Engines<typeof wanted> & Awaited<ReturnType<typeof start>>) => {
  const config = engines.ministack.clientConfig;
  const [dynamodb, sqs, sns, sfn] = [new DynamoDB(config), new SQS(config), new SNS(config), new SFN(config)];
  const s3 = new S3({ ...config, forcePathStyle: true });
  let pool: pg.Pool;
  let outputs: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const url = await engines.postgres.createDatabase();
    const environment = { DATABASE_URL: url, OPENSEARCH_NODE: engines.opensearch.url };
    const app = new App({ postCliContext: { "@aws-cdk/core:enableTemplateValidation": false } });
    const stack = new FanOutStack(app, "FanOut", {
      env: { account: "000000000000", region: "us-east-1" },
      // ministack has no parameter with the version of a bootstrap stack.
      synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
      targets: () => [{ name: "local", environment, grant: () => undefined }],
      grace: Duration.seconds(1),
      functionOptions: {
        // ministack's runtime has no SDK.
        bundling: { externalModules: [], more: { esbuildArgs: { "--conditions": "@sluice/source" } } },
      },
    });
    // ministack refuses an alarm on an expression. test/deploy compares this alarm with those of the other deployers.
    stack.pipeline.node.findChild("Alarms").node.tryRemoveChild("rejected-share");
    outputs = await deployTo(engines.ministack, stack);
    pool = new pg.Pool({ connectionString: url });
    // `pool.end()` does not wait until all sockets are closed, so the server may still send an error.
    pool.on("error", () => undefined);
  });

  afterAll(async () => {
    for (const client of [dynamodb, sqs, sns, sfn, s3]) client.destroy();
    await pool?.end();
  });

  const put = (Item: Record<string, AttributeValue>) => dynamodb.putItem({ TableName: outputs.Table, Item });

  const machineOf = async (name: string): Promise<string> => {
    const { stateMachines = [] } = await sfn.listStateMachines({});
    const found = stateMachines.find((machine) => machine.name?.includes(name));
    return found?.stateMachineArn ?? "";
  };

  const startOf = async (name: string, input: object = {}): Promise<string> => {
    const stateMachineArn = await machineOf(name);
    const { executionArn = "" } = await sfn.startExecution({ stateMachineArn, input: JSON.stringify(input) });
    return executionArn;
  };

  /** Waits for the end of an execution. Returns its output. */
  const outputOf = async (executionArn: string): Promise<Readonly<Record<string, unknown>>> => {
    const ended = await until(executionArn, async () => {
      const execution = await sfn.describeExecution({ executionArn });
      return execution.status === "RUNNING" ? undefined : execution;
    });
    expect({ status: ended.status, error: ended.error, cause: ended.cause }).toEqual({ status: "SUCCEEDED" });
    return JSON.parse(ended.output ?? "{}");
  };

  const customerIn = async (pk: string) =>
    (await pool.query("SELECT pk, name FROM customers WHERE pk = $1", [pk])).rows[0] as object | undefined;

  test("creates the targets' tables, and copies an order to every target", async () => {
    await put(orderOf("ORDER#1", "c-1"));
    const row = await until("the row", async () => (await pool.query("SELECT * FROM orders")).rows[0]);
    expect(row).toEqual({ pk: "ORDER#1", customer: "c-1", total: "12.25", lines: ["tea"] });
    const document = await until("the document", async () => {
      const answer = await fetch(`${engines.opensearch.url}/orders/_doc/${encodeURIComponent("ORDER#1")}`);
      return answer.ok ? ((await answer.json()) as { readonly _source: object })._source : undefined;
    });
    expect(document).toMatchObject({ customer: "c-1", total: 12.25, lines: ["tea"] });
    const { QueueUrls = [] } = await sqs.listQueues({});
    const QueueUrl = QueueUrls.find((queue) => queue.includes("Warehouse"));
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 20 });
    expect(Messages.map(({ Body = "" }) => JSON.parse(Body))).toEqual([{ pack: ["tea"], for: "ORDER#1" }]);
  });

  test("redrives a dead letter after a person has approved the run on the page", async () => {
    const { QueueUrl = "" } = await sqs.createQueue({ QueueName: "inbox" });
    const QueueArn = "arn:aws:sqs:us-east-1:000000000000:inbox";
    await sns.subscribe({ TopicArn: outputs.OnCallTopic, Protocol: "sqs", Endpoint: QueueArn });
    await pool.query("ALTER TABLE customers ADD CONSTRAINT known CHECK (name <> 'Ada')");
    await put(customerOf("CUSTOMER#1", "Ada"));
    await until("the dead letter", async () => {
      const { Attributes } = await sqs.getQueueAttributes({
        QueueUrl: outputs.DeadLetters,
        AttributeNames: ["ApproximateNumberOfMessages"],
      });
      return Attributes?.ApproximateNumberOfMessages === "1" || undefined;
    });
    await pool.query("ALTER TABLE customers DROP CONSTRAINT known");

    const execution = await startOf("Redrive");
    const link = await until("the link", async () => {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 1 });
      return /https:\/\/\S+lambda-url\S+/.exec(
        Messages.map(({ Body = "" }) => JSON.parse(Body).Message).join(" "),
      )?.[0];
    });
    const shown = await requestPage(engines.ministack.endpoint, link, undefined);
    expect(shown).toMatchObject({ status: 200 });
    expect(shown.body).toContain("<form");
    expect(await customerIn("CUSTOMER#1")).toBeUndefined();
    const decided = await requestPage(engines.ministack.endpoint, link, "decision=approve");
    expect(decided).toMatchObject({ status: 200 });
    const forged = await requestPage(engines.ministack.endpoint, `${link}x`, "decision=approve");
    expect(forged.status).toBeGreaterThanOrEqual(400);

    expect(await outputOf(execution)).toMatchObject({ outcome: "completed" });
    expect(await customerIn("CUSTOMER#1")).toEqual({ pk: "CUSTOMER#1", name: "Ada" });
  });

  test("backfills a table that the target lost", async () => {
    await put(customerOf("CUSTOMER#2", "Grace"));
    await until("the row", () => customerIn("CUSTOMER#2"));
    // The second table has the versions, which would refuse what is not newer.
    await pool.query("TRUNCATE customers, customers_sluice");
    const output = await outputOf(await startOf("Backfill", { segments: 2 }));
    expect(output).toMatchObject({ outcome: "complete", counts: { records: 3, delivered: 2, superseded: 1 } });
    expect(await customerIn("CUSTOMER#2")).toEqual({ pk: "CUSTOMER#2", name: "Grace" });
  });

  test("reports a copy that differs", async () => {
    await pool.query("UPDATE customers SET name = 'Other' WHERE pk = 'CUSTOMER#2'");
    const output = await outputOf(await startOf("Verify", { segments: 2 }));
    const keys = { pk: { S: "CUSTOMER#2" } };
    const finding = { target: "postgres-customers", class: "different", keys, members: ["name"] };
    expect(output).toMatchObject({ outcome: "complete", differing: 1 });
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(String(output.report)) ?? [];
    const { Body } = await s3.getObject({ Bucket, Key });
    expect(JSON.parse((await Body?.transformToString()) ?? "")).toMatchObject({ examples: [finding] });
  });
});
