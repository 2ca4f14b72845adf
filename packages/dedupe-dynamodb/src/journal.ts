// The journal: an item for each delivery that comes again, under its route and its change's version. One query tells
// what of a batch was delivered, however the stream was cut anew.

import { setTimeout as sleep } from "node:timers/promises";
import type { WriteRequest } from "@aws-sdk/client-dynamodb";
import { chunk, type Journal, type JournalEntry, type RouteId } from "@sluice/core/sink-kit";
import { partitionKey, routeText, sortKey, type Table, ttlAttribute } from "./table.ts";

/** A stream keeps a record for 24 hours; the rest is for clocks that differ. */
const keptForSeconds = 36 * 3_600;

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html (read 2026-11-23) */
const maxItems = 25;

const requestsAtOnce = 8;

/** Tries of what DynamoDB left unprocessed, and the wait before the second, which doubles. */
const tries = 5;
const firstDelayMs = 10;

const partitionOf = (route: RouteId): string => `journal#${routeText(route)}`;

const requestOf = (route: RouteId, { version, idempotencyKey }: JournalEntry, expiration: number): WriteRequest => ({
  PutRequest: {
    Item: {
      [partitionKey]: { S: partitionOf(route) },
      [sortKey]: { S: `${version}#${idempotencyKey}` },
      [ttlAttribute]: { N: String(expiration) },
    },
  },
});

/** A request may hold a key once only, and a batch may hold a record twice. */
const distinct = (notes: readonly JournalEntry[]): JournalEntry[] => [
  ...new Map(notes.map((note) => [note.idempotencyKey, note])).values(),
];

const write = async (table: Table, requests: readonly WriteRequest[], timeoutMs: number): Promise<void> => {
  const { BatchWriteItemCommand } = await table.sdk();
  const client = await table.client();
  let left: readonly WriteRequest[] = requests;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    if (attempt === tries) throw new Error(`DynamoDB left ${left.length} notes unprocessed after ${tries} tries`);
    if (attempt > 0) await sleep(Math.random() * firstDelayMs * 2 ** attempt);
    const command = new BatchWriteItemCommand({ RequestItems: { [table.name]: [...left] } });
    const { UnprocessedItems } = await client.send(command, { abortSignal: AbortSignal.timeout(timeoutMs) });
    left = UnprocessedItems?.[table.name] ?? [];
  }
};

const queryOf = (table: Table, route: RouteId, { from, to }: { readonly from: string; readonly to: string }) => ({
  TableName: table.name,
  KeyConditionExpression: "#pk = :pk AND #sk BETWEEN :from AND :to",
  ExpressionAttributeNames: { "#pk": partitionKey, "#sk": sortKey },
  // "$" comes after "#", which separates the version from the key.
  ExpressionAttributeValues: { ":pk": { S: partitionOf(route) }, ":from": { S: from }, ":to": { S: `${to}$` } },
  ProjectionExpression: "#sk",
  ConsistentRead: true,
});

const keyIn = (text: string): string => text.slice(text.indexOf("#") + 1);

export const dynamodbJournal = (table: Table, timeoutMs: number): Journal => ({
  find: async (route, range, signal) => {
    const { QueryCommand } = await table.sdk();
    const client = await table.client();
    const query = queryOf(table, route, range);
    const found = new Set<string>();
    let start: Record<string, { S: string }> | undefined;
    do {
      const command = new QueryCommand({ ...query, ...(start && { ExclusiveStartKey: start }) });
      const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const { Items = [], LastEvaluatedKey } = await client.send(command, { abortSignal });
      for (const item of Items) found.add(keyIn(item[sortKey]?.S ?? ""));
      start = LastEvaluatedKey as typeof start;
    } while (start !== undefined);
    return found;
  },
  note: async (route, notes) => {
    const expiration = Math.ceil(Date.now() / 1000) + keptForSeconds;
    const requests = distinct(notes).map((note) => requestOf(route, note, expiration));
    const groups = chunk(requests, { maxEntries: maxItems, maxBytes: Number.POSITIVE_INFINITY, sizeOf: () => 0 });
    const work = async (): Promise<void> => {
      for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
        await write(table, group, timeoutMs);
      }
    };
    await Promise.all(Array.from({ length: requestsAtOnce }, work));
  },
});
