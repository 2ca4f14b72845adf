// Options, what they default to, and what is refused at cold start. Nothing here connects.

import { ConfigError } from "@sluice/core/sink-kit";
import type { DynamodbClient } from "./client/client.ts";
import type { KeyMap, MovingKey } from "./write/key.ts";

/** Options of `dynamodb`. */
export interface DynamodbSinkOptions {
  /** Name or ARN of the table to write. It must not be the source. */
  readonly table: string;
  /** Your own `DynamoDBClient` or `DynamoDB`. Default: one that the sink makes, which leaves retries to core. */
  readonly client?: DynamodbClient;
  /** Where the target's key comes from, of the item's key. Default: the attributes of the same names. */
  readonly key?: KeyMap;
  /** The target's key where other attributes than the item's key make it. Either this or `key`. */
  readonly movingKey?: MovingKey;
  /** Attribute of the target that holds the version. Default `_sluice`. */
  readonly guardAttribute?: string;
  /** Attribute by which DynamoDB's TTL removes tombstones: the one that is set on the table. Default `_sluice_expires`. */
  readonly ttlAttribute?: string;
  /** Days that a tombstone stays. Default 16; at least 15: stream 24 hours and dead letters 14 days. */
  readonly tombstoneDays?: number;
  /** Items written at once, at most. Default 32. */
  readonly concurrency?: number;
  /** For logs, metrics and dead letters. Default `dynamodb`. */
  readonly name?: string;
  /** Milliseconds since the epoch, for tests. Default `Date.now`. */
  readonly now?: () => number;
}

/** Options after validation. */
export interface Settings {
  readonly name: string;
  readonly table: string;
  readonly client: DynamodbClient | undefined;
  readonly key: KeyMap | undefined;
  readonly movingKey: MovingKey | undefined;
  readonly guardAttribute: string;
  readonly ttlAttribute: string;
  readonly tombstoneSeconds: number;
  readonly concurrency: number;
  readonly now: () => number;
}

const longestRepeatDays = 15;
const maxTombstoneDays = 3_650;
const maxConcurrency = 1_000;

export const invalid = (option: string, expectation: string): ConfigError =>
  new ConfigError("CONFIG_INVALID", `option "${option}" ${expectation}`);

const checkText = (option: string, value: unknown): void => {
  if (typeof value !== "string" || value === "" || value === "__proto__")
    throw invalid(option, "must be a non-empty string");
};

const checkWhole = (option: string, value: unknown, [least, most]: readonly [number, number]): void => {
  if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
  throw invalid(option, `must be a whole number from ${least} to ${most}`);
};

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html (read 2026-11-23) */
const checkTable = (table: unknown): void => {
  if (typeof table === "string" && /^(arn:[^:]+:dynamodb:[^:]*:[^:]*:table\/)?[\w.-]{3,255}$/.test(table)) return;
  throw invalid("table", "must be the name or the ARN of a table");
};

const checkKey = (key: unknown): void => {
  if (key === undefined || typeof key === "function") return;
  const names = Array.isArray(key) ? key : Object.entries(typeof key === "object" && key !== null ? key : {}).flat();
  if (names.length > 0 && names.every((name) => typeof name === "string" && name !== "")) return;
  throw invalid("key", "must be a list of attributes, an object of target attribute to key attribute, or a function");
};

const frozenKey = (key: KeyMap | undefined): KeyMap | undefined => {
  if (key === undefined || typeof key === "function") return key;
  return Object.freeze(Array.isArray(key) ? [...key] : { ...key });
};

const checkClient = (client: unknown): void => {
  if (client === undefined || typeof (client as Partial<DynamodbClient> | null)?.send === "function") return;
  throw invalid("client", "must be a client of @aws-sdk/client-dynamodb");
};

const checkFunction = (option: string, value: unknown): void => {
  if (value !== undefined && typeof value !== "function") throw invalid(option, "must be a function");
};

const checkNames = ({ guardAttribute, ttlAttribute, name }: Settings): void => {
  checkText("guardAttribute", guardAttribute);
  checkText("ttlAttribute", ttlAttribute);
  checkText("name", name);
  if (guardAttribute === ttlAttribute) throw invalid("ttlAttribute", 'must be another one than "guardAttribute"');
};

/**
 * Checks the options and fills in defaults.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 */
export const checkOptions = (options: DynamodbSinkOptions): Settings => {
  const { table, client, key, movingKey, tombstoneDays = 16, concurrency = 32, now = Date.now } = options;
  checkTable(table);
  checkClient(client);
  checkKey(key);
  checkFunction("movingKey", movingKey);
  checkFunction("now", now);
  if (key !== undefined && movingKey !== undefined) throw invalid("movingKey", 'must not be given beside "key"');
  checkWhole("tombstoneDays", tombstoneDays, [longestRepeatDays, maxTombstoneDays]);
  checkWhole("concurrency", concurrency, [1, maxConcurrency]);
  const settings: Settings = {
    name: options.name ?? "dynamodb",
    table,
    client,
    key: frozenKey(key),
    movingKey,
    guardAttribute: options.guardAttribute ?? "_sluice",
    ttlAttribute: options.ttlAttribute ?? "_sluice_expires",
    tombstoneSeconds: tombstoneDays * 86_400,
    concurrency,
    now,
  };
  checkNames(settings);
  return Object.freeze(settings);
};
