// The table: its keys, its TTL, and the requests that the parts of the store share.

import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { RouteId } from "@sluice/core/sink-kit";

/** The SDK's module. */
export type DynamodbSdk = typeof import("@aws-sdk/client-dynamodb");

/** The table and its client. Imports and connections wait for the first request. */
export interface DedupeTable {
  readonly name: string;
  readonly sdk: () => Promise<DynamodbSdk>;
  readonly client: () => Promise<DynamoDBClient>;
}

/** Name of the partition key. */
export const partitionKey = "pk";
/** Name of the sort key. */
export const sortKey = "sk";
/** Name of the TTL attribute. */
export const ttlAttribute = "expiration";

/** The value of the TTL attribute for an item that expires this many seconds from now. */
export const expiresAfter = (seconds: number): { readonly N: string } => ({
  N: String(Math.ceil(Date.now() / 1_000) + seconds),
});

/** The partition for items of one kind and one route. */
export const partitionOf = (kind: "journal" | "lease" | "pending", { pipeline, route }: RouteId): string =>
  `${kind}#${encodeURIComponent(pipeline)}#${encodeURIComponent(route)}`;

/** Number of attempts for entries that DynamoDB leaves unprocessed. The delay between attempts doubles each time. */
const maxAttempts = 5;
const firstDelayMs = 10;

/** Repeats a batch request for unprocessed entries. @throws {Error} when entries are left after the last attempt. */
export const untilProcessed = async <Entry>(
  entries: readonly Entry[],
  request: (left: readonly Entry[]) => Promise<readonly Entry[]>,
): Promise<void> => {
  let left = entries;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    if (attempt === maxAttempts) {
      throw new Error(`DynamoDB left ${left.length} items unprocessed after ${maxAttempts} attempts`);
    }
    if (attempt > 0) await sleep(Math.random() * firstDelayMs * 2 ** attempt);
    left = await request(left);
  }
};

const longestWaitSeconds = 60;

/** Creates the table unless it exists. */
export const createTable = async ({ name, sdk, client }: DedupeTable): Promise<void> => {
  const { CreateTableCommand, ResourceInUseException, UpdateTimeToLiveCommand, waitUntilTableExists } = await sdk();
  const connected = await client();
  const create = new CreateTableCommand({
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: partitionKey, AttributeType: "S" },
      { AttributeName: sortKey, AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: partitionKey, KeyType: "HASH" },
      { AttributeName: sortKey, KeyType: "RANGE" },
    ],
  });
  try {
    await connected.send(create);
  } catch (error) {
    if (error instanceof ResourceInUseException) return;
    throw error;
  }
  await waitUntilTableExists({ client: connected, maxWaitTime: longestWaitSeconds }, { TableName: name });
  const TimeToLiveSpecification = { AttributeName: ttlAttribute, Enabled: true };
  await connected.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification }));
};
