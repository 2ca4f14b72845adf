// Tests the function with the stream of a DynamoDB Local table and with an SQS queue.

import {
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { UnknownItem } from "@sluice/core";
import { decodeEnvelope } from "@sluice/core/envelope";
import { decodeImage, type Image } from "@sluice/core/sink-kit";
import {
  type Engines,
  type EventSourceMapping,
  engineOrSkip,
  eventSourceMapping,
  startEngines,
  streamsClient,
} from "@sluice/local";
import { toImage } from "@sluice/testing";

const wanted = { dynamodb: true, sqs: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const profile = (id: number, email: string, fullName = "Ada King Lovelace") => ({
  pk: `CUSTOMER#${id}`,
  sk: "PROFILE",
  email,
  fullName,
  createdAt: "2026-01-02",
});

const order = (id: number, number: number, more: object = {}) => ({
  pk: `CUSTOMER#${id}`,
  sk: `ORDER#2026-01-02#${number}`,
  amt: 1_250,
  cur: "EUR",
  st: "N",
  ...more,
});

describeWithEngines("the migration", ({ dynamodb, sqs }: Engines<typeof wanted>) => {
  const client = new DynamoDBClient(dynamodb.clientConfig);
  const queues = new SQSClient(sqs.clientConfig);
  let queueUrl: string;
  let mapping: EventSourceMapping;
  let close: () => Promise<unknown>;

  const createSource = async (): Promise<string> => {
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName: "Shop",
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
        ],
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    return TableDescription?.LatestStreamArn ?? "";
  };

  /** Sets the environment variables that configure the function, as in Lambda. */
  beforeAll(async () => {
    const queue = await queues.send(new CreateQueueCommand({ QueueName: "shop-dead-letters" }));
    queueUrl = queue.QueueUrl ?? "";
    const { region, credentials } = dynamodb.clientConfig;
    Object.assign(process.env, {
      CUSTOMERS_TABLE: "Customers",
      ORDERS_TABLE: "Orders",
      SOURCE_TABLE: "Shop",
      DEAD_LETTER_QUEUE_URL: queueUrl,
      POWERTOOLS_LOG_LEVEL: "SILENT",
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_ENDPOINT_URL_SQS: sqs.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    });
    const streamArn = await createSource();
    await import("../src/ensure.ts");
    const { customersTable, ordersTable } = await import("../src/shop.ts");
    const { handler } = await import("../src/handler.ts");
    close = () => Promise.all([customersTable.close(), ordersTable.close()]);
    mapping = eventSourceMapping({
      client: streamsClient(dynamodb.endpoint),
      streamArn,
      handler: (event, context) => handler(event, context),
      startingPosition: "TRIM_HORIZON",
      functionResponseTypes: ["ReportBatchItemFailures"],
      pollIntervalMs: 10,
    });
    await mapping.start();
  });

  afterAll(async () => {
    await mapping.stop();
    await close();
    client.destroy();
    queues.destroy();
  });

  const put = async (item: UnknownItem): Promise<void> => {
    await client.send(new PutItemCommand({ TableName: "Shop", Item: toImage(item) as never }));
  };
  const remove = async ({ pk, sk }: { readonly pk: string; readonly sk: string }): Promise<void> => {
    await client.send(new DeleteItemCommand({ TableName: "Shop", Key: { pk: { S: pk }, sk: { S: sk } } }));
  };
  const live = async (table: "Customers" | "Orders"): Promise<UnknownItem[]> => {
    await mapping.drained();
    const { customersTable } = await import("../src/shop.ts");
    const input = { TableName: table, ConsistentRead: true, ...customersTable.liveFilter };
    const { Items = [] } = await client.send(
      new ScanCommand({ ...input, ExpressionAttributeNames: { ...input.ExpressionAttributeNames } }),
    );
    return Items.map((item) => {
      const { _sluice: _, ...rest } = decodeImage(item as Image);
      return rest;
    }).sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
  };
  const emails = async (): Promise<unknown[]> =>
    (await live("Customers")).map(({ email, customerId }) => `${customerId}: ${email}`).sort();

  test("splits, renames and re-keys items", async () => {
    await put(profile(1, "Ada@example.org"));
    await put(order(1, 7, { st: "P", tags: new Set(["gift"]), note: "12345678901234567890123456789012345678" }));
    expect(await live("Customers")).toEqual([
      {
        email: "ada@example.org",
        customerId: "1",
        firstName: "Ada",
        lastName: "King Lovelace",
        createdAt: "2026-01-02",
      },
    ]);
    expect(await live("Orders")).toEqual([
      {
        customerId: "1",
        orderId: "2026-01-02-7",
        orderedOn: "2026-01-02",
        total: { cents: 1_250, currency: "EUR" },
        status: "paid",
        tags: new Set(["gift"]),
        note: "12345678901234567890123456789012345678",
      },
    ]);
  });

  test("moves a customer to a new address, and lets two customers swap addresses", async () => {
    await put(profile(2, "bob@example.org"));
    await put(profile(1, "lovelace@example.org"));
    expect(await emails()).toEqual(["1: lovelace@example.org", "2: bob@example.org"]);
    await put(profile(1, "bob@example.org"));
    await put(profile(2, "lovelace@example.org"));
    expect(await emails()).toEqual(["1: bob@example.org", "2: lovelace@example.org"]);
  });

  test("removes items that were removed from the old table", async () => {
    await remove(profile(2, ""));
    await remove(order(1, 7));
    expect(await emails()).toEqual(["1: bob@example.org"]);
    expect(await live("Orders")).toEqual([]);
  });

  test("dead-letters the whole record of an item whose mapping fails, and no other record", async () => {
    const { fullName: _, ...nameless } = profile(3, "eve@example.org");
    await put(nameless);
    await put(order(3, 1));
    expect((await live("Orders")).map(({ customerId }) => customerId)).toEqual(["3"]);
    expect(await emails()).toEqual(["1: bob@example.org"]);
    const { Messages = [] } = await queues.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 1 }));
    expect(Messages.map(({ Body = "" }) => decodeEnvelope(Body))).toMatchObject([
      {
        pipeline: "shop",
        sink: "customers",
        code: "MAPPING_FAILED",
        record: { dynamodb: { NewImage: toImage(nameless) } },
      },
    ]);
  });
});
