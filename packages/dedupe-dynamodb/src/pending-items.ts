// The marks of parked items: an item for each, under its route, with the version of its last change in the retry queue.
// While nothing is parked a batch pays for one query that finds nothing.

import { createHash } from "node:crypto";
import { chunk, eachBounded, type PendingItem, type PendingItems, type RouteId } from "@sluice/core/sink-kit";
import { partitionKey, routeText, sortKey, type Table, ttlAttribute } from "./table.ts";

/** Longer than a message can live in a queue: 14 days. */
const keptForSeconds = 15 * 86_400;

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html (read 2026-11-25) */
const maxKeys = 100;

const requestsAtOnce = 25;

/** Tries of keys that DynamoDB left unprocessed. */
const tries = 5;

const lastAttribute = "last";

const partitionOf = (route: RouteId): string => `parked#${routeText(route)}`;

/** A sort key holds 1,024 bytes, an item's key three times as many. */
const sortOf = (itemKey: string): string => createHash("sha256").update(itemKey).digest("hex");

const keyOf = (route: RouteId, itemKey: string) => ({
  [partitionKey]: { S: partitionOf(route) },
  [sortKey]: { S: sortOf(itemKey) },
});

type Key = ReturnType<typeof keyOf>;

/** Whether the route has any mark at all. */
const hasAny = async (table: Table, route: RouteId, abortSignal: AbortSignal): Promise<boolean> => {
  const { QueryCommand } = await table.sdk();
  const query = new QueryCommand({
    TableName: table.name,
    KeyConditionExpression: "#pk = :pk",
    ExpressionAttributeNames: { "#pk": partitionKey },
    ExpressionAttributeValues: { ":pk": { S: partitionOf(route) } },
    ConsistentRead: true,
    Limit: 1,
  });
  const { Count = 0 } = await (await table.client()).send(query, { abortSignal });
  return Count > 0;
};

/** The marks that exist: sort key and version. */
const existing = async (
  table: Table,
  keys: readonly Key[],
  abortSignal: AbortSignal,
): Promise<[sort: string, version: string][]> => {
  const { BatchGetItemCommand } = await table.sdk();
  const client = await table.client();
  const found: [string, string][] = [];
  let left: readonly Key[] = keys;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    if (attempt === tries) throw new Error(`DynamoDB left ${left.length} marks unread after ${tries} tries`);
    const RequestItems = {
      [table.name]: {
        Keys: [...left],
        ConsistentRead: true,
        ProjectionExpression: "#sk, #last",
        ExpressionAttributeNames: { "#sk": sortKey, "#last": lastAttribute },
      },
    };
    const answer = await client.send(new BatchGetItemCommand({ RequestItems }), { abortSignal });
    for (const item of answer.Responses?.[table.name] ?? []) {
      found.push([item[sortKey]?.S ?? "", item[lastAttribute]?.S ?? ""]);
    }
    left = (answer.UnprocessedKeys?.[table.name]?.Keys ?? []) as unknown as readonly Key[];
  }
  return found;
};

/** Lets a write be that another one has overtaken. */
const unlessOvertaken = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ConditionalCheckFailedException") throw error;
  }
};

const mark = async (table: Table, route: RouteId, { itemKey, version }: PendingItem, timeoutMs: number) => {
  const { UpdateItemCommand } = await table.sdk();
  const command = new UpdateItemCommand({
    TableName: table.name,
    Key: keyOf(route, itemKey),
    UpdateExpression: "SET #last = :version, #ttl = :expiration",
    ConditionExpression: "attribute_not_exists(#last) OR #last < :version",
    ExpressionAttributeNames: { "#last": lastAttribute, "#ttl": ttlAttribute },
    ExpressionAttributeValues: {
      ":version": { S: version },
      ":expiration": { N: String(Math.ceil(Date.now() / 1_000) + keptForSeconds) },
    },
  });
  await unlessOvertaken((await table.client()).send(command, { abortSignal: AbortSignal.timeout(timeoutMs) }));
};

const moveBack = async (
  table: Table,
  route: RouteId,
  { itemKey, version, to }: PendingItem & { readonly to: string },
  timeoutMs: number,
) => {
  const { UpdateItemCommand } = await table.sdk();
  const command = new UpdateItemCommand({
    TableName: table.name,
    Key: keyOf(route, itemKey),
    UpdateExpression: "SET #last = :to",
    ConditionExpression: "#last = :version",
    ExpressionAttributeNames: { "#last": lastAttribute },
    ExpressionAttributeValues: { ":version": { S: version }, ":to": { S: to } },
  });
  await unlessOvertaken((await table.client()).send(command, { abortSignal: AbortSignal.timeout(timeoutMs) }));
};

const unmark = async (table: Table, route: RouteId, { itemKey, version }: PendingItem, timeoutMs: number) => {
  const { DeleteItemCommand } = await table.sdk();
  const command = new DeleteItemCommand({
    TableName: table.name,
    Key: keyOf(route, itemKey),
    ConditionExpression: "#last <= :version",
    ExpressionAttributeNames: { "#last": lastAttribute },
    ExpressionAttributeValues: { ":version": { S: version } },
  });
  await unlessOvertaken((await table.client()).send(command, { abortSignal: AbortSignal.timeout(timeoutMs) }));
};

export const dynamodbParking = (table: Table, timeoutMs: number): PendingItems => ({
  find: async (route, itemKeys, signal) => {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    if (itemKeys.length === 0 || !(await hasAny(table, route, abortSignal))) return new Map();
    const bySort = new Map(itemKeys.map((itemKey) => [sortOf(itemKey), itemKey]));
    const keys = itemKeys.map((itemKey) => keyOf(route, itemKey));
    const requests = chunk(keys, { maxEntries: maxKeys, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 });
    const found = await eachBounded(requests, requestsAtOnce, (request) => existing(table, request, abortSignal));
    return new Map(found.flat().map(([sort, version]) => [bySort.get(sort) ?? "", version]));
  },
  add: async (route, items) => {
    await eachBounded(items, requestsAtOnce, (item) => mark(table, route, item, timeoutMs));
  },
  moveBack: async (route, items) => {
    await eachBounded(items, requestsAtOnce, (item) => moveBack(table, route, item, timeoutMs));
  },
  release: async (route, items) => {
    await eachBounded(items, requestsAtOnce, (item) => unmark(table, route, item, timeoutMs));
  },
});
