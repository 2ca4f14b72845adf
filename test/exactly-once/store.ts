// Dedupe stores on DynamoDB Local, one table for each run: runs have the same changes, and must not know of each other.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DedupeStore } from "@sluice/core";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";

/** Makes a store with a table of its own at every call. */
export const freshStores = (client: DynamoDBClient): (() => Promise<DedupeStore>) => {
  let tables = 0;
  return async () => {
    tables += 1;
    const store = dynamodbDedupe({ tableName: `sluice-dedupe-${tables}`, client });
    await store.ensure();
    return store;
  };
};
