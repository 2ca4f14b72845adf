// The factory, which turns options into a store. One table holds the journal, leases and pending items of all routes.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  checkClient,
  checkOptionNames,
  checkText,
  type DedupeStore,
  invalidOption,
  lazyClient,
  missingDependency,
  type PendingItems,
} from "@sluice/core/sink-kit";
import { dynamodbJournal } from "./journal.ts";
import { dynamodbLeases } from "./leases.ts";
import { dynamodbPendingItems } from "./pending-items.ts";
import { createTable, type DedupeTable, type DynamodbSdk } from "./table.ts";

/** Options of `dynamodbDedupe`. */
export interface DynamodbDedupeOptions {
  /** A table with the string keys `pk` (partition) and `sk` (sort), and `expiration` as its TTL attribute. */
  readonly tableName: string;
  /** Your own `DynamoDBClient` or `DynamoDB`. Default: the store creates one at the first request. */
  readonly client?: DynamoDBClient;
}

/** A dedupe store that can create its table. */
export interface DynamodbDedupe extends DedupeStore {
  readonly pendingItems: PendingItems;
  /** Creates the table, with on-demand capacity and TTL, unless it exists. For tests and local runs. */
  readonly ensure: () => Promise<void>;
  /** Closes the client that the store created; your own client stays open. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/** Timeout of a request in milliseconds. Short, because an invocation sends no messages until the store answers. */
const requestTimeoutMs = 2_000;

const importSdk = (): Promise<DynamodbSdk> =>
  import("@aws-sdk/client-dynamodb").catch(missingDependency("dynamodbDedupe", "@aws-sdk/client-dynamodb"));

const makeClient = async (): Promise<DynamoDBClient> => {
  const { DynamoDBClient } = await importSdk();
  const requestHandler = { connectionTimeout: 1_000, requestTimeout: requestTimeoutMs, throwOnRequestTimeout: true };
  return new DynamoDBClient({ requestHandler });
};

/**
 * Creates the `dedupeStore` of a pipeline in a DynamoDB table, without I/O. The function needs these permissions on the
 * table. Routes with `on-failure`: `dynamodb:Query` and `dynamodb:BatchWriteItem`. Routes with `always`:
 * `dynamodb:PutItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem`. Routes with a retry queue: `dynamodb:Query`,
 * `dynamodb:BatchGetItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong; the message names the option.
 * @example
 * pipeline("orders", { deadLetterQueue, dedupeStore: dynamodbDedupe({ tableName: "sluice-dedupe" }) });
 */
export const dynamodbDedupe = (options: DynamodbDedupeOptions): DynamodbDedupe => {
  checkOptionNames("dynamodbDedupe", options, { tableName: true, client: true });
  const { tableName, client } = options;
  checkText("tableName", tableName);
  checkClient(client, "send", "a DynamoDBClient of @aws-sdk/client-dynamodb");
  // Powertools ignores a client without a middleware stack, and would create its own client.
  if (client !== undefined && client.middlewareStack === undefined) {
    throw invalidOption("client", "must be a DynamoDBClient of @aws-sdk/client-dynamodb");
  }
  const connection = lazyClient<DynamoDBClient>(client, makeClient);
  const table: DedupeTable = { name: tableName, sdk: importSdk, client: connection.get };
  return {
    journal: dynamodbJournal(table, requestTimeoutMs),
    leases: dynamodbLeases(table),
    pendingItems: dynamodbPendingItems(table, requestTimeoutMs),
    ensure: () => createTable(table),
    close: connection.close,
  };
};
