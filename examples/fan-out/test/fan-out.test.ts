import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { eventFilters } from "@sluice/core/filters";
import type { CloudEvent, StreamRecord } from "@sluice/core/sink-kit";
import { drainQueue, type Engines, engineOrSkip, sqsEventSourceMapping, startEngines } from "@sluice/local";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";
import pg from "pg";
import { isCustomer, isOrder } from "../src/filters.ts";

const wanted = { postgres: true, opensearch: true, dynamodb: true, sqs: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const order = (pk: string, total: number, lines = ["tea"]) => ({ pk, type: "order", customer: "c-1", total, lines });
const customer = (pk: string, name: string) => ({ pk, type: "customer", name });

describeWithEngines("one function with five routes", (engines: Engines<typeof wanted>) => {
  const topics = new SNS(engines.sqs.clientConfig);
  const queues = new SQS(engines.sqs.clientConfig);
  const table = tableHistory({ tableName: "Shop", keyNames: ["pk"] });
  const environment = process.env;
  let handler: PipelineHandler;
  let pool: pg.Pool;
  let subscription = "";
  let warehouse = "";
  let retries = "";
  const closing: (() => Promise<void>)[] = [];

  const createQueue = async (QueueName: string): Promise<{ readonly url: string; readonly arn: string }> => {
    const Attributes = QueueName.endsWith(".fifo") ? { FifoQueue: "true" } : {};
    const { QueueUrl: url = "" } = await queues.createQueue({ QueueName, Attributes });
    const found = await queues.getQueueAttributes({ QueueUrl: url, AttributeNames: ["QueueArn"] });
    return { url, arn: found.Attributes?.QueueArn ?? "" };
  };

  const createTopic = async (): Promise<string> => {
    const { TopicArn = "" } = await topics.createTopic({ Name: "orders.fifo", Attributes: { FifoTopic: "true" } });
    const { url, arn } = await createQueue("subscriber.fifo");
    subscription = url;
    await topics.subscribe({
      TopicArn,
      Protocol: "sqs",
      Endpoint: arn,
      Attributes: { RawMessageDelivery: "true" },
    });
    return TopicArn;
  };

  /** Sets the environment variables that configure the function, as in Lambda. */
  beforeAll(async () => {
    const url = await engines.postgres.createDatabase();
    pool = new pg.Pool({ connectionString: url });
    // `pool.end()` does not wait until all sockets are closed, so the server may still send an error.
    pool.on("error", () => undefined);
    warehouse = (await createQueue("warehouse")).url;
    retries = (await createQueue("retries.fifo")).url;
    const { region, credentials } = engines.sqs.clientConfig;
    process.env = {
      ...environment,
      DATABASE_URL: url,
      OPENSEARCH_NODE: engines.opensearch.url,
      ORDER_EVENTS_TOPIC_ARN: await createTopic(),
      WAREHOUSE_QUEUE_URL: warehouse,
      DEDUPE_TABLE: "sent",
      RETRY_QUEUE_URL: retries,
      SOURCE_TABLE: "Shop",
      DEAD_LETTER_QUEUE_URL: (await createQueue("dead-letters")).url,
      AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
      AWS_ENDPOINT_URL_SNS: engines.sqs.endpoint,
      AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      POWERTOOLS_LOG_LEVEL: "SILENT",
    };
    const { orderRows, customerRows, orderDocuments, dedupeStore, orders } = await import("../src/orders.ts");
    for (const sink of [orderRows, customerRows, orderDocuments]) await sink.ensure();
    await dedupeStore.ensure();
    closing.push(
      dedupeStore.close,
      ...orders.routes.map(
        ({ sink }) =>
          async () =>
            sink.close?.(),
      ),
    );
    ({ handler } = await import("../src/handler.ts"));
  });

  afterAll(async () => {
    process.env = environment;
    for (const close of [...closing, () => pool.end()]) await close();
    for (const client of [topics, queues]) client.destroy();
  });

  const documents = async (): Promise<unknown[]> => {
    await fetch(`${engines.opensearch.url}/orders/_refresh`, { method: "POST" });
    const answer = await fetch(`${engines.opensearch.url}/orders/_search?sort=total&_source_excludes=_sluice`);
    const { hits } = (await answer.json()) as { hits: { hits: { _source: unknown }[] } };
    return hits.hits.map(({ _source }) => _source);
  };

  const rows = async (name: string): Promise<unknown[]> => (await pool.query(`SELECT * FROM ${name} ORDER BY pk`)).rows;

  const bodiesIn = async (url: string): Promise<unknown[]> =>
    (await drainQueue(queues, url)).map(({ body }) => JSON.parse(body));

  /** Returns the events since the last call as `order: kind`, sorted by order number. */
  const events = async (): Promise<string[]> =>
    ((await bodiesIn(subscription)) as CloudEvent[])
      .map(({ subject, type }) => `${decodeURIComponent(subject)}: ${type.replace("com.example.order.", "")}`)
      .sort((one, other) => (one.split(":")[0] ?? "").localeCompare(other.split(":")[0] ?? ""));

  const deliver = (records: readonly StreamRecord[]) => handler(streamEvent(records), lambdaContext());

  test("has the filters that the stack of deploy-cdk derives", async () => {
    const { orders } = await import("../src/orders.ts");
    expect(orders.eventFilters()).toEqual(eventFilters(isOrder, isCustomer));
  });

  test("sends each kind of item to its targets, and removes items that change their kind", async () => {
    const records = [
      table.put(order("ORDER#1", 10.5)),
      table.put(customer("CUSTOMER#1", "Ada")),
      table.put(order("ORDER#2", 20)),
      table.put(order("ORDER#1", 12.25, ["tea", "milk"])),
      table.put(order("ORDER#3", 30)),
      table.remove({ pk: "ORDER#2" }),
      // An item that changes from an order to a customer is removed from the targets of the orders.
      table.put(customer("ORDER#3", "was an order")),
    ];
    for (const cut of [records.slice(0, 3), records.slice(3)]) {
      expect(await deliver(cut)).toEqual({ batchItemFailures: [] });
    }
    expect(await rows("orders")).toEqual([{ pk: "ORDER#1", customer: "c-1", total: "12.25", lines: ["tea", "milk"] }]);
    expect(await rows("customers")).toEqual([
      { pk: "CUSTOMER#1", name: "Ada" },
      { pk: "ORDER#3", name: "was an order" },
    ]);
    expect(await documents()).toEqual([{ customer: "c-1", total: 12.25, lines: ["tea", "milk"] }]);
    expect(await events()).toEqual([
      "ORDER#1: insert",
      "ORDER#1: modify",
      "ORDER#2: insert",
      "ORDER#2: remove",
      "ORDER#3: insert",
    ]);
    expect(await bodiesIn(warehouse)).toEqual([
      { pack: ["tea"], for: "ORDER#1" },
      { pack: ["tea"], for: "ORDER#2" },
      { pack: ["tea"], for: "ORDER#3" },
    ]);
  });

  /** Lets the function process the retry queue until the queue is empty. */
  const consumeRetries = async (): Promise<void> => {
    const mapping = sqsEventSourceMapping({
      client: queues,
      queueUrl: retries,
      handler: handler as never,
      functionResponseTypes: ["ReportBatchItemFailures"],
    });
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
  };

  test("does not delay the other sinks while one sink is down, and delivers the missing changes from the retry queue", async () => {
    const records = [table.put(order("ORDER#4", 40)), table.put(order("ORDER#5", 50)), table.put(order("ORDER#4", 41))];
    await pool.query("ALTER TABLE orders RENAME TO orders_elsewhere");
    expect(await deliver(records)).toEqual({ batchItemFailures: [] });
    expect(await events()).toEqual(["ORDER#4: insert", "ORDER#4: modify", "ORDER#5: insert"]);
    expect(await bodiesIn(warehouse)).toMatchObject([{ for: "ORDER#4" }, { for: "ORDER#5" }]);
    await pool.query("ALTER TABLE orders_elsewhere RENAME TO orders");
    await consumeRetries();
    expect(await rows("orders")).toMatchObject([{ pk: "ORDER#1" }, { pk: "ORDER#4", total: "41" }, { pk: "ORDER#5" }]);
    expect([await events(), await bodiesIn(warehouse)]).toEqual([[], []]);
  });
});
