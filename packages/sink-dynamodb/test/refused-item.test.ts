// Items that DynamoDB refuses because of one attribute: the error names the attribute. Names that are easily lost arrive.

import { CreateTableCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type DynamodbMessage, dynamodbSink } from "../src/index.ts";
import { startEngine } from "./support/engine.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, startEngine);

describeWithDynamodb("on DynamoDB Local", (engine) => {
  const tableWithIndex = async (): Promise<string> => {
    const TableName = "with-index";
    await engine.direct.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: ["pk", "owner"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        GlobalSecondaryIndexes: [
          {
            IndexName: "by-owner",
            KeySchema: [{ AttributeName: "owner", KeyType: "HASH" }],
            Projection: { ProjectionType: "ALL" },
          },
        ],
      }),
    );
    return TableName;
  };

  const write = async (table: string, items: readonly object[]) => {
    const sink = dynamodbSink({ table, client: engine.client() });
    const batch = (items as readonly DynamodbMessage[]).map((item, index) => {
      const change = streamChange({ after: { pk: `item-${index}` }, keyNames: ["pk"], position: index + 1 });
      return { change, message: item, earlier: [] };
    });
    const results = await sink.write(batch, { signal: new AbortController().signal, remainingMs: () => 30_000 });
    const found = new Map(results.map((result) => [result.delivery.change.itemKey, result]));
    return batch.map(({ change }) => {
      const result = found.get(change.itemKey);
      return result?.outcome === "failed" ? `${result.error.code} ${result.error.message}` : result?.outcome;
    });
  };

  test("the key of an index: the error names the index and the attribute, and other items arrive", async () => {
    const table = await tableWithIndex();
    const [plain, wrong, empty, absent] = await write(table, [{ owner: "a" }, { owner: 5 }, { owner: "" }, {}]);
    expect([plain, absent]).toEqual(["delivered", "delivered"]);
    expect(wrong).toContain("SINK_REJECTED [dynamodb] an attribute has another type than the key of a secondary index");
    expect(empty).toContain("SINK_REJECTED [dynamodb] the message at owner: found a value that the index by-owner");
  });

  /** Reads a table without the SDK, which loses an attribute named `__proto__` when it reads an answer. */
  const scanText = async (TableName: string): Promise<string> => {
    const answer = await fetch(engine.proxy.endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.Scan",
        authorization:
          "AWS4-HMAC-SHA256 Credential=id/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
      },
      body: JSON.stringify({ TableName }),
    });
    return answer.text();
  };

  test("attributes named like members of JavaScript's objects arrive", async () => {
    const table = await engine.createTable({ pk: "S" });
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "toJSON", "S"];
    const message = Object.fromEntries(
      names.map((name) => [name, { in: Object.fromEntries([[name, `own ${name}`]]) }]),
    );
    expect(await write(table, [message])).toEqual(["delivered"]);
    const { Items } = JSON.parse(await scanText(table)) as { Items: object[] };
    const held = JSON.stringify(Items);
    for (const name of names) expect(held).toContain(`"${name}":{"M":{"in":{"M":{"${name}":{"S":"own ${name}"}}}}}`);
  });
});
