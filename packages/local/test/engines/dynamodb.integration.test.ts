import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "../../src/index.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb("DynamoDB Local", (dynamodb) => {
  test("creates a table with a stream through an SDK client", async () => {
    const client = new DynamoDBClient(dynamodb.clientConfig);
    const created = await client.send(
      new CreateTableCommand({
        TableName: "orders",
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    expect(created.TableDescription?.LatestStreamArn).toContain("/orders/stream/");
    client.destroy();
  });
});

describe("an external DynamoDB", () => {
  test("is used without changes", async () => {
    const engine = await startDynamodb({ endpoint: "http://127.0.0.1:1" });
    expect(engine.clientConfig.endpoint).toBe("http://127.0.0.1:1");
    await engine.stop();
  });
});

describeWithDynamodb("stopping DynamoDB Local", () => {
  test("ends the server, and may be repeated", async () => {
    const engine = await startDynamodb({ maxHeapMb: 64 });
    await engine.stop();
    await engine.stop();
    await expect(fetch(engine.endpoint)).rejects.toThrow();
  });
});
