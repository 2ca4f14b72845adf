import {
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import type { StreamRecord } from "@sluice/core/envelope";
import {
  type DynamodbEngine,
  type DynamodbStreamHandler,
  type EventSourceMappingOptions,
  engineOrSkip,
  eventSourceMapping,
  startDynamodb,
  streamsClient,
} from "../../src/index.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const createTable = async (client: DynamoDBClient, TableName: string): Promise<string> => {
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  return TableDescription?.LatestStreamArn ?? "";
};

const mappingOn = (
  dynamodb: DynamodbEngine,
  streamArn: string,
  handler: DynamodbStreamHandler,
  options: Partial<EventSourceMappingOptions> = {},
) =>
  eventSourceMapping({
    client: streamsClient(dynamodb.endpoint),
    streamArn,
    handler,
    startingPosition: "TRIM_HORIZON",
    functionResponseTypes: ["ReportBatchItemFailures"],
    pollIntervalMs: 20,
    retryDelayMs: () => 5,
    ...options,
  });

describeWithDynamodb("a mapping on DynamoDB Local", (dynamodb) => {
  const client = new DynamoDBClient(dynamodb.clientConfig);
  afterAll(() => client.destroy());

  test("delivers inserts, modifications and removals as Lambda does", async () => {
    const streamArn = await createTable(client, "kinds");
    const records: StreamRecord[] = [];
    const mapping = mappingOn(dynamodb, streamArn, async (event) => void records.push(...event.Records));
    const Item = {
      pk: { S: "a" },
      bytes: { B: Buffer.from("foo") },
      big: { N: "12345678901234567890123456789012345678" },
    };
    await client.send(new PutItemCommand({ TableName: "kinds", Item }));
    await mapping.start();
    const update = { UpdateExpression: "SET #t = :t", ExpressionAttributeNames: { "#t": "tags" } };
    const ExpressionAttributeValues = { ":t": { SS: ["x"] } };
    await client.send(
      new UpdateItemCommand({ TableName: "kinds", Key: { pk: { S: "a" } }, ...update, ExpressionAttributeValues }),
    );
    await client.send(new DeleteItemCommand({ TableName: "kinds", Key: { pk: { S: "a" } } }));
    await mapping.drained();
    await mapping.stop();
    const image = { pk: { S: "a" }, bytes: { B: "Zm9v" }, big: { N: "12345678901234567890123456789012345678" } };
    expect(records).toMatchObject([
      {
        eventName: "INSERT",
        eventVersion: "1.1",
        eventSource: "aws:dynamodb",
        eventSourceARN: streamArn,
        dynamodb: { Keys: { pk: { S: "a" } }, NewImage: image, StreamViewType: "NEW_AND_OLD_IMAGES" },
      },
      { eventName: "MODIFY", dynamodb: { OldImage: image, NewImage: { ...image, tags: { SS: ["x"] } } } },
      { eventName: "REMOVE", dynamodb: { Keys: { pk: { S: "a" } }, OldImage: { ...image, tags: { SS: ["x"] } } } },
    ]);
    expect(records[0]?.dynamodb).not.toHaveProperty("OldImage");
    expect(records[2]?.dynamodb).not.toHaveProperty("NewImage");
    expect(records[0]?.eventID).toEqual(expect.any(String));
    expect(records[0]?.dynamodb?.ApproximateCreationDateTime).toEqual(expect.any(Number));
  });

  test("delivers a TTL removal with the service's identity as Lambda spells it", async () => {
    const streamArn = await createTable(client, "expiring");
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "expires" };
    await client.send(new UpdateTimeToLiveCommand({ TableName: "expiring", TimeToLiveSpecification }));
    let seen: (record: StreamRecord) => void = () => undefined;
    const removal = new Promise<StreamRecord>((resolve) => {
      seen = resolve;
    });
    const mapping = mappingOn(dynamodb, streamArn, async (event) => {
      event.Records.filter(({ eventName }) => eventName === "REMOVE").forEach(seen);
    });
    await mapping.start();
    const expires = { N: String(Math.floor(Date.now() / 1000) - 10) };
    await client.send(new PutItemCommand({ TableName: "expiring", Item: { pk: { S: "a" }, expires } }));
    expect((await removal).userIdentity).toEqual({ type: "Service", principalId: "dynamodb.amazonaws.com" });
    await mapping.stop();
  });

  test("delivers every change in order per item, across failures, workers and a restart", async () => {
    const streamArn = await createTable(client, "busy");
    const [items, changes] = [20, 15];
    const last = new Map<string, number>();
    const outOfOrder: string[] = [];
    let invocations = 0;
    const apply = (record: StreamRecord): void => {
      const { pk, n } = (record.dynamodb?.NewImage ?? {}) as { pk: { S: string }; n: { N: string } };
      const before = last.get(pk.S) ?? 0;
      if (Number(n.N) > before + 1) outOfOrder.push(`${pk.S}: ${n.N} after ${before}`);
      last.set(pk.S, Math.max(before, Number(n.N)));
    };
    const handler: DynamodbStreamHandler = async (event) => {
      invocations += 1;
      if (invocations % 5 === 0) throw new Error("boom");
      const failingAt = invocations % 3 === 0 ? Math.floor(event.Records.length / 2) : event.Records.length;
      event.Records.slice(0, failingAt).forEach(apply);
      const failed = event.Records[failingAt]?.dynamodb?.SequenceNumber;
      return { batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed }] };
    };
    const mapping = mappingOn(dynamodb, streamArn, handler, {
      batchSize: 7,
      parallelizationFactor: 4,
      bisectBatchOnFunctionError: true,
    });
    await mapping.start();
    for (let n = 1; n <= changes; n += 1) {
      const puts = Array.from({ length: items }, (_, pk) =>
        client.send(new PutItemCommand({ TableName: "busy", Item: { pk: { S: String(pk) }, n: { N: String(n) } } })),
      );
      await Promise.all(puts);
      if (n === 8) {
        await mapping.stop();
        await mapping.start();
      }
    }
    await mapping.drained();
    await mapping.stop();
    expect(outOfOrder).toEqual([]);
    expect([...last.values()]).toEqual(Array(items).fill(changes));
  });

  test("names the exception when the stream does not exist", async () => {
    const StreamArn = "arn:aws:dynamodb:ddblocal:000000000000:table/none/stream/2026-01-01T00:00:00.000";
    await expect(streamsClient(dynamodb.endpoint).describeStream({ StreamArn })).rejects.toMatchObject({
      code: "STREAMS_FAILED",
      name: "ResourceNotFoundException",
    });
  });
});
