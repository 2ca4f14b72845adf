// The test writes orders to DynamoDB Local. The function publishes events to a topic, and a queue receives the events.

import { CreateTableCommand, DynamoDBClient, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { drainQueue, engineOrSkip, eventSourceMapping, startEngines, streamsClient } from "@sluice/local";

const runner = { describe, test, afterAll };
const describeWithEngines = await engineOrSkip(runner, () => startEngines({ dynamodb: true, sqs: true }));

describeWithEngines("the handler", ({ dynamodb, sqs: messaging }) => {
  const table = new DynamoDBClient(dynamodb.clientConfig);
  const sns = new SNS(messaging.clientConfig);
  const sqs = new SQS(messaging.clientConfig);
  const environment = process.env;
  let streamArn = "";
  let subscription = "";
  let deadLetters = "";
  let handler: PipelineHandler;

  const createQueue = async (QueueName: string): Promise<{ url: string; arn: string | undefined }> => {
    const Attributes = QueueName.endsWith(".fifo") ? { FifoQueue: "true" } : {};
    const { QueueUrl: url = "" } = await sqs.createQueue({ QueueName, Attributes });
    const found = await sqs.getQueueAttributes({ QueueUrl: url, AttributeNames: ["QueueArn"] });
    return { url, arn: found.Attributes?.QueueArn };
  };

  beforeAll(async () => {
    const { TableDescription } = await table.send(
      new CreateTableCommand({
        TableName: "Orders",
        KeySchema: [{ AttributeName: "orderId", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "orderId", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    streamArn = TableDescription?.LatestStreamArn ?? "";
    const { TopicArn } = await sns.createTopic({ Name: "order-events.fifo", Attributes: { FifoTopic: "true" } });
    const queue = await createQueue("billing.fifo");
    subscription = queue.url;
    deadLetters = (await createQueue("orders-dead-letters")).url;
    await sns.subscribe({
      TopicArn,
      Protocol: "sqs",
      Endpoint: queue.arn,
      Attributes: { RawMessageDelivery: "true", FilterPolicy: '{"type":["OrderPlaced","OrderPaid"]}' },
    });
    const { region, credentials } = messaging.clientConfig;
    process.env = {
      ...environment,
      ORDER_EVENTS_TOPIC_ARN: TopicArn,
      SOURCE_TABLE: "Orders",
      DEAD_LETTER_QUEUE_URL: deadLetters,
      AWS_ENDPOINT_URL_SNS: messaging.endpoint,
      AWS_ENDPOINT_URL_SQS: messaging.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      POWERTOOLS_LOG_LEVEL: "SILENT",
    };
    ({ handler } = await import("../src/handler.ts"));
  });

  afterAll(() => {
    process.env = environment;
    for (const client of [table, sns, sqs]) client.destroy();
  });

  /** Delivers the whole stream to the function, as Lambda does. */
  const deliverStream = async (): Promise<void> => {
    const mapping = eventSourceMapping({
      client: streamsClient(dynamodb.endpoint),
      streamArn,
      handler,
      startingPosition: "TRIM_HORIZON",
      functionResponseTypes: ["ReportBatchItemFailures"],
    });
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
  };

  const place = (orderId: string, note = "") =>
    table.send(
      new PutItemCommand({
        TableName: "Orders",
        Item: {
          orderId: { S: orderId },
          customerId: { S: "c-1" },
          status: { S: "placed" },
          total: { N: "5" },
          internalNote: { S: note },
        },
      }),
    );

  const setStatus = (orderId: string, status: string) =>
    table.send(
      new UpdateItemCommand({
        TableName: "Orders",
        Key: { orderId: { S: orderId } },
        UpdateExpression: "SET #status = :status",
        ExpressionAttributeNames: { "#status": "status" },
        ExpressionAttributeValues: { ":status": { S: status } },
      }),
    );

  const events = async () =>
    (await drainQueue(sqs, subscription)).map(({ body }) => JSON.parse(body) as { orderId: string; type: string });

  test("publishes events in order, and the subscriber gets the events that match its filter policy", async () => {
    for (const orderId of ["o-1", "o-2", "o-3"]) await place(orderId);
    await place("o-1", "a note makes no event");
    for (const orderId of ["o-2", "o-1"]) await setStatus(orderId, "paid");
    await setStatus("o-1", "shipped");
    await deliverStream();
    const received = await events();
    const of = (wanted: string) => received.filter(({ orderId }) => orderId === wanted);
    expect(of("o-1")).toMatchObject([{ type: "OrderPlaced", customerId: "c-1", total: 5 }, { type: "OrderPaid" }]);
    expect(of("o-2")).toMatchObject([{ type: "OrderPlaced" }, { type: "OrderPaid" }]);
    expect(of("o-3")).toMatchObject([{ type: "OrderPlaced" }]);
    expect(received).toHaveLength(5);
  });

  test("publishes no event twice when the stream is redelivered", async () => {
    await place("o-4");
    await deliverStream();
    expect(await events()).toMatchObject([{ orderId: "o-4", type: "OrderPlaced" }]);
    expect(await drainQueue(sqs, deadLetters)).toEqual([]);
  });
});
