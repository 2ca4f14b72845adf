// The options, their defaults and their checks. No code here connects to DynamoDB.

import {
  type Change,
  checkClient,
  checkKeyMap,
  checkText,
  checkTombstoneDays,
  checkWhole,
  invalidOption,
  type KeyValue,
  type UnknownItem,
} from "@sluice/core/sink-kit";
import type { DynamodbClient } from "./client/client.ts";

/** A key of the target: values by attribute name. */
export interface TargetKey {
  readonly [attribute: string]: KeyValue | bigint;
}

/** How an item's key becomes the target's key: shared names, a map of target to key attribute, or a function. */
export type DynamodbKeyMap =
  | readonly string[]
  | { readonly [attribute: string]: string }
  | ((keys: Change["keys"]) => TargetKey);

/**
 * Returns the target's key for an item, from any of its attributes; undefined if the item has no copy. The sink calls
 * the function with the images before and after a change, which are decoded but not parsed by the pipeline's schema.
 * Different items must have different keys.
 */
export type MovingKey = (item: UnknownItem) => TargetKey | undefined;

/** Options of `dynamodbSink`. */
export interface DynamodbSinkOptions {
  /** Name or ARN of the table to write. It must not be the source. */
  readonly table: string;
  /** Your own `DynamoDBClient` or `DynamoDB`. Default: the sink creates one without retries, because core retries. */
  readonly client?: DynamodbClient;
  /** Which attributes of the item's key form the target's key. Default: the attributes with the same names. */
  readonly key?: DynamodbKeyMap;
  /** The target's key, if it depends on attributes outside the item's key. Set either this or `key`. */
  readonly movingKey?: MovingKey;
  /** Attribute of the target that holds the version. Default `_sluice`. */
  readonly guardAttribute?: string;
  /** Attribute by which DynamoDB's TTL deletes tombstones: the table's TTL attribute. Default `_sluice_expires`. */
  readonly ttlAttribute?: string;
  /** Days that a tombstone stays: from 15 to 3,650. Default 16. */
  readonly tombstoneDays?: number;
  /** Maximum number of items written at once. Default 32. */
  readonly concurrency?: number;
  /** For logs, metrics and dead letters. Default `dynamodb`. */
  readonly name?: string;
  /** Milliseconds since the epoch, for tests. Default `Date.now`. */
  readonly now?: () => number;
}

/** The options after their checks, with defaults. */
export interface DynamodbSettings
  extends Required<
    Pick<DynamodbSinkOptions, "name" | "table" | "guardAttribute" | "ttlAttribute" | "concurrency" | "now">
  > {
  readonly client: DynamodbClient | undefined;
  readonly key: DynamodbKeyMap | undefined;
  readonly movingKey: MovingKey | undefined;
  readonly tombstoneSeconds: number;
}

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html (read 2026-11-23) */
const checkTable = (table: unknown): void => {
  if (typeof table === "string" && /^(arn:[^:]+:dynamodb:[^:]*:[^:]*:table\/)?[\w.-]{3,255}$/.test(table)) return;
  throw invalidOption("table", "must be the name or the ARN of a table");
};

const checkFunction = (option: string, value: unknown): void => {
  if (value !== undefined && typeof value !== "function") throw invalidOption(option, "must be a function");
};

/** Refuses `__proto__`: assigning an attribute of that name to an item would set the prototype instead. */
const checkAttribute = (option: string, value: unknown): void => {
  checkText(option, value);
  if (value === "__proto__") throw invalidOption(option, 'must not be "__proto__"');
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const checkOptions = (options: DynamodbSinkOptions): DynamodbSettings => {
  const { table, client, key, movingKey, concurrency = 32, name = "dynamodb", now = Date.now } = options;
  const { guardAttribute = "_sluice", ttlAttribute = "_sluice_expires" } = options;
  checkTable(table);
  checkClient(client, "send", "a client of @aws-sdk/client-dynamodb");
  checkFunction("movingKey", movingKey);
  checkFunction("now", now);
  if (key !== undefined && movingKey !== undefined) throw invalidOption("movingKey", 'must not be given beside "key"');
  checkWhole("concurrency", concurrency, [1, 1_000]);
  checkAttribute("guardAttribute", guardAttribute);
  checkAttribute("ttlAttribute", ttlAttribute);
  checkText("name", name);
  if (guardAttribute === ttlAttribute) throw invalidOption("ttlAttribute", 'must differ from "guardAttribute"');
  return Object.freeze({
    name,
    table,
    client,
    key: checkKeyMap(key, "must be a list, an object of target attribute to key attribute, or a function"),
    movingKey,
    guardAttribute,
    ttlAttribute,
    tombstoneSeconds: checkTombstoneDays("tombstoneDays", options.tombstoneDays) * 86_400,
    concurrency,
    now,
  });
};
