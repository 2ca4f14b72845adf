// The journal: one item for each delivery that was settled in a batch which Lambda delivers again. The sort key begins
// with the version, so that one query finds all entries of a batch.

import type { WriteRequest } from "@aws-sdk/client-dynamodb";
import { chunk, eachBounded, type Journal, type JournalEntry, type RouteId } from "@sluice/core/sink-kit";
import {
  type DedupeTable,
  expiresAfter,
  partitionKey,
  partitionOf,
  sortKey,
  ttlAttribute,
  untilProcessed,
} from "./table.ts";

/** A stream keeps a record for 24 hours. The other 12 hours are a margin, because clocks may differ. */
const keptForSeconds = 36 * 3_600;

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html (read 2026-11-23) */
const maxItems = 25;

const requestsAtOnce = 8;

const putRequest = (route: RouteId, { version, idempotencyKey }: JournalEntry): WriteRequest => ({
  PutRequest: {
    Item: {
      [partitionKey]: { S: partitionOf("journal", route) },
      [sortKey]: { S: `${version}#${idempotencyKey}` },
      [ttlAttribute]: expiresAfter(keptForSeconds),
    },
  },
});

const queryOf = (table: DedupeTable, route: RouteId, { from, to }: { readonly from: string; readonly to: string }) => ({
  TableName: table.name,
  KeyConditionExpression: "#pk = :pk AND #sk BETWEEN :from AND :to",
  ExpressionAttributeNames: { "#pk": partitionKey, "#sk": sortKey },
  // "#" separates version and key. "$" is the character after "#", so the range includes all keys of version `to`.
  ExpressionAttributeValues: {
    ":pk": { S: partitionOf("journal", route) },
    ":from": { S: from },
    ":to": { S: `${to}$` },
  },
  ProjectionExpression: "#sk",
  ConsistentRead: true,
});

const idempotencyKeyIn = (sort: string): string => sort.slice(sort.indexOf("#") + 1);

/** Creates the journal. */
export const dynamodbJournal = (table: DedupeTable, timeoutMs: number): Journal => ({
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
      for (const item of Items) found.add(idempotencyKeyIn(item[sortKey]?.S ?? ""));
      start = LastEvaluatedKey as typeof start;
    } while (start !== undefined);
    return found;
  },
  note: async (route, entries) => {
    const { BatchWriteItemCommand } = await table.sdk();
    const client = await table.client();
    // A request must not contain a key twice, but a batch may contain a record twice.
    const distinct = new Map(entries.map((entry) => [entry.idempotencyKey, entry]));
    const puts = [...distinct.values()].map((entry) => putRequest(route, entry));
    const groups = chunk(puts, { maxEntries: maxItems });
    await eachBounded(groups, requestsAtOnce, (group) =>
      untilProcessed(group, async (left) => {
        const command = new BatchWriteItemCommand({ RequestItems: { [table.name]: [...left] } });
        const { UnprocessedItems } = await client.send(command, { abortSignal: AbortSignal.timeout(timeoutMs) });
        return UnprocessedItems?.[table.name] ?? [];
      }),
    );
  },
});
