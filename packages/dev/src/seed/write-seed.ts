// Writes items into a table.

import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDB, WriteRequest } from "@aws-sdk/client-dynamodb";
import { type Image, itemKeyOf, sdkItem } from "@sluice/core/sink-kit";
import { DevError } from "../dev-error.ts";
import type { TableKey } from "../worker/messages.ts";

/** DynamoDB's limit of a request. */
const batchSize = 25;
const writers = 4;
const maxAttempts = 10;

type Request = WriteRequest & {
  readonly PutRequest: { readonly Item: NonNullable<NonNullable<WriteRequest["PutRequest"]>["Item"]> };
};

const isRefusal = (error: unknown): error is Error => error instanceof Error && error.name === "ValidationException";

/** @throws {DevError} when DynamoDB refuses an item, which is wrong in the file */
const putBatch = async (client: DynamoDB, table: string, requests: readonly WriteRequest[]) => {
  try {
    return await client.batchWriteItem({ RequestItems: { [table]: [...requests] } });
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    const expected = "expected items that DynamoDB can hold. Others of the seed may be in the table";
    throw new DevError(`DynamoDB refuses an item of the seed: ${cause.message}; ${expected}`, { cause });
  }
};

/** Repeats what DynamoDB leaves unprocessed. */
const writeBatch = async (client: DynamoDB, table: string, requests: readonly WriteRequest[]): Promise<void> => {
  let left = [...requests];
  for (let attempt = 1; left.length > 0; attempt += 1) {
    if (attempt > maxAttempts) {
      throw new DevError(`DynamoDB left ${left.length} items of the seed unprocessed after ${maxAttempts} attempts`);
    }
    if (attempt > 1) await sleep(Math.random() * 20 * 2 ** attempt);
    const { UnprocessedItems } = await putBatch(client, table, left);
    left = UnprocessedItems?.[table] ?? [];
  }
};

const keyImage = (item: Image, key: TableKey): Image =>
  Object.fromEntries(key.flatMap((attribute) => (attribute ? [[attribute.name, item[attribute.name]]] : []))) as Image;

const checkKeys = (items: readonly Image[], key: TableKey): void => {
  items.forEach((item, index) => {
    for (const attribute of key) {
      if (attribute === undefined || attribute.type in (item[attribute.name] ?? {})) continue;
      throw new DevError(
        `item ${index + 1} of the seed has no ${attribute.name} of type ${attribute.type}, the table's key. Nothing was written`,
      );
    }
  });
};

/** The last item of each key: a request must not have a key twice. */
const withoutRepeats = (items: readonly Image[], key: TableKey): readonly Image[] => [
  ...new Map(items.map((item) => [itemKeyOf(keyImage(item, key)), item])).values(),
];

/**
 * Writes the items. Resolves when all are in the table. If several items have one key, the last one counts.
 * @throws {DevError} before the first write, when an item lacks the key
 */
export const writeSeed = async (
  client: DynamoDB,
  table: { readonly name: string; readonly key: TableKey },
  items: readonly Image[],
  onProgress: (done: number, total: number) => void,
): Promise<number> => {
  checkKeys(items, table.key);
  const distinct = withoutRepeats(items, table.key);
  const requests = distinct.map(
    (item): Request => ({ PutRequest: { Item: sdkItem(item) as Request["PutRequest"]["Item"] } }),
  );
  let next = 0;
  let done = 0;
  const write = async (): Promise<void> => {
    while (next < requests.length) {
      const batch = requests.slice(next, next + batchSize);
      next += batch.length;
      await writeBatch(client, table.name, batch);
      done += batch.length;
      onProgress(done, requests.length);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return done;
};
