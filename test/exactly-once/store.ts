// Dedupe stores on DynamoDB Local. Each run needs its own table, because all runs have the same changes.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DedupeStore } from "@sluice/core";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";

/** Returns a function that creates a new table and a store that uses this table. */
export const newStores = (client: DynamoDBClient): (() => Promise<DedupeStore>) => {
  let tables = 0;
  return async () => {
    tables += 1;
    const store = dynamodbDedupe({ tableName: `sluice-dedupe-${tables}`, client });
    await store.ensure();
    return store;
  };
};
