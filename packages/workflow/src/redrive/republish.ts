// Republishes the items of dead letters. It updates a marker attribute of the item, so that the source table's stream
// emits a new record. The update writes only the marker and the attributes that the fix has changed. If the item has
// changed since the dead letter's change, the update is not made: the later change has its own record in the stream.

import {
  type AwsService,
  checkClient,
  decodeImage,
  eachBounded,
  type LazyClient,
  lazyClient,
  missingDependency,
  RecordError,
  type SdkItem,
  type SdkValue,
  type StreamRecord,
  sdkItem,
  verifiedTls,
} from "@sluice/core/sink-kit";
import type { DeadLetterWithRecord } from "./dead-letter.ts";
import { user } from "./environment.ts";
import { classified, interruption } from "./errors.ts";
import { both, type ItemExpression, isComparable, isUnchanged, lacks, updateOf } from "./item-condition.ts";
import type { Finish, MessageResult } from "./message-result.ts";

interface ItemRequest {
  TableName: string;
  ConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues?: Record<string, SdkValue>;
}

/**
 * The methods of the SDK's client `DynamoDB` that a republish calls. You may pass your own client of that class.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
 */
export interface SourceTableClient {
  readonly updateItem: (input: ItemRequest & { Key: SdkItem; UpdateExpression: string }) => Promise<unknown>;
  readonly putItem: (input: ItemRequest & { Item: SdkItem }) => Promise<unknown>;
  readonly deleteItem: (input: ItemRequest & { Key: SdkItem }) => Promise<unknown>;
}

/** The source table, and how its items are updated. */
export interface SourceTable {
  readonly tableName: string;
  readonly markerAttribute: string;
  readonly removes: "leave" | "put-and-delete";
  readonly connection: LazyClient<SourceTableClient>;
}

/** Number of items that are updated at the same time. Each item needs one or two requests. */
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

/** Returns the user's client, or by default a client of the SDK. @throws {ConfigError} when `given` is not a client. */
export const dynamodbConnection = (given: SourceTableClient | undefined): LazyClient<SourceTableClient> => {
  checkClient(given, "updateItem", "a DynamoDB client of @aws-sdk/client-dynamodb");
  return lazyClient(given, async () => {
    const { DynamoDB } = await import("@aws-sdk/client-dynamodb").catch(
      missingDependency(user, "@aws-sdk/client-dynamodb"),
    );
    return new DynamoDB({ requestHandler: verifiedTls });
  });
};

interface ItemRefusal {
  readonly code: string;
  readonly reason: string;
}

/** Result of one item. */
type ItemResult = "republished" | ItemRefusal;

const itemChanged: ItemRefusal = {
  code: "ITEM_CHANGED",
  reason: "the item was changed later; that change has already gone through the stream",
};

const notRepublishable = (reason: string): ItemRefusal => ({ code: "NOT_REPUBLISHABLE", reason });

const conditionParts = ({ expression, names, values }: ItemExpression) => ({
  ConditionExpression: expression,
  ExpressionAttributeNames: { ...names },
  ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: { ...values } }),
});

/** Sends a conditional request. Returns false if DynamoDB refuses the request because the condition is not met. */
const isApplied = async (request: () => Promise<unknown>): Promise<boolean> => {
  try {
    await request();
    return true;
  } catch (error) {
    if (classified(dynamodb, error).code === "SINK_CONFLICT") return false;
    throw error;
  }
};

interface Item {
  readonly deadLetter: DeadLetterWithRecord;
  readonly record: StreamRecord;
  readonly table: SourceTable;
  /** New value of the marker, different in each run. If the value did not change, DynamoDB would emit no record. */
  readonly run: string;
}

const updateItem = async ({ deadLetter, record, table, run }: Item): Promise<ItemResult> => {
  const { tableName: TableName, markerAttribute, connection } = table;
  const { Keys = {}, NewImage = Keys } = record.dynamodb ?? {};
  const after = deadLetter.fixedRecord?.dynamodb?.NewImage ?? NewImage;
  const update = updateOf(NewImage, after, [markerAttribute, { S: run }]);
  const isFixed = deadLetter.fixedRecord !== undefined;
  if (isFixed && !isComparable(record))
    return notRepublishable("the item has too many attributes for the condition of a fix");
  const client = await connection.get();
  const condition = both(isUnchanged(record, markerAttribute), { ...update, expression: "" });
  const UpdateExpression = update.expression;
  const request = { TableName, Key: sdkItem(Keys), UpdateExpression, ...conditionParts(condition) };
  return (await isApplied(() => client.updateItem(request))) ? "republished" : itemChanged;
};

