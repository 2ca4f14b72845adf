// The table that is copied. Some of its items are older than its stream. Writers change it at random.

import { setTimeout } from "node:timers/promises";
import { type AttributeValue, DynamoDB } from "@aws-sdk/client-dynamodb";
import { type Image, wireImage } from "@sluice/core/envelope";
import type { DynamodbEngine } from "@sluice/local";
import { createTable } from "../convergence/dynamodb-target.ts";
import { type Random, randomOf } from "../convergence/random.ts";
import { classes, randomItem } from "./items.ts";

/** A table of specimens. */
export interface SourceTable {
  readonly client: DynamoDB;
  readonly name: string;
  readonly arn: string;
  /** Puts an item. If the class is given, the item has or keeps this class: see `classes`. */
  readonly put: (random: Random, pk: string, ofClass?: number) => Promise<void>;
  /** Puts, updates, removes or inserts the item again, at random. */
  readonly change: (random: Random, pk: string) => Promise<void>;
  /** Returns all items, by `pk`. */
  readonly scan: () => Promise<ReadonlyMap<string, Image>>;
  /** Enables the stream, and returns its ARN. */
  readonly enableStream: () => Promise<string>;
  readonly close: () => void;
}

const keyOf = (pk: string): Record<string, AttributeValue> => ({ pk: { S: pk }, sk: { S: "1" } });

/** Creates an empty table without a stream. */
export const openSourceTable = async ({ clientConfig }: DynamodbEngine, name: string): Promise<SourceTable> => {
  const client = new DynamoDB(clientConfig);
  await createTable(client, name);
  const { Table } = await client.describeTable({ TableName: name });
  let writes = 0;
  const revision = (ofClass: number): number => {
    writes += 1;
    return classes * writes + ofClass;
  };
  const put: SourceTable["put"] = async (random, pk, ofClass = random.integer(classes)) => {
    await client.putItem({ TableName: name, Item: randomItem(random, pk, revision(ofClass)) });
  };
  const update = async (random: Random, pk: string): Promise<void> => {
    const number = String(revision(random.integer(classes)));
    await client.updateItem({
      TableName: name,
      Key: keyOf(pk),
      UpdateExpression: "SET revision = :revision, note = :note REMOVE payload",
      ExpressionAttributeValues: { ":revision": { N: number }, ":note": { S: `update ${number}` } },
    });
  };
  return {
    client,
    name,
    arn: Table?.TableArn ?? "",
    put,
    change: async (random, pk) => {
      const chosen = random.integer(100);
      if (chosen < 45) await put(random, pk);
      else if (chosen < 65) await update(random, pk);
      else await client.deleteItem({ TableName: name, Key: keyOf(pk) });
    },
    scan: async () => {
      const items = new Map<string, Image>();
      let start: Record<string, AttributeValue> | undefined;
      do {
        const page = await client.scan({
          TableName: name,
          ConsistentRead: true,
          ...(start !== undefined && { ExclusiveStartKey: start }),
        });
        for (const item of page.Items ?? []) items.set(item.pk?.S ?? "", wireImage(item as Image));
        start = page.LastEvaluatedKey;
      } while (start !== undefined);
      return items;
    },
    enableStream: async () => {
      const { TableDescription } = await client.updateTable({
        TableName: name,
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      });
      return TableDescription?.LatestStreamArn ?? "";
    },
    close: () => client.destroy(),
  };
};

/** Writers that change items until they are stopped. */
export interface Writers {
  /** Resolves with the number of their writes, after the last one. */
  readonly stop: () => Promise<number>;
}

/** The longest pause of a writer between two writes. */
const longestPauseMs = 50;

/** Starts writers. `pks` are the items that they change; two writers may change one item at the same time. */
export const startWriters = (
  table: SourceTable,
  pks: readonly [string, ...string[]],
  { seed, writers }: { readonly seed: number; readonly writers: number },
): Writers => {
  let isStopped = false;
  let writes = 0;
  const write = async (random: Random): Promise<void> => {
    while (!isStopped) {
      await table.change(random, random.pick(pks));
      writes += 1;
      await setTimeout(random.integer(longestPauseMs));
    }
  };
  const ended = Promise.all(Array.from({ length: writers }, (_, index) => write(randomOf(seed * 31 + index))));
  // The rejection is handled where the writers are stopped.
  ended.catch(() => undefined);
  return {
    stop: async () => {
      isStopped = true;
      await ended;
      return writes;
    },
  };
};
