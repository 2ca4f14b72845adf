// The test writes customers to DynamoDB Local. The function sends the changes to a CRM whose calls sometimes fail.

import { setTimeout } from "node:timers/promises";
import { CreateTableCommand, DeleteItemCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  drainQueue,
  type EventSourceMapping,
  engineOrSkip,
  eventSourceMapping,
  startEngines,
  streamsClient,
} from "@sluice/local";
import type { Customer } from "../src/contact.ts";
import { openCrm, secret, token } from "./crm.ts";

const runner = { describe, test, afterAll };
const describeWithEngines = await engineOrSkip(runner, () => startEngines({ dynamodb: true, sqs: true }));

const circuitOpenMs = 100;

describeWithEngines("the handler", ({ dynamodb, sqs: queues }) => {
  const crm = openCrm();
  const table = new DynamoDBClient(dynamodb.clientConfig);
  const sqs = new SQS(queues.clientConfig);
  const environment = process.env;
  let streamArn = "";
  let deadLetters = "";
  let mapping: EventSourceMapping;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const { TableDescription } = await table.send(
      new CreateTableCommand({
        TableName: "Customers",
        KeySchema: [{ AttributeName: "customerId", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "customerId", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    streamArn = TableDescription?.LatestStreamArn ?? "";
    deadLetters = (await sqs.createQueue({ QueueName: "customers-dead-letters" })).QueueUrl ?? "";
    const { region, credentials } = queues.clientConfig;
    process.env = {
      ...environment,
      CRM_URL: await crm.start(),
      CRM_TOKEN: token,
      CRM_SECRETS: secret,
      CALLS_PER_SECOND: "1000",
      CIRCUIT_OPEN_MS: String(circuitOpenMs),
      ALLOW_ADDRESSES: "127.0.0.1",
      DEDUPE_TABLE: "calls",
      SOURCE_TABLE: "Customers",
      DEAD_LETTER_QUEUE_URL: deadLetters,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_ENDPOINT_URL_SQS: queues.endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      POWERTOOLS_LOG_LEVEL: "SILENT",
    };
    const { customers, dedupeStore } = await import("../src/customers.ts");
    await dedupeStore.ensure();
    close = async () => {
      await dedupeStore.close();
      for (const { sink } of customers.routes) await sink.close?.();
    };
    const { handler } = await import("../src/handler.ts");
    mapping = eventSourceMapping({
      client: streamsClient(dynamodb.endpoint),
      streamArn,
      handler,
      startingPosition: "TRIM_HORIZON",
      functionResponseTypes: ["ReportBatchItemFailures"],
      retryDelayMs: () => 50,
    });
    await mapping.start();
  });

  beforeEach(() => crm.setFault(() => undefined));

  afterAll(async () => {
    process.env = environment;
    await mapping.stop();
    await close();
    await crm.stop();
    for (const client of [table, sqs]) client.destroy();
  });

  /** Calls `act`, which writes to the table, and waits until the function has handled the changes. */
  const follow = async (act: () => Promise<void>): Promise<void> => {
    await act();
    await mapping.drained();
  };

  const customer = (customerId: string, more: Partial<Customer> = {}): Customer => ({
    customerId,
    firstName: "Ada",
    lastName: customerId,
    email: `${customerId}@Example.com`,
    consent: true,
    ...more,
  });

  const put = (item: Customer) => table.send(new PutItemCommand({ TableName: "Customers", Item: marshall(item) }));

  /** Writes every customer three times. The last write withdraws the customer's consent. */
  const writeThrice = async (ids: readonly string[]): Promise<void> => {
    for (const lastName of ["One", "Two"]) await Promise.all(ids.map((id) => put(customer(id, { lastName }))));
    await Promise.all(ids.map((id) => put(customer(id, { lastName: "Three", consent: false }))));
  };

  const ids = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

  /** Expects that each of these customers caused three calls, in order and without repeated calls. */
  const expectAllOnceInOrder = (of: readonly string[]): void => {
    for (const id of of) {
      const versions = crm.taken.filter(({ contact }) => contact === id).map(({ version }) => version);
      expect(versions).toHaveLength(3);
      expect(versions).toEqual([...new Set(versions)].sort());
      expect(crm.contacts.get(id)).toEqual({
        full_name: "Ada Three",
        email_address: `${id}@example.com`,
        subscription_state: "OPT_OUT",
      });
    }
  };

  test("translates customers into contacts, and sends no internal attributes", async () => {
    await follow(async () => {
      await put(customer("a/1"));
      await put(customer("a/1", { creditLimit: 5 }));
      await put(customer("gone"));
      await table.send(new DeleteItemCommand({ TableName: "Customers", Key: { customerId: { S: "gone" } } }));
    });
    expect(crm.taken.map(({ method, contact }) => `${method} ${contact}`).sort()).toEqual([
      "DELETE gone",
      "PUT a/1",
      "PUT gone",
    ]);
    expect([...crm.contacts]).toEqual([
      ["a/1", { full_name: "Ada a/1", email_address: "a/1@example.com", subscription_state: "OPT_IN" }],
    ]);
  });

  test("makes no call while the CRM throttles, and then sends each change once and in order", async () => {
    let refusals = 0;
    crm.setFault(() => {
      const isRefused = crm.taken.length % 10 === 9 && refusals < 5;
      if (!isRefused) return undefined;
      refusals += 1;
      return { status: 429, retryAfter: "0" };
    });
    const throttled = ids("throttled", 8);
    await follow(() => writeThrice(throttled));
    expect(refusals).toBe(5);
    expectAllOnceInOrder(throttled);
  });

  test("makes few calls during an outage, and then sends each change once and in order", async () => {
    const delayed = ids("outage", 8);
    let during = 0;
    await follow(async () => {
      crm.setFault(() => "down");
      const before = crm.arrived();
      await writeThrice(delayed);
      while (crm.arrived() - before < 5) await setTimeout(10);
      await setTimeout(8 * circuitOpenMs);
      during = crm.arrived() - before;
      crm.setFault(() => undefined);
    });
    // Five failed calls open the circuit breaker. Up to four other calls may be running then. A probe is one more call.
    expect(during).toBeGreaterThanOrEqual(5);
    expect(during).toBeLessThanOrEqual(5 + 4 + 8);
    expectAllOnceInOrder(delayed);
  });

  test("dead-letters a change that the CRM rejects, and sends the customer's next change", async () => {
    let rejections = 1;
    crm.setFault((contact) => {
      if (contact !== "rejected-0" || rejections === 0) return undefined;
      rejections -= 1;
      return { status: 422 };
    });
    await follow(() => writeThrice(["rejected-0"]));
    expect(crm.taken.filter(({ contact }) => contact === "rejected-0")).toHaveLength(2);
    const messages = await drainQueue(sqs, deadLetters);
    expect(messages.map(({ body }) => JSON.parse(body))).toMatchObject([{ sink: "crm", code: "SINK_REJECTED" }]);
  });
});
