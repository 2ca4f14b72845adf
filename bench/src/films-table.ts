// A table of films in DynamoDB Local, as the source of backfills.

import { type AttributeValue, type DynamoDB, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { eachBounded } from "@sluice/core/sink-kit";
import { type PlainItem, toImage } from "@sluice/testing";
import { batched, keyAttribute } from "./films.ts";

/** An item as the SDK parses it. */
export type SdkItem = Record<string, AttributeValue>;

/** Maximum number of items in a `BatchWriteItem` request. */
const maxPuts = 25;

/** Maximum seconds until the table exists. */
const maxWaitTime = 30;

/** Creates a table with a stream, and puts the films. Returns the ARN of the stream. */
export const createFilmsTable = async (
  client: DynamoDB,
  table: string,
  films: readonly PlainItem[],
): Promise<{ readonly streamArn: string }> => {
  const { TableDescription } = await client.createTable({
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: keyAttribute, KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: keyAttribute, AttributeType: "N" }],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
  });
  await waitUntilTableExists({ client, maxWaitTime }, { TableName: table });
  await eachBounded(batched(films, maxPuts), 4, async (items) => {
    const puts = items.map((item) => ({ PutRequest: { Item: toImage(item) as SdkItem } }));
    const { UnprocessedItems = {} } = await client.batchWriteItem({ RequestItems: { [table]: puts } });
    if (Object.keys(UnprocessedItems).length > 0) throw new Error(`DynamoDB left items of ${table} unprocessed`);
  });
  return { streamArn: TableDescription?.LatestStreamArn ?? "" };
};
