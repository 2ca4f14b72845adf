// Tables in DynamoDB as targets of the verification suite.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { DynamodbEngine } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import type { Copy, OpenReplica } from "./replica.ts";

const plain = (value: { readonly S?: string | undefined; readonly N?: string | undefined }): string | number =>
  value.N === undefined ? (value.S ?? "") : Number(value.N);

let opened = 0;

/** Opens tables. */
export const dynamodbReplicas =
  ({ clientConfig }: DynamodbEngine): OpenReplica =>
  async (name) => {
    opened += 1;
    const TableName = `verify-${opened}-${name}`;
    const client = new DynamoDB({ ...clientConfig, maxAttempts: 1 });
    await client.createTable({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    });
    const sink = dynamodbSink({ client, table: TableName });
    return {
      sink: sink as never,
      messageOf: (pk, copy) => ({ pk, ...copy }),
      forget: async (pk) => {
        await client.deleteItem({ TableName, Key: { pk: { S: pk } } });
      },
      unversion: async (pk) => {
        const UpdateExpression = "REMOVE #guard";
        const ExpressionAttributeNames = { "#guard": "_sluice" };
        await client.updateItem({ TableName, Key: { pk: { S: pk } }, UpdateExpression, ExpressionAttributeNames });
      },
      rows: async () => {
        const { Items = [] } = await client.scan({ TableName, ConsistentRead: true, ...sink.liveFilter });
        return new Map(
          Items.map((item) => [
            item.pk?.S ?? "",
            Object.fromEntries(
              ["total", "label", "kind"].flatMap((member) => {
                const value = item[member];
                return value === undefined ? [] : [[member, plain(value as { readonly S?: string })]];
              }),
            ) as Copy,
          ]),
        );
      },
      close: async () => client.destroy(),
    };
  };
