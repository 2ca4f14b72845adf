// The table: its keys, its TTL, and how the parts of the store reach it.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { RouteId } from "@sluice/core/sink-kit";

export type Sdk = typeof import("@aws-sdk/client-dynamodb");

/** The table, and the client to reach it: nothing is imported or opened before the first request. */
export interface Table {
  readonly name: string;
  readonly sdk: () => Promise<Sdk>;
  readonly client: () => Promise<DynamoDBClient>;
}

export const partitionKey = "pk";
export const sortKey = "sk";
export const ttlAttribute = "expiration";

/** One text for a route, different for different ones. */
export const routeText = ({ pipeline, route }: RouteId): string =>
  `${encodeURIComponent(pipeline)}#${encodeURIComponent(route)}`;

const longestWaitSeconds = 60;

/** Creates the table unless it exists. */
export const createTable = async ({ name, sdk, client }: Table): Promise<void> => {
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
