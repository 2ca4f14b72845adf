// Makes the source table's stream fire again for the items of dead letters, by changing a marker attribute that nobody
// reads. Nothing else of an item is written but what the user's fix has changed, and nothing at all unless the item is
// as the dead letter's change left it: a later change has gone through the stream by itself.

import {
  type AwsService,
  decodeImage,
  eachBounded,
  type LazyClient,
  missingDependency,
  RecordError,
  type SdkItem,
  type SdkValue,
  type StreamRecord,
  sdkItem,
} from "@sluice/core/sink-kit";
import type { Conclude, Concluded } from "./message-result.ts";
import { codeOf, interruption } from "../run/errors.ts";
import { both, type Condition, isComparable, isUnchanged, lacks, updateOf } from "./item-condition.ts";
import type { ReadLetter } from "../run/dead-letter.ts";

interface ItemRequest {
  TableName: string;
  ConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues?: Record<string, SdkValue>;
}

/**
 * The calls of `DynamoDB` from `@aws-sdk/client-dynamodb` that a re-publish makes; your own client fits.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
 */
export interface SourceTableClient {
  readonly updateItem: (input: ItemRequest & { Key: SdkItem; UpdateExpression: string }) => Promise<unknown>;
  readonly putItem: (input: ItemRequest & { Item: SdkItem }) => Promise<unknown>;
  readonly deleteItem: (input: ItemRequest & { Key: SdkItem }) => Promise<unknown>;
}

/** The source table, and how it is touched. */
export interface SourceTable {
  readonly tableName: string;
  readonly markerAttribute: string;
  readonly removes: "leave" | "put-and-delete";
  readonly connection: LazyClient<SourceTableClient>;
}

/** Items at once: each is one request, or two. */
const itemsAtOnce = 8;

const dynamodb: AwsService = {
  name: "DynamoDB",
  codes: {
    ConditionalCheckFailed: "SINK_CONFLICT",
    ItemCollectionSizeLimitExceeded: "SINK_REJECTED",
    ResourceNotFound: "SINK_MISSING",
    TransactionConflict: "SINK_THROTTLED",
    Validation: "SINK_REJECTED",
  },
};

/** A `DynamoDB` client with the SDK's own defaults. */
export const loadDynamodb = async (): Promise<SourceTableClient & { readonly destroy: () => void }> => {
  const { DynamoDB } = await import("@aws-sdk/client-dynamodb").catch(
    missingDependency("the redrive workflow", "@aws-sdk/client-dynamodb"),
  );
  return new DynamoDB({});
};

interface Refusal {
  readonly code: string;
  readonly reason: string;
}

/** What became of one item: its stream has fired, or why it has not. */
type Touched = "republished" | Refusal;

const itemChanged: Refusal = {
  code: "ITEM_CHANGED",
  reason: "the item is no longer as the change left it; a later change has gone through the stream",
};

const unfit = (reason: string): Refusal => ({ code: "NOT_REPUBLISHABLE", reason });

const conditionParts = ({ expression, names, values }: Condition) => ({
  ConditionExpression: expression,
  ExpressionAttributeNames: { ...names },
  ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: { ...values } }),
});

/** Runs a conditional request. False: the condition does not hold. */
const holds = async (request: () => Promise<unknown>): Promise<boolean> => {
  try {
    await request();
    return true;
  } catch (error) {
    if (codeOf(dynamodb, error).code === "SINK_CONFLICT") return false;
    throw error;
  }
};

interface Item {
  readonly letter: ReadLetter;
  readonly record: StreamRecord;
  readonly table: SourceTable;
  /** The marker's new value: another one in each run, and DynamoDB writes no record for an update that changes nothing. */
  readonly run: string;
}

const touch = async ({ letter, record, table, run }: Item): Promise<Touched> => {
  const { tableName: TableName, markerAttribute, connection } = table;
  const { Keys = {}, NewImage = Keys } = record.dynamodb ?? {};
  const after = letter.fixedRecord?.dynamodb?.NewImage ?? NewImage;
  const update = updateOf(NewImage, after, [markerAttribute, { S: run }]);
  const isFixed = letter.fixedRecord !== undefined;
  if (isFixed && !isComparable(record))
    return unfit("the item has too many attributes to be compared before it is fixed");
  const client = await connection.get();
  const { expression, names, values } = both(isUnchanged(record, markerAttribute), { ...update, expression: "" });
  const request = {
    TableName,
    Key: sdkItem(Keys),
    UpdateExpression: update.expression,
    ...conditionParts({ expression, names, values }),
  };
  return (await holds(() => client.updateItem(request))) ? "republished" : itemChanged;
};

