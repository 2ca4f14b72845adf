// The factory: options in, a store out. One table holds the journal, the leases and the marks of every route.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  checkClient,
  checkText,
  type DedupeStore,
  invalidOption,
  lazyClient,
  missingDependency,
  type PendingItems,
} from "@sluice/core/sink-kit";
import { dynamodbJournal } from "./journal.ts";
import { dynamodbLeases } from "./leases.ts";
import { dynamodbParking } from "./pending-items.ts";
import { createTable, type Sdk, type Table } from "./table.ts";

/** Options of `dynamodbDedupe`. */
export interface DynamodbDedupeOptions {
  /** A table with the string keys `pk` (partition) and `sk` (sort), and `expiration` as its TTL attribute. */
  readonly tableName: string;
  /** Your own `DynamoDBClient` or `DynamoDB`. Default: one that is made at the first request. */
  readonly client?: DynamoDBClient;
}

/** A dedupe store that can make its table. */
export interface DynamodbDedupe extends DedupeStore {
  readonly pendingItems: PendingItems;
  /** Creates the table, on demand and with its TTL, unless it exists. For tests and local runs. */
  readonly ensure: () => Promise<void>;
  /** Ends the client that the store made; your own stays open. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/** A request that takes longer has failed: nothing is sent while an invocation waits for it. */
const requestTimeoutMs = 2_000;

const importSdk = (): Promise<Sdk> =>
  import("@aws-sdk/client-dynamodb").catch(missingDependency("dynamodbDedupe", "@aws-sdk/client-dynamodb"));

const makeClient = async (): Promise<DynamoDBClient> => {
  const { DynamoDBClient } = await importSdk();
  const requestHandler = { connectionTimeout: 1_000, requestTimeout: requestTimeoutMs, throwOnRequestTimeout: true };
  return new DynamoDBClient({ requestHandler });
};

/**
 * Keeps on DynamoDB what append routes have delivered: the `dedupeStore` of a pipeline. The function needs
 * `dynamodb:Query` and `dynamodb:BatchWriteItem` on the table for routes with `on-failure`, `dynamodb:PutItem`,
 * `dynamodb:UpdateItem` and `dynamodb:DeleteItem` for those with `always`; and for those that spill to a retry queue
 * `dynamodb:Query`, `dynamodb:BatchGetItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem`. Does no I/O.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name.
 * @example
 * pipeline("orders", { deadLetterQueue, dedupeStore: dynamodbDedupe({ tableName: "sluice-dedupe" }) });
 */
export const dynamodbDedupe = ({ tableName, client }: DynamodbDedupeOptions): DynamodbDedupe => {
  checkText("tableName", tableName);
  checkClient(client, "send", "a DynamoDBClient of @aws-sdk/client-dynamodb");
  // Powertools takes what has no middleware for no client at all, and makes one of its own.
  if (client !== undefined && client.middlewareStack === undefined) {
    throw invalidOption("client", "must be a DynamoDBClient of @aws-sdk/client-dynamodb");
  }
  const connection = lazyClient<DynamoDBClient>(client, makeClient);
  const table: Table = { name: tableName, sdk: importSdk, client: connection.get };
  return {
    journal: dynamodbJournal(table, requestTimeoutMs),
    leases: dynamodbLeases(table),
    pendingItems: dynamodbParking(table, requestTimeoutMs),
    ensure: () => createTable(table),
    close: connection.close,
  };
};
