// Each AWS operation that the sinks, the dedupe store, the queues and the payload store call is listed in their READMEs, and each
// listed action is called. `@sluice/cdk` gives exactly the listed rights.

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { absenceRecord, microsOf, repairRecord } from "@sluice/backfill";
import { s3PayloadStore, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import type { Envelope } from "@sluice/core/envelope";
import {
  type Change,
  decodeRecord,
  type UpsertDelivery,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { type RightRow, rightRows } from "@sluice/rules";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { emailSink, sesTransport } from "@sluice/sink-email";
import { eventbridgeSink } from "@sluice/sink-eventbridge";
import { snsSink } from "@sluice/sink-sns";
import { sqsSink } from "@sluice/sink-sqs";
import { memoryDedupe, streamChange, streamRecord, toImage } from "@sluice/testing";
import { permissionRows } from "./permission-rows.ts";

const rows: readonly RightRow[] = Object.values(rightRows);

test.each([...new Set(rows.map((row) => row.package))])(
  "the README of %s lists the rights of @sluice/rules",
  (folder) => {
    const expected = rows.filter((row) => row.package === folder).map(({ package: _, ...row }) => row);
    const found = permissionRows(folder).map((row) => ({ ...row, on: row.on.filter((name) => name !== "") }));
    expect(found).toEqual(expected);
  },
);

const context: WriteContext = { signal: new AbortController().signal, remainingMs: () => 60_000 };

/** The actions that IAM checks for an operation, if they are not called like the operation. */
const actionsOf: Readonly<Record<string, string>> = {
  PublishBatch: "Publish",
  SendMessageBatch: "SendMessage",
  DeleteMessageBatch: "DeleteMessage",
  ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
};

/** The actions that these rows list. KMS and Secrets Manager are called by the service, or by the user's code. */
const listed = (folder: string, accepts: (use: string) => boolean): readonly string[] =>
  [
    ...new Set(
      permissionRows(folder)
        .filter(({ use }) => accepts(use))
        .flatMap(({ actions }) => actions)
        .filter((action) => /^(dynamodb|sns|sqs|events|ses|s3):/.test(action)),
    ),
  ].sort();

type Answers = Readonly<Record<string, (input: never) => unknown>>;

/** A client with these methods. */
type Client<Given extends Answers> = {
  readonly [Method in keyof Given]: (...input: Parameters<Given[Method]>) => Promise<ReturnType<Given[Method]>>;
};

/** A client that notes the operations that it is asked for, and gives these answers. */
const fake = <Given extends Answers>(service: string, answers: Given) => {
  const called = new Set<string>();
  const methods = Object.entries(answers).map(([method, answer]) => [
    method,
    async (input: never) => {
      const operation = `${method.charAt(0).toUpperCase()}${method.slice(1)}`;
      called.add(`${service}:${actionsOf[operation] ?? operation}`);
      return answer(input);
    },
  ]);
  return { client: Object.fromEntries(methods) as Client<Given>, called: () => [...called].sort() };
};

interface BatchInput {
  readonly Entries?: readonly { readonly Id: string }[];
  readonly PublishBatchRequestEntries?: readonly { readonly Id: string }[];
}

const successful = ({ Entries = [], PublishBatchRequestEntries = Entries }: BatchInput) => ({
  Successful: PublishBatchRequestEntries.map(({ Id }) => ({ Id })),
});

const change = streamChange({ keyNames: ["pk"], after: { pk: "a", n: 1 } });

const appended = <Message>(message: Message) => [{ change, message, idempotencyKey: "event-1:route" }];

const outcomes = (results: readonly WriteResult[]): readonly string[] =>
  results.map((result) => (result.outcome === "failed" ? result.error.code : result.outcome));

describe("a write calls what the README lists", () => {
  test("into SNS", async () => {
    const { client, called } = fake("sns", { publishBatch: successful });
    const sink = snsSink({ topicArn: "arn:aws:sns:eu-west-1:123456789012:orders", client });
    expect(outcomes(await sink.write(appended({ body: "a" }), context))).toEqual(["delivered"]);
    expect(called()).toEqual(listed("sink-sns", () => true));
  });

  test("into SQS", async () => {
    const { client, called } = fake("sqs", { sendMessageBatch: successful });
    const sink = sqsSink({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", client });
    expect(outcomes(await sink.write(appended({ body: "a" }), context))).toEqual(["delivered"]);
    expect(called()).toEqual(listed("sink-sqs", () => true));
  });

  test("into EventBridge", async () => {
    const { client, called } = fake("events", { putEvents: () => ({ Entries: [{ EventId: "1" }] }) });
    const sink = eventbridgeSink({ source: "com.example", eventBusName: "orders", client });
    const message = { detailType: "OrderPlaced", detail: { pk: "a" } };
    expect(outcomes(await sink.write(appended(message), context))).toEqual(["delivered"]);
    expect(called()).toEqual(listed("sink-eventbridge", () => true));
  });

  test("by SES, in both forms of a mail", async () => {
    const raw = new Set<string>();
    const { client, called } = fake("ses", {
      // IAM checks `ses:SendRawEmail` for a mail that the sender has encoded.
      sendEmail: ({ Content }: { readonly Content: object }) => {
        if ("Raw" in Content) raw.add("ses:SendRawEmail");
        return { MessageId: "1" };
      },
    });
    const sink = emailSink({ transport: sesTransport({ client }), dedupeStore: memoryDedupe() });
    const mail = { from: "shop@example.com", to: "ada@example.com", subject: "Hello", text: "Hi" };
    const attachments = [{ filename: "a.txt", content: "a" }];
    expect(outcomes(await sink.write(appended(mail), context))).toEqual(["delivered"]);
    const second = [{ change, message: { ...mail, attachments }, idempotencyKey: "event-2:route" }];
    expect(outcomes(await sink.write(second, context))).toEqual(["delivered"]);
    expect([...called(), ...raw]).toEqual(listed("sink-email", (use) => use.includes("SES")));
  });
});

const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";

const envelope: Envelope = {
  v: 1,
  id: "event-1:postgres",
  pipeline: "orders",
  sink: "postgres",
  code: "SINK_REJECTED",
  message: "refused",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: streamRecord({ after: { pk: "a", sk: "1" } }),
};

describe("core calls what its README lists", () => {
  test("of the dead-letter queue", async () => {
    const { client, called } = fake("sqs", { sendMessageBatch: successful });
    const { stored } = await sqsDeadLetterQueue({ queueUrl, client }).write([envelope]);
    expect(stored.size).toBe(1);
    expect(called()).toEqual(listed("core", (use) => use === "`sqsDeadLetterQueue`"));
  });

  test("of the retry queue, besides what Lambda calls to consume it", async () => {
    const batch = successful;
    const { client, called } = fake("sqs", {
      sendMessageBatch: batch,
      deleteMessageBatch: batch,
      changeMessageVisibilityBatch: batch,
    });
    const queue = sqsRetryQueue({ queueUrl, client });
    await queue.write([{ envelope, group: "a" }]);
    await queue.postpone([{ receiptHandle: "1", ageMs: 1_000, isOutage: true }], () => 0.5);
    await queue.remove(["1"]);
    const byLambda = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    const all = [...new Set([...called(), ...byLambda])].sort();
    expect(all).toEqual(listed("core", (use) => use === "`sqsRetryQueue`"));
  });

  test("of the payload store", async () => {
    const bytes = new Uint8Array([1]);
    const { client, called } = fake("s3", {
      putObject: () => ({}),
      getObject: () => ({ Body: { transformToByteArray: async () => bytes } }),
      deleteObject: () => ({}),
    });
    const store = s3PayloadStore({ bucket: "orders", client });
    const url = await store.put(bytes);
    expect(await store.get(url)).toEqual(bytes);
    await store.remove(url);
    expect(called()).toEqual(listed("core", (use) => use === "`s3PayloadStore`"));
  });
});

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb("on DynamoDB Local", ({ clientConfig }) => {
  const direct = new DynamoDBClient(clientConfig);
  const clients: DynamoDBClient[] = [];
  afterAll(() => {
    for (const client of [direct, ...clients]) client.destroy();
  });

  /** A client that notes its operations. */
  const record = () => {
    const client = new DynamoDBClient(clientConfig);
    clients.push(client);
    const called = new Set<string>();
    client.middlewareStack.add(
      (next, { commandName = "" }) =>
        (args) => {
          called.add(`dynamodb:${commandName.replace("Command", "")}`);
          return next(args);
        },
      { step: "initialize" },
    );
    return { client, called: () => [...called].sort() };
  };

  let tables = 0;
  const createTable = async (key: string): Promise<string> => {
    tables += 1;
    const TableName = `copies-${tables}`;
    await direct.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: key, AttributeType: "S" }],
        KeySchema: [{ AttributeName: key, KeyType: "HASH" }],
      }),
    );
    return TableName;
  };

  const origin = {
    run: "run",
    streamArn: "arn:aws:dynamodb:us-east-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678",
    keyNames: ["pk"],
  };
  const deliveryOf = (one: Change): UpsertDelivery<never> => ({
    change: one,
    message: one.after as never,
    earlier: [],
  });
  const [older, newer] = [
    { pk: "a", n: 1 },
    { pk: "a", n: 2 },
  ];
  const inserted = deliveryOf(streamChange({ keyNames: ["pk"], after: older, position: 1 }));
  const modified = deliveryOf(streamChange({ keyNames: ["pk"], before: older, after: newer, position: 2 }));
  const removed = deliveryOf(streamChange({ keyNames: ["pk"], before: newer, position: 3 }));
  const others = [1, 4].map((position) => deliveryOf(streamChange({ keyNames: ["pk"], after: { pk: "b" }, position })));
  const repaired = deliveryOf(
    decodeRecord(
      repairRecord(
        origin,
        { keys: toImage({ pk: "a" }), item: toImage(newer) },
        { held: undefined, epoch: "20260102030405678", now: microsOf(Date.now()) },
      ),
      "backfill",
    ),
  );

  const uses = async (key: string, options: object = {}) => {
    const table = await createTable(key);
    const [write, compare, ensure] = [record(), record(), record()];
    const writer = dynamodbSink({ table, client: write.client, ...options });
    await writer.dryRun?.([inserted], context);
    for (const one of [inserted, modified, ...others, inserted, repaired, removed]) {
      for (const result of await writer.write([one], context)) {
        if (result.outcome === "failed") throw result.error;
      }
    }
    const reader = dynamodbSink({ table, client: compare.client, ...options });
    const absent = decodeRecord(absenceRecord(origin, toImage({ pk: "a" }), microsOf(Date.now())), "backfill");
    await reader.read?.([deliveryOf(absent)], context);
    const asked = { part: 0, parts: 1, after: undefined, limit: 10, keyTypes: { pk: "S" } } as const;
    await reader.keys?.(asked, context);
    await dynamodbSink({ table, client: ensure.client, ...options }).ensure();
    return { write: write.called(), compare: compare.called(), ensure: ensure.called() };
  };

  test("the sink calls what its README lists", async () => {
    const called = await uses("pk");
    for (const use of ["write", "compare", "ensure"] as const) {
      expect({ use, called: called[use] }).toEqual({ use, called: listed("sink-dynamodb", (text) => text === use) });
    }
  });

  test("a target with shared keys is also updated", async () => {
    const { write } = await uses("id", { movingKey: () => ({ id: "shared" }) });
    expect(write).toEqual(listed("sink-dynamodb", (text) => text === "write" || /one target key$/.test(text)));
  });

  describe("the dedupe store calls what its README lists", () => {
    const id = { pipeline: "orders", route: "sns" };
    const version = `20260102030405678-${"1".padStart(40, "0")}`;
    const rows = (use: string) => listed("dedupe-dynamodb", (text) => text === use);

    test("for ensure() and on-failure", async () => {
      const [ensure, use] = [record(), record()];
      const tableName = "dedupe-journal";
      await dynamodbDedupe({ tableName, client: ensure.client }).ensure();
      const { journal } = dynamodbDedupe({ tableName, client: use.client });
      await journal.note(id, [{ idempotencyKey: "event-1:sns", version }]);
      await journal.find(id, { from: version, to: version }, context.signal);
      expect(ensure.called()).toEqual(rows("`ensure()`"));
      expect(use.called()).toEqual(rows("routes with `on-failure`"));
    });

    test("for always", async () => {
      const { client, called } = record();
      const tableName = "dedupe-leases";
      await dynamodbDedupe({ tableName, client: direct }).ensure();
      const { leases } = dynamodbDedupe({ tableName, client });
      expect(await leases.acquire(id, "event-1:sns", 1_000)).toBe("acquired");
      await leases.complete(id, "event-1:sns");
      expect(await leases.acquire(id, "event-1:sns", 1_000)).toBe("completed");
      await leases.acquire(id, "event-2:sns", 1_000);
      await leases.release(id, "event-2:sns");
      expect(called()).toEqual(rows("routes with `always`"));
    });

    test("for a retry queue", async () => {
      const { client, called } = record();
      const tableName = "dedupe-pending";
      await dynamodbDedupe({ tableName, client: direct }).ensure();
      const { pendingItems } = dynamodbDedupe({ tableName, client });
      const item = { itemKey: "a", version, owner: "one" };
      await pendingItems.add(id, [item]);
      await pendingItems.find(id, ["a"], context.signal);
      await pendingItems.find(
        id,
        Array.from({ length: 250 }, (_, at) => `item-${at}`),
        context.signal,
      );
      await pendingItems.release(id, [item]);
      await pendingItems.restore(id, [{ from: item, to: undefined }]);
      expect(called()).toEqual(rows("routes with a retry queue"));
    });
  });
});
