// Tests the whole path of a change: a DynamoDB table, its stream, Lambda's event source mapping, the handler of
// examples/replicate-to-postgres, and a Postgres table. A bad item is dead-lettered, and redriven after a repair.

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

const tableName = "Films";
const film = (
  id: number,
  title: string,
  more: Record<string, AttributeValue> = {},
): Record<string, AttributeValue> => ({
  filmId: { N: String(id) },
  Title: { S: title },
  ...more,
});

const createTable = async (client: DynamoDBClient): Promise<string> => {
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName: tableName,
      KeySchema: [{ AttributeName: "filmId", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "filmId", AttributeType: "N" }],
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
  const { filmsSink } = await import("@sluice/example-replicate-to-postgres/films");
  const { handler } = await import("@sluice/example-replicate-to-postgres");
  return { filmsSink, handler };
};

describeWithEngines("a table of films, replicated to Postgres", (engines) => {
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
    queueUrl = (await sqs.createQueue({ QueueName: "films-dead-letters" })).QueueUrl ?? "";
    const example = await importExample(engines, databaseUrl, queueUrl);
    handler = example.handler;
    closeSink = example.filmsSink.close;
    await example.filmsSink.ensure();
    await pool.query("ALTER TABLE films ADD CONSTRAINT plausible CHECK (running_time_min <= 600)");
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

  const put = (item: Record<string, AttributeValue>) =>
    client.send(new PutItemCommand({ TableName: tableName, Item: item }));
  const remove = (id: number) =>
    client.send(new DeleteItemCommand({ TableName: tableName, Key: { filmId: { N: String(id) } } }));

  /** Returns all items of the table and all rows of the replica, both in the same form. */
  const bothSides = async () => {
    const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
    const text = (value: AttributeValue | undefined): string | null => value?.S ?? value?.N ?? null;
    const items = Items.map((item) => [
      text(item.filmId),
      text(item.Title),
      text(item["US Gross"]),
      text(item["IMDB Rating"]),
    ]);
    const { rows } = await pool.query<string[]>({
      text: "SELECT film_id::text, title, us_gross::text, imdb_rating::text FROM films",
      rowMode: "array",
    });
    const byId = (left: readonly unknown[], right: readonly unknown[]): number => Number(left[0]) - Number(right[0]);
    return { items: items.sort(byId), rows: rows.sort(byId) };
  };

  const deadLetters = async () => {
    const { Messages = [] } = await sqs.receiveMessage({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    });
    return Messages;
  };

  test("after inserts, updates, removed attributes, deletes and new inserts the rows equal the items", async () => {
    const exact = "12345678901234567890123456789012345678";
    for (let id = 1; id <= 30; id += 1) await put(film(id, `Film ${id}`, { "IMDB Rating": { N: "7.25" } }));
    await put(film(1, "Film 1, again", { "US Gross": { N: exact } }));
    await client.send(
      new UpdateItemCommand({
        TableName: tableName,
        Key: { filmId: { N: "2" } },
        UpdateExpression: "REMOVE #rating SET #title = :title",
        ExpressionAttributeNames: { "#rating": "IMDB Rating", "#title": "Title" },
        ExpressionAttributeValues: { ":title": { S: "Film 2 — without a rating 🎬" } },
      }),
    );
    for (const id of [3, 4, 5]) await remove(id);
    await put(film(4, "Film 4, new"));
    await mapping.drained();

    const { items, rows } = await bothSides();
    expect(items).toHaveLength(28);
    expect(rows).toEqual(items);
    expect(await deadLetters()).toEqual([]);
  });

  test("a bad item is dead-lettered whole, does not hold up other items, and arrives after a redrive", async () => {
    await put(film(100, "Logistics", { "Running Time min": { N: "51420" } }));
    await put(film(101, "After the bad item"));
    await mapping.drained();

    const { rows } = await bothSides();
    expect(rows.map(([id]) => id)).toContain("101");
    expect(rows.map(([id]) => id)).not.toContain("100");
    const messages = await deadLetters();
    expect(messages.map(({ Body = "" }) => decodeEnvelope(Body))).toMatchObject([
      {
        pipeline: "films",
        sink: "postgres",
        code: "SINK_REJECTED",
        record: { eventName: "INSERT", dynamodb: { NewImage: film(100, "Logistics") } },
      },
    ]);

    const records = messages.map(({ MessageId, Body }) => ({
      messageId: MessageId,
      body: Body,
      eventSource: "aws:sqs",
    }));
    const refused = await handler({ Records: records });
    expect(refused.batchItemFailures).toEqual([{ itemIdentifier: records[0]?.messageId }]);

    await pool.query("ALTER TABLE films DROP CONSTRAINT plausible");
    expect(await handler({ Records: records })).toEqual({ batchItemFailures: [] });
    const repaired = await bothSides();
    expect(repaired.rows).toEqual(repaired.items);
  });

  test("a redrive after the removal of the item does not restore the item", async () => {
    const [message] = await deadLetters();
    await remove(100);
    await mapping.drained();
    const event = { Records: [{ messageId: message?.MessageId, body: message?.Body, eventSource: "aws:sqs" }] };
    expect(await handler(event)).toEqual({ batchItemFailures: [] });
    const { items, rows } = await bothSides();
    expect(items.map(([id]) => id)).not.toContain("100");
    expect(rows).toEqual(items);
  });
});
