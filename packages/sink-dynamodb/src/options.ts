// The options, their defaults and their checks. No code here connects to DynamoDB.

import {
  type Change,
  checkClient,
  checkKeyMap,
  checkOptionNames,
  checkText,
  checkTombstoneDays,
  checkWhole,
  invalidOption,
  type KeyValue,
  type OptionNames,
  type UnknownItem,
} from "@sluice/core/sink-kit";
import type { DynamodbClient } from "./client/client.ts";

/** A primary key of the target table: an object of attribute names and values. */
export interface TargetKey {
  readonly [attribute: string]: KeyValue | bigint;
}

/**
 * How to get the target's key: attribute names of both keys, a map from target to source names, or a function. With a
 * function, or if an attribute of the item's key is not used, several items can have one target key: it shows the newest.
 */
export type DynamodbKeyMap =
  | readonly string[]
  | { readonly [attribute: string]: string }
  | ((keys: Change["keys"]) => TargetKey);

/**
 * Returns the target's key for an item, or undefined if the target must not contain the item. If several items have one
 * key, the target shows the newest. The sink calls the function with the item before the change and with the item after
 * the change. Both items are decoded, but the pipeline's schema has not parsed them.
 */
export type MovingKey = (item: UnknownItem) => TargetKey | undefined;

/** Options of `dynamodbSink`. */
export interface DynamodbSinkOptions {
  /** Name or ARN of the table to write. It must not be the table whose stream the pipeline reads. */
  readonly table: string;
  /** Your own `DynamoDBClient` or `DynamoDB`. Default: a client without retries, because `@sluice/core` retries. */
  readonly client?: DynamodbClient;
  /** How to get the target's key from the item's key. Default: both keys have the same attribute names. */
  readonly key?: DynamodbKeyMap;
  /** Gets the target's key from any attributes of the item. Set either `movingKey` or `key`. */
  readonly movingKey?: MovingKey;
  /** Name of the target's attribute that stores the version. Default `_sluice`. */
  readonly guardAttribute?: string;
  /** Name of the table's TTL attribute, by which DynamoDB deletes tombstones. Default `_sluice_expires`. */
  readonly ttlAttribute?: string;
  /** Number of days to keep a tombstone: from 29 to 3,650. Default 30. */
  readonly tombstoneDays?: number;
  /** Maximum number of items that are written at the same time. Default 32. */
  readonly concurrency?: number;
  /** Name of the sink in logs, metrics and dead letters. Default `dynamodb`. */
  readonly name?: string;
  /** For tests: returns the time in milliseconds since the epoch. Default `Date.now`. */
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

/** Refuses the name `__proto__`, because `item.__proto__ = value` would set the prototype, not an attribute. */
const checkAttribute = (option: string, value: unknown): void => {
  checkText(option, value);
  if (value === "__proto__") throw invalidOption(option, 'must not be "__proto__"');
};

const known: OptionNames<DynamodbSinkOptions> = {
  table: true,
  client: true,
  key: true,
  movingKey: true,
  guardAttribute: true,
  ttlAttribute: true,
  tombstoneDays: true,
  concurrency: true,
  name: true,
  now: true,
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID when an option is invalid. */
export const checkOptions = (options: DynamodbSinkOptions): DynamodbSettings => {
  checkOptionNames("dynamodbSink", options, known);
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
