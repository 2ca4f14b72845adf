// The items that have changes in the retry queue. The table has an entry for each such item, with the version of the
// item's last change in the queue. While no item is pending, a batch costs one query without results.

import { createHash } from "node:crypto";
import type { UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import { chunk, eachBounded, type PendingItem, type PendingItems, type RouteId } from "@sluice/core/sink-kit";
import {
  type DedupeTable,
  expiresAfter,
  partitionKey,
  partitionOf,
  sortKey,
  ttlAttribute,
  untilProcessed,
} from "./table.ts";

/** Must be longer than the 14 days for which a queue keeps a message. */
const keptForSeconds = 15 * 86_400;

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html (read 2026-11-25) */
const maxKeys = 100;

const requestsAtOnce = 25;

/** Name of the attribute that holds the version. */
const lastAttribute = "last";

/** Hashes the item's key, which may have 3 KB, because a sort key holds only 1,024 bytes. */
const sortOf = (itemKey: string): string => createHash("sha256").update(itemKey).digest("hex");

const keyOf = (route: RouteId, itemKey: string) => ({
  [partitionKey]: { S: partitionOf("pending", route) },
  [sortKey]: { S: sortOf(itemKey) },
});

type TableKey = ReturnType<typeof keyOf>;

/** Whether any item of the route is pending. */
const hasAny = async (table: DedupeTable, route: RouteId, abortSignal: AbortSignal): Promise<boolean> => {
  const { QueryCommand } = await table.sdk();
  const query = new QueryCommand({
    TableName: table.name,
    KeyConditionExpression: "#pk = :pk",
    ExpressionAttributeNames: { "#pk": partitionKey },
    ExpressionAttributeValues: { ":pk": { S: partitionOf("pending", route) } },
    ConsistentRead: true,
    Limit: 1,
  });
  const { Count = 0 } = await (await table.client()).send(query, { abortSignal });
  return Count > 0;
};

/** Returns sort key and version of each key that exists in the table. */
const existing = async (
  table: DedupeTable,
  keys: readonly TableKey[],
  abortSignal: AbortSignal,
): Promise<[sort: string, version: string][]> => {
  const { BatchGetItemCommand } = await table.sdk();
  const client = await table.client();
  const found: [string, string][] = [];
  await untilProcessed(keys, async (left) => {
    const request = {
      Keys: [...left],
      ConsistentRead: true,
      ProjectionExpression: "#sk, #last",
      ExpressionAttributeNames: { "#sk": sortKey, "#last": lastAttribute },
    };
    const command = new BatchGetItemCommand({ RequestItems: { [table.name]: request } });
    const { Responses, UnprocessedKeys } = await client.send(command, { abortSignal });
    for (const item of Responses?.[table.name] ?? []) {
      found.push([item[sortKey]?.S ?? "", item[lastAttribute]?.S ?? ""]);
    }
    return (UnprocessedKeys?.[table.name]?.Keys ?? []) as unknown as readonly TableKey[];
  });
  return found;
};

type ConditionalWrite = Pick<UpdateItemCommandInput, "UpdateExpression" | "ExpressionAttributeValues"> & {
  readonly ConditionExpression: string;
};

/** Makes one conditional write: an update, or a delete if `UpdateExpression` is missing. Ignores a failed condition. */
const writeIf = async (
  table: DedupeTable,
  Key: TableKey,
  { UpdateExpression, ...condition }: ConditionalWrite,
  timeoutMs: number,
): Promise<void> => {
  const { DeleteItemCommand, UpdateItemCommand } = await table.sdk();
  const client = await table.client();
  const isTtlSet = UpdateExpression?.includes("#ttl") === true;
  const ExpressionAttributeNames = { "#last": lastAttribute, ...(isTtlSet && { "#ttl": ttlAttribute }) };
  const input = { TableName: table.name, Key, ExpressionAttributeNames, ...condition };
  const options = { abortSignal: AbortSignal.timeout(timeoutMs) };
  try {
    if (UpdateExpression === undefined) await client.send(new DeleteItemCommand(input), options);
    else await client.send(new UpdateItemCommand({ ...input, UpdateExpression }), options);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ConditionalCheckFailedException") throw error;
  }
};

const addition = ({ version }: PendingItem): ConditionalWrite => ({
  UpdateExpression: "SET #last = :version, #ttl = :expiration",
  ConditionExpression: "attribute_not_exists(#last) OR #last < :version",
  ExpressionAttributeValues: { ":version": { S: version }, ":expiration": expiresAfter(keptForSeconds) },
});

const moveBack = ({ version, to }: PendingItem & { readonly to: string }): ConditionalWrite => ({
  UpdateExpression: "SET #last = :to",
  ConditionExpression: "#last = :version",
  ExpressionAttributeValues: { ":version": { S: version }, ":to": { S: to } },
});

const removal = ({ version }: PendingItem): ConditionalWrite => ({
  ConditionExpression: "#last <= :version",
  ExpressionAttributeValues: { ":version": { S: version } },
});

/** Creates the store of pending items. */
export const dynamodbPendingItems = (table: DedupeTable, timeoutMs: number): PendingItems => {
  const writeEach =
    <Item extends PendingItem>(writeOf: (item: Item) => ConditionalWrite) =>
    async (route: RouteId, items: readonly Item[]): Promise<void> => {
      await eachBounded(items, requestsAtOnce, (item) =>
        writeIf(table, keyOf(route, item.itemKey), writeOf(item), timeoutMs),
      );
    };
  return {
    find: async (route, itemKeys, signal) => {
      const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      if (itemKeys.length === 0 || !(await hasAny(table, route, abortSignal))) return new Map();
      const bySort = new Map(itemKeys.map((itemKey) => [sortOf(itemKey), itemKey]));
      const keys = itemKeys.map((itemKey) => keyOf(route, itemKey));
      const requests = chunk(keys, { maxEntries: maxKeys });
      const found = await eachBounded(requests, requestsAtOnce, (request) => existing(table, request, abortSignal));
      return new Map(found.flat().map(([sort, version]) => [bySort.get(sort) ?? "", version]));
    },
    add: writeEach(addition),
    moveBack: writeEach(moveBack),
    release: writeEach(removal),
  };
};