/**
 * Puts a placeholder item that has only the key and the marker, and deletes the placeholder. The stream then emits a
 * REMOVE record. If a writer has replaced the placeholder, the new item stays. A retry deletes an old placeholder.
 */
const putAndDelete = async ({ deadLetter, record, table }: Item): Promise<ItemResult> => {
  const { tableName: TableName, markerAttribute, connection } = table;
  const { Keys = {}, OldImage = {} } = record.dynamodb ?? {};
  const Key = sdkItem(Keys);
  const marker: SdkValue = { S: `removed: ${deadLetter.envelope?.id}` };
  const keyNames = Object.keys(Keys);
  const others = Object.keys(OldImage).filter((name) => name !== markerAttribute && !keyNames.includes(name));
  const isPlaceholder: ItemExpression = {
    expression: "#marker = :marker",
    names: { "#marker": markerAttribute },
    values: { ":marker": marker },
  };
  const client = await connection.get();
  const put = { TableName, Item: { ...Key, [markerAttribute]: marker }, ...conditionParts(lacks(keyNames)) };
  // The result is ignored. If the item exists, it may be the placeholder of an earlier attempt, which is deleted now.
  await isApplied(() => client.putItem(put));
  const remove = { TableName, Key, ...conditionParts(both(isPlaceholder, lacks(others))) };
  return (await isApplied(() => client.deleteItem(remove))) ? "republished" : itemChanged;
};

/** Returns what is wrong with the record's images, if anything. The record may be written by hand. */
const malformedIn = (record: StreamRecord): string | undefined => {
  const { Keys, NewImage, OldImage } = record.dynamodb ?? {};
  const images = [Keys, NewImage, OldImage].filter((image) => image !== undefined);
  if (images.some((image) => typeof image !== "object" || image === null))
    return "an image of the record is not an object";
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

const republishOne = async (item: Item): Promise<ItemResult> => {
  const { record, table } = item;
  const { Keys, OldImage } = record.dynamodb ?? {};
  if (tableIn(record.eventSourceARN) !== table.tableName)
    return notRepublishable(`the record does not belong to the table ${table.tableName}`);
  if (Object.keys(Keys ?? {}).length === 0) return notRepublishable("the record has no keys");
  if (Object.hasOwn(Keys ?? {}, table.markerAttribute))
    return notRepublishable("the marker attribute is a key of the table");
  const malformed = malformedIn(record) ?? malformedIn(item.deadLetter.fixedRecord ?? record);
  if (malformed !== undefined) return notRepublishable(malformed);
  if (record.eventName !== "REMOVE") return updateItem(item);
  if (table.removes === "leave") {
    return { code: "REMOVE_LEFT", reason: 'a REMOVE record is republished only with removes: "put-and-delete"' };
  }
  if (OldImage === undefined) return notRepublishable("a REMOVE record is republished only with the item's old image");
  return putAndDelete(item);
};

/** Returns the result if the item caused the error. @throws other errors, after which the batch cannot continue. */
const refusal = (error: unknown): ItemRefusal => {
  const { code, message } = classified(dynamodb, error);
  if (code === "SINK_REJECTED" || code === "SINK_TOO_LARGE") return notRepublishable(message);
  throw interruption(dynamodb, error);
};

const resultOf = async (item: Omit<Item, "record">): Promise<MessageResult> => {
  const { deadLetter } = item;
  if (deadLetter.record === undefined) return { deadLetter, ...notRepublishable("the message contains no envelope") };
  const result = await republishOne({ ...item, record: deadLetter.record }).catch(refusal);
  return result === "republished" ? { deadLetter, outcome: result } : { deadLetter, ...result };
};

/**
 * Republishes the items of dead letters, and passes their results to `finish`. `run` is the marker's new value.
 * @throws {RedriveThrottledError} or {RedriveInterruptedError} when DynamoDB refuses requests. Then `finish` gets
 * the results of the items that were already updated, and no more items are updated.
 */
export const republishAll = async (
  table: SourceTable,
  deadLetters: readonly DeadLetterWithRecord[],
  { run, finish }: { readonly run: string; readonly finish: Finish },
): Promise<void> => {
  const done: MessageResult[] = [];
  try {
    await eachBounded(deadLetters, itemsAtOnce, async (deadLetter) => {
      done.push(await resultOf({ deadLetter, table, run }));
    });
  } finally {
    await finish(done);
  }
};
