// Tests the whole path of a change: a DynamoDB table, its stream, Lambda's event source mapping, the handler of
// examples/replicate-to-postgres, and the Postgres tables of orders, their lines and their coupons. A bad item is
// dead-lettered, and redriven after a repair.

import {
  type AttributeValue,
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { decodeEnvelope } from "@sluice/core/envelope";
import {
  type Engines,
  type EventSourceMapping,
  engineOrSkip,
  eventSourceMapping,
  startEngines,
  streamsClient,
} from "@sluice/local";
import pg from "pg";

const wanted = { dynamodb: true, postgres: true, sqs: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const tableName = "Orders";

type Item = Record<string, AttributeValue>;

const line = (sku: string, qty: number, price = "1.50"): AttributeValue => ({
  M: { sku: { S: sku }, qty: { N: String(qty) }, price: { N: price } },
});

const order = (id: string, lines: readonly AttributeValue[], more: Item = {}): Item => ({
  orderId: { S: id },
  status: { S: "placed" },
  lines: { L: [...lines] },
  ...more,
});

const createTable = async (client: DynamoDBClient): Promise<string> => {
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName: tableName,
      KeySchema: [{ AttributeName: "orderId", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "orderId", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  return TableDescription?.LatestStreamArn ?? "";
};

/** Sets the environment variables that the example reads, as in Lambda. Then imports the example. */
const importExample = async (engines: Engines<typeof wanted>, databaseUrl: string, queueUrl: string) => {
  const { region, credentials } = engines.sqs.clientConfig;
  Object.assign(process.env, {
    DATABASE_URL: databaseUrl,
    SOURCE_TABLE: tableName,
    DEAD_LETTER_QUEUE_URL: queueUrl,
    AWS_ENDPOINT_URL_SQS: engines.sqs.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    POWERTOOLS_LOG_LEVEL: "SILENT",
  });
  const { ordersSink } = await import("@sluice/example-replicate-to-postgres/orders");
  const { handler } = await import("@sluice/example-replicate-to-postgres");
  return { ordersSink, handler };
};

describeWithEngines("orders with lines, replicated to Postgres", (engines) => {
  const client = new DynamoDBClient(engines.dynamodb.clientConfig);
  const sqs = new SQS(engines.sqs.clientConfig);
  let pool: pg.Pool;
  let queueUrl: string;
  let handler: PipelineHandler;
  let mapping: EventSourceMapping;
  let closeSink: () => Promise<void>;

  beforeAll(async () => {
    const databaseUrl = await engines.postgres.createDatabase();
    pool = new pg.Pool({ connectionString: databaseUrl });
    pool.on("error", () => undefined);
    queueUrl = (await sqs.createQueue({ QueueName: "orders-dead-letters" })).QueueUrl ?? "";
    const example = await importExample(engines, databaseUrl, queueUrl);
    handler = example.handler;
    closeSink = example.ordersSink.close;
    await example.ordersSink.ensure();
    await pool.query("ALTER TABLE order_lines ADD CONSTRAINT plausible CHECK (quantity <= 600)");
    mapping = eventSourceMapping({
      client: streamsClient(engines.dynamodb.endpoint),
      streamArn: await createTable(client),
      handler: (event, context) => handler(event, context),
      startingPosition: "TRIM_HORIZON",
      functionResponseTypes: ["ReportBatchItemFailures"],
      bisectBatchOnFunctionError: true,
      batchSize: 10,
      parallelizationFactor: 2,
      pollIntervalMs: 20,
    });
    await mapping.start();
  });

  afterAll(async () => {
    await mapping?.stop();
    await closeSink?.();
    await pool?.end();
    client.destroy();
    sqs.destroy();
  });

  const put = (item: Item) => client.send(new PutItemCommand({ TableName: tableName, Item: item }));
  const remove = (id: string) =>
    client.send(new DeleteItemCommand({ TableName: tableName, Key: { orderId: { S: id } } }));

  /** Returns all items of the table and all rows of the replica, both in the same form. */
  const bothSides = async () => {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
    const text = (value: AttributeValue | undefined): string | null => value?.S ?? value?.N ?? null;
    const itemsInOrder = Items.sort((left, right) => Number(left.orderId?.S) - Number(right.orderId?.S));
    const items = {
      orders: itemsInOrder.map(({ orderId, status, total }) => [text(orderId), text(status), text(total)]),
      lines: itemsInOrder.flatMap(({ orderId, lines }) =>
        (lines?.L ?? []).map(({ M }, index) => [text(orderId), index, text(M?.sku), text(M?.qty), Number(M?.price?.N)]),
      ),
      coupons: itemsInOrder.flatMap(({ orderId, coupons }) =>
        [...(coupons?.SS ?? [])].sort().map((coupon) => [text(orderId), coupon]),
      ),
    };
    const select = async (columns: string, table: string, last: string): Promise<unknown[][]> => {
      const query = `SELECT ${columns} FROM ${table} ORDER BY order_id::int, ${last}`;
      return (await pool.query<unknown[]>({ text: query, rowMode: "array" })).rows;
    };
    const rows = {
      orders: await select("order_id, status, total::text", "orders", "status"),
      lines: await select("order_id, line_no, sku, quantity::text, price::float", "order_lines", "line_no"),
      coupons: await select("order_id, coupon", "order_coupons", 'coupon COLLATE "C"'),
    };
    return { items, rows };
  };

  const deadLetters = async () => {
    const { Messages = [] } = await sqs.receiveMessage({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    });
    return Messages;
  };

  test("foreign keys lead from the lines and coupons to the orders", async () => {
    const { rows } = await pool.query<{ from: string; to: string }>(
      `SELECT conrelid::regclass::text AS "from", confrelid::regclass::text AS "to" FROM pg_constraint WHERE contype = 'f' ORDER BY 1`,
    );
    expect(rows).toEqual([
      { from: "order_coupons", to: "orders" },
      { from: "order_lines", to: "orders" },
    ]);
  });

  test("after lists that grow, shrink, are reordered and vanish, and removed orders, the rows equal the items", async () => {
    const exact = "12345678901234567890123456789012345678";
    const [tea, cup, pot] = [line("tea", 2), line("cup", 1, "4.5"), line("pot", 1, "20")];
    for (let id = 1; id <= 30; id += 1) await put(order(String(id), [tea, cup], { coupons: { SS: ["B", "A"] } }));
    await put(order("1", [tea, cup, pot, tea], { total: { N: exact }, coupons: { SS: ["C", "A"] } }));
    await put(order("2", [pot]));
    await put(order("3", [cup, tea]));
    await put(order("4", []));
    await client.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: { orderId: { S: "5" } },
        UpdateExpression: "REMOVE #lines[0], coupons SET #status = :status",
        ExpressionAttributeNames: { "#lines": "lines", "#status": "status" },
        ExpressionAttributeValues: { ":status": { S: "paid — 🎬" } },
      }),
    );
    for (const id of ["6", "7", "8"]) await remove(id);
    await put(order("7", [pot, tea]));
    await mapping.drained();

    const { items, rows } = await bothSides();
    expect(items.orders).toHaveLength(28);
    expect(items.lines.length).toBeGreaterThan(50);
    expect(rows).toEqual(items);
    expect(await deadLetters()).toEqual([]);
  });

  test("an order with a bad line is dead-lettered whole, does not hold up other orders, and arrives after a redrive", async () => {
    const bad = order("100", [line("tea", 1), line("sugar", 51_420)]);
    await put(bad);
    await put(order("101", [line("tea", 1)]));
    await mapping.drained();

    const { rows } = await bothSides();
    expect(rows.orders.map(([id]) => id)).toContain("101");
    expect(rows.orders.map(([id]) => id)).not.toContain("100");
    expect(rows.lines.map(([id]) => id)).not.toContain("100");
    const messages = await deadLetters();
    expect(messages.map(({ Body = "" }) => decodeEnvelope(Body))).toMatchObject([
      {
        pipeline: "orders",
        sink: "postgres",
        code: "SINK_REJECTED",
        record: { eventName: "INSERT", dynamodb: { NewImage: bad } },
      },
    ]);

    const records = messages.map(({ MessageId, Body }) => ({
      messageId: MessageId,
      body: Body,
      eventSource: "aws:sqs",
    }));
    const refused = await handler({ Records: records });
    expect(refused.batchItemFailures).toEqual([{ itemIdentifier: records[0]?.messageId }]);

    await pool.query("ALTER TABLE order_lines DROP CONSTRAINT plausible");
    expect(await handler({ Records: records })).toEqual({ batchItemFailures: [] });
    const repaired = await bothSides();
    expect(repaired.rows.lines).toHaveLength(rows.lines.length + 2);
    expect(repaired.rows).toEqual(repaired.items);
  });

  test("a redrive after the removal of the order restores neither the order nor its lines", async () => {
    const [message] = await deadLetters();
    await remove("100");
    await mapping.drained();
    const event = { Records: [{ messageId: message?.MessageId, body: message?.Body, eventSource: "aws:sqs" }] };
    expect(await handler(event)).toEqual({ batchItemFailures: [] });
    const { items, rows } = await bothSides();
    expect(items.orders.map(([id]) => id)).not.toContain("100");
    expect(rows).toEqual(items);
  });
});
