// DynamoDB Local behind a faulty proxy, and its tables.

import { CreateTableCommand, DynamoDBClient, type KeySchemaElement, ScanCommand } from "@aws-sdk/client-dynamodb";
import { decodeImage, type Image, type UnknownItem } from "@sluice/core/sink-kit";
import { startDynamodb } from "@sluice/local";
import type { LiveFilter } from "../../src/index.ts";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";

/** A running engine. */
export interface Engine {
  readonly proxy: FaultyProxy;
  /** Creates a client with its own connections, which go through the proxy. */
  readonly client: () => DynamoDBClient;
  /** A client that does not go through the proxy. */
  readonly direct: DynamoDBClient;
  /** Creates a table with these key attributes and types, for example `{ pk: "S" }`. The default name is unique. */
  readonly createTable: (keys: Readonly<Record<string, "S" | "N" | "B">>, name?: string) => Promise<string>;
  /** Returns items and tombstones as attribute values, in any order. With a filter, returns only those that match. */
  readonly scan: (table: string, filter?: LiveFilter) => Promise<readonly Image[]>;
  readonly stop: () => Promise<void>;
}

/** The decoded item without the guard's attributes. */
export const withoutGuard = (image: Image): UnknownItem => {
  const { _sluice: _, _sluice_expires: __, ...item } = decodeImage(image);
  return item;
};

/** Starts the engine. */
export const startEngine = async (): Promise<Engine> => {
  const dynamodb = await startDynamodb();
  const proxy = await startFaultyProxy(dynamodb.endpoint);
  const config = { ...dynamodb.clientConfig, maxAttempts: 1 };
  const direct = new DynamoDBClient(config);
  const clients: DynamoDBClient[] = [];
  let tables = 0;
  return {
    proxy,
    client: () => {
      const client = new DynamoDBClient({ ...config, endpoint: proxy.endpoint });
      clients.push(client);
      return client;
    },
    direct,
    createTable: async (keys, name) => {
      tables += 1;
      const TableName = name ?? `target-${tables}`;
      await direct.send(
        new CreateTableCommand({
          TableName,
          BillingMode: "PAY_PER_REQUEST",
          AttributeDefinitions: Object.entries(keys).map(([AttributeName, AttributeType]) => ({
            AttributeName,
            AttributeType,
          })),
          KeySchema: Object.keys(keys).map(
            (AttributeName, index): KeySchemaElement => ({ AttributeName, KeyType: index === 0 ? "HASH" : "RANGE" }),
          ),
        }),
      );
      return TableName;
    },
    scan: async (TableName, filter) => {
      const items: Image[] = [];
      let start: Record<string, never> | undefined;
      do {
        const page = await direct.send(
          new ScanCommand({
            TableName,
            ConsistentRead: true,
            ...(filter && { ...filter, ExpressionAttributeNames: { ...filter.ExpressionAttributeNames } }),
            ...(start && { ExclusiveStartKey: start }),
          }),
        );
        items.push(...((page.Items ?? []) as Image[]));
        start = page.LastEvaluatedKey as typeof start;
      } while (start !== undefined);
      return items;
    },
    stop: async () => {
      for (const client of clients) client.destroy();
      direct.destroy();
      await proxy.stop();
      await dynamodb.stop();
    },
  };
};