/**
 * Puts the item's key with the marker, and deletes it. What somebody else has written meanwhile has the item's other
 * attributes, and is not deleted. A stub that a crash left behind has the same marker, and goes at the next try.
 */
const putAndDelete = async ({ letter, record, table }: Item): Promise<Touched> => {
  const { tableName: TableName, markerAttribute, connection } = table;
  const { Keys = {}, OldImage = {} } = record.dynamodb ?? {};
  const Key = sdkItem(Keys);
  const marker: SdkValue = { S: `removed: ${letter.envelope?.id}` };
  const keyNames = Object.keys(Keys);
  const others = Object.keys(OldImage).filter((name) => name !== markerAttribute && !keyNames.includes(name));
  const isStub: Condition = {
    expression: "#marker = :marker",
    names: { "#marker": markerAttribute },
    values: { ":marker": marker },
  };
  const client = await connection.get();
  const put = { TableName, Item: { ...Key, [markerAttribute]: marker }, ...conditionParts(lacks(keyNames)) };
  // False: the item is there. It may be the stub of a try that crashed.
  await holds(() => client.putItem(put));
  const remove = { TableName, Key, ...conditionParts(both(isStub, lacks(others))) };
  return (await holds(() => client.deleteItem(remove))) ? "republished" : itemChanged;
};

/** Why the images of a record are none that the table could be told of; dead letters hold records of every kind. */
const malformedIn = (record: StreamRecord): string | undefined => {
  const { Keys, NewImage, OldImage } = record.dynamodb ?? {};
  const images = [Keys, NewImage, OldImage].filter((image) => image !== undefined);
  if (images.some((image) => typeof image !== "object" || image === null)) return "an image of the record is none";
  try {
    for (const image of images) decodeImage(image);
    return undefined;
  } catch (error) {
    if (error instanceof RecordError) return error.message;
    throw error;
  }
};

const tableIn = (streamArn: unknown): string | undefined =>
  typeof streamArn === "string" ? streamArn.match(/:table\/([^/]+)\//)?.[1] : undefined;

const republishOne = async (item: Item): Promise<Touched> => {
  const { record, table } = item;
  const { Keys, OldImage } = record.dynamodb ?? {};
  if (tableIn(record.eventSourceARN) !== table.tableName)
    return unfit(`the record is not of the table ${table.tableName}`);
  if (Object.keys(Keys ?? {}).length === 0) return unfit("the record has no keys");
  if (Object.hasOwn(Keys ?? {}, table.markerAttribute)) return unfit("the marker attribute is a key of the table");
  const malformed = malformedIn(record) ?? malformedIn(item.letter.fixedRecord ?? record);
  if (malformed !== undefined) return unfit(malformed);
  if (record.eventName !== "REMOVE") return touch(item);
  if (table.removes === "leave") {
    return { code: "REMOVE_LEFT", reason: "a remove is re-published with removes: put-and-delete only" };
  }
  if (OldImage === undefined) return unfit("a remove can only be re-published with the item's old image");
  return putAndDelete(item);
};

/** Errors that blame the item are its own; with others the batch cannot go on. */
const refusal = (error: unknown): Refusal => {
  const { code, message } = codeOf(dynamodb, error);
  if (code === "SINK_REJECTED" || code === "SINK_TOO_LARGE") return unfit(message);
  throw interruption(dynamodb, error);
};

const concludedBy = async (item: Omit<Item, "record">): Promise<Concluded> => {
  const { letter } = item;
  if (letter.record === undefined) return { letter, ...unfit("the message holds no envelope") };
  const touched = await republishOne({ ...item, record: letter.record }).catch(refusal);
  return touched === "republished" ? { letter, settled: touched } : { letter, ...touched };
};

/**
 * Re-publishes the items of letters, and concludes them. `run` is the marker's new value.
 * @throws {RedriveThrottledError} {RedriveInterruptedError} when the table does not take requests. What was touched by
 * then is concluded; no other item is begun.
 */
export const republishAll = async (
  table: SourceTable,
  letters: readonly ReadLetter[],
  { run, conclude }: { readonly run: string; readonly conclude: Conclude },
): Promise<void> => {
  let failure: { readonly error: unknown } | undefined;
  const done = await eachBounded(letters, itemsAtOnce, async (letter) => {
    if (failure !== undefined) return [];
    try {
      return [await concludedBy({ letter, table, run })];
    } catch (error) {
      failure ??= { error };
      return [];
    }
  });
  await conclude(done.flat());
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
};
