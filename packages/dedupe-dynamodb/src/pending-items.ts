// The items that have changes in the retry queue. The table has an entry for each such item, with the version of the
// item's last change in the queue. While no item is pending, a batch costs one query without results.

import { createHash } from "node:crypto";
import type { AttributeValue, UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";
import {
  chunk,
  eachBounded,
  type PendingCorrection,
  type PendingItem,
  type PendingItems,
  type RouteId,
} from "@sluice/core/sink-kit";
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
/** Name of the attribute that holds the owner of the mark. */
const ownerAttribute = "owner";

/** Hashes the item's key, which may have 3 KB, because a sort key holds only 1,024 bytes. */
const sortOf = (itemKey: string): string => createHash("sha256").update(itemKey).digest("hex");

const keyOf = (route: RouteId, itemKey: string) => ({
  [partitionKey]: { S: partitionOf("pending", route) },
  [sortKey]: { S: sortOf(itemKey) },
});

type TableKey = ReturnType<typeof keyOf>;

type Item = Readonly<Record<string, AttributeValue>>;

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

type Write = Pick<UpdateItemCommandInput, "UpdateExpression" | "ConditionExpression" | "ExpressionAttributeValues">;

/** Returns the mark in an item of the table; undefined if the item does not exist. */
const markIn = (itemKey: string, item: Item | undefined): PendingItem | undefined =>
  item && { itemKey, version: item[lastAttribute]?.S ?? "", owner: item[ownerAttribute]?.S ?? "" };

/**
 * Makes one conditional write: an update, or a delete if `UpdateExpression` is missing. A failed condition changes nothing.
 * @returns the mark before the write.
 */
const writeIf = async (
  table: DedupeTable,
  route: RouteId,
  itemKey: string,
  { write, timeoutMs }: { readonly write: Write; readonly timeoutMs: number },
): Promise<PendingItem | undefined> => {
  const { ConditionalCheckFailedException, DeleteItemCommand, UpdateItemCommand } = await table.sdk();
  const client = await table.client();
  const used = `${write.UpdateExpression ?? ""} ${write.ConditionExpression}`;
  const names = Object.entries({ "#last": lastAttribute, "#owner": ownerAttribute, "#ttl": ttlAttribute });
  const input = {
    TableName: table.name,
    Key: keyOf(route, itemKey),
    ExpressionAttributeNames: Object.fromEntries(names.filter(([name]) => used.includes(name))),
    ReturnValues: "ALL_OLD",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    ...write,
  } as const;
  const options = { abortSignal: AbortSignal.timeout(timeoutMs) };
  try {
    const command = write.UpdateExpression === undefined ? new DeleteItemCommand(input) : new UpdateItemCommand(input);
    const { Attributes } = await client.send(command as InstanceType<typeof UpdateItemCommand>, options);
    return markIn(itemKey, Attributes);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return markIn(itemKey, error.Item);
    throw error;
  }
};

const addition = ({ version, owner }: PendingItem): Write => ({
  UpdateExpression: "SET #last = :version, #owner = :owner, #ttl = :expiration",
  ConditionExpression: "attribute_not_exists(#last) OR #last <= :version",
  ExpressionAttributeValues: {
    ":version": { S: version },
    ":owner": { S: owner },
    ":expiration": expiresAfter(keptForSeconds),
  },
});

const restoration = ({ from, to }: PendingCorrection): Write => ({
  ...(to && { UpdateExpression: "SET #last = :toVersion, #owner = :toOwner" }),
  ConditionExpression: "#last = :version AND #owner = :owner",
  ExpressionAttributeValues: {
    ":version": { S: from.version },
    ":owner": { S: from.owner },
    ...(to && { ":toVersion": { S: to.version }, ":toOwner": { S: to.owner } }),
  },
});

const removal = ({ version }: Pick<PendingItem, "version">): Write => ({
  ConditionExpression: "#last <= :version",
  ExpressionAttributeValues: { ":version": { S: version } },
});

/** Creates the store of pending items. */
export const dynamodbPendingItems = (table: DedupeTable, timeoutMs: number): PendingItems => {
  const writeEach = <Entry>(
    route: RouteId,
    entries: readonly Entry[],
    writeOf: (entry: Entry) => readonly [itemKey: string, write: Write],
  ) =>
    eachBounded(entries, requestsAtOnce, (entry) => {
      const [itemKey, write] = writeOf(entry);
      return writeIf(table, route, itemKey, { write, timeoutMs });
    });
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
    add: async (route, items) => {
      const before = await writeEach(route, items, (item) => [item.itemKey, addition(item)]);
      return new Map(before.flatMap((mark) => (mark === undefined ? [] : [[mark.itemKey, mark] as const])));
    },
    restore: async (route, corrections) => {
      await writeEach(route, corrections, (correction) => [correction.from.itemKey, restoration(correction)]);
    },
    release: async (route, items) => {
      await writeEach(route, items, (item) => [item.itemKey, removal(item)]);
    },
  };
};
