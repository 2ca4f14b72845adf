// The test writes to DynamoDB Local, as the shop would. The function sends mails to a mail server for tests.

import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { drainQueue, engineOrSkip, eventSourceMapping, startEngines, streamsClient } from "@sluice/local";
import { type ParsedMail, simpleParser } from "mailparser";
import type { Item } from "../src/mails.ts";
import { openMailbox } from "./mailbox.ts";

const runner = { describe, test, afterAll };
const describeWithEngines = await engineOrSkip(runner, () => startEngines({ dynamodb: true, sqs: true }));

describeWithEngines("the handler", ({ dynamodb, sqs: queues }) => {
  const mailbox = openMailbox();
  const table = new DynamoDBClient(dynamodb.clientConfig);
  const sqs = new SQS(queues.clientConfig);
  const environment = process.env;
  let streamArn = "";
  let deadLetters = "";
  let handler: PipelineHandler;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const { TableDescription } = await table.send(
      new CreateTableCommand({
        TableName: "Shop",
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    streamArn = TableDescription?.LatestStreamArn ?? "";
    deadLetters = (await sqs.createQueue({ QueueName: "shop-dead-letters" })).QueueUrl ?? "";
    const { region, credentials } = queues.clientConfig;
    process.env = {
      ...environment,
      MAIL_FROM: "shop@example.com",
      SMTP_URL: `smtp://127.0.0.1:${await mailbox.start()}`,
      MAILS_PER_SECOND: "1000",
      DEDUPE_TABLE: "sent-mails",
      SOURCE_TABLE: "Shop",
      DEAD_LETTER_QUEUE_URL: deadLetters,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_ENDPOINT_URL_SQS: queues.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      POWERTOOLS_LOG_LEVEL: "SILENT",
    };
    const { dedupeStore, shop } = await import("../src/shop.ts");
    await dedupeStore.ensure();
    close = async () => {
      await dedupeStore.close();
      for (const { sink } of shop.routes) await sink.close?.();
    };
    ({ handler } = await import("../src/handler.ts"));
  });

  beforeEach(() => mailbox.refuse(() => undefined));

  afterAll(async () => {
    process.env = environment;
    await close();
    await mailbox.stop();
    for (const client of [table, sqs]) client.destroy();
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

  const put = (item: Item) => table.send(new PutItemCommand({ TableName: "Shop", Item: marshall(item) }));

  const customer = (name: string) =>
    ({ pk: `customer#${name}`, type: "customer", name, email: `${name.toLowerCase()}@example.com` }) as const;

  const order = (id: string, name: string, status: "placed" | "paid" | "shipped") =>
    ({ pk: `order#${id}`, type: "order", name, email: `${name.toLowerCase()}@example.com`, status, total: 5 }) as const;

  /** Returns the mails that arrived since the last call, as `recipient: subject`. */
  const arrived = async (): Promise<string[]> =>
    (await Promise.all(mailbox.take().map(({ to, raw }) => simpleParser(raw).then((mail) => [to, mail] as const))))
      .map(([to, { subject }]: readonly [string, ParsedMail]) => `${to}: ${subject}`)
      .sort();

  test("welcomes a new customer, and sends a receipt when an order becomes paid", async () => {
    await put(customer("Ada"));
    await put({ ...customer("Ada"), name: "Ada <b>Lovelace</b>" });
    for (const status of ["placed", "paid", "paid", "shipped"] as const) await put(order("7", "Ada", status));
    await deliverStream();
    const welcome = mailbox.received().find(({ raw }) => raw.includes("Subject: Welcome"));
    const { text, html, from } = await simpleParser(welcome?.raw ?? "");
    expect([text, html]).toEqual([
      expect.stringContaining("Hello Ada,\n\nyour account is ready."),
      expect.stringContaining("<p>Hello Ada,</p>"),
    ]);
    expect(from?.text).toBe('"The shop" <shop@example.com>');
    expect(await arrived()).toEqual(["ada@example.com: Welcome, Ada", "ada@example.com: Your receipt for order 7"]);
  });

  test("sends no mail twice when the stream is redelivered", async () => {
    await put(customer("Bob"));
    await deliverStream();
    expect(await arrived()).toEqual(["bob@example.com: Welcome, Bob"]);
    await deliverStream();
    expect(await arrived()).toEqual([]);
  });

  test("retries a mail that the server defers, and dead-letters only a mail that the server rejects", async () => {
    let waits = 4;
    mailbox.refuse((address) => {
      if (address.startsWith("eve")) return [550, "5.1.1 no such user"];
      if (!address.startsWith("dan") || waits === 0) return undefined;
      waits -= 1;
      return [451, "4.7.1 come back later"];
    });
    for (const name of ["Cyd", "Dan", "Eve", "Fay"]) await put(customer(name));
    await deliverStream();
    expect(await arrived()).toEqual(
      ["Cyd", "Dan", "Fay"].map((name) => `${name.toLowerCase()}@example.com: Welcome, ${name}`),
    );
    expect(waits).toBe(0);
    const messages = await drainQueue(sqs, deadLetters);
    expect(messages.map(({ body }) => JSON.parse(body))).toMatchObject([{ sink: "welcome", code: "SINK_REJECTED" }]);
  });
});
