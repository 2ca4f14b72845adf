// Lists the live items of the target table, page by page, with the keys of their source items as far as they are known.

import { itemKeyOf } from "@sluice/core/envelope";
import {
  type HeldKey,
  type Image,
  isRecord,
  type KeysPage,
  type KeysRequest,
  keySources,
  ownerOf,
  type SdkItem,
  SinkError,
  sdkItem,
} from "@sluice/core/sink-kit";
import { classify } from "../classify.ts";
import type { CallDynamodb } from "../client/client.ts";
import type { DynamodbSettings } from "../options.ts";
import type { TargetTable } from "../schema/table.ts";
import { isMarkedRemoved, itemAsText, readGuard } from "../write/guard.ts";

type KeyTypes = KeysRequest["keyTypes"];

/**
 * The target's key attribute that has the value of each attribute of the source's key; undefined if an attribute of the
 * source's key fills no attribute of the target's key, or if a function made the target's key.
 */
const inverseOf = (
  { key, movingKey }: DynamodbSettings,
  { keys }: TargetTable,
  keyTypes: KeyTypes,
): ReadonlyMap<string, string> | undefined => {
  if (movingKey !== undefined || typeof key === "function") return undefined;
  const sources = keySources(key) ?? new Map(keys.map(({ name }) => [name, name]));
  const targets = new Map([...sources].map(([target, source]) => [source, target]));
  return Object.keys(keyTypes).every((name) => targets.has(name)) ? targets : undefined;
};

const pick = (item: SdkItem, keyTypes: KeyTypes, nameOf: (source: string) => string): Image | undefined => {
  const keys = Object.entries(keyTypes).flatMap(([source, type]) => {
    const value = item[nameOf(source)];
    return value !== undefined && type in value ? [[source, value] as const] : [];
  });
  if (keys.length < Object.keys(keyTypes).length) return undefined;
  return itemAsText(Object.fromEntries(keys)) as Image;
};

/**
 * Returns the key of an item's source item. If the target's key does not tell it, the item's attributes of the same names
 * are the key if the owner in the guard is their hash.
 */
const sourceKeyOf = (
  item: SdkItem,
  owner: string | undefined,
  keyTypes: KeyTypes,
  inverse: ReadonlyMap<string, string> | undefined,
): Image | undefined => {
  const keys = pick(item, keyTypes, (source) => inverse?.get(source) ?? source);
  if (owner === undefined) return inverse && keys;
  return keys !== undefined && ownerOf(itemKeyOf(keys)) === owner ? keys : undefined;
};

/** Names the attributes to read: the keys of both tables, and the members of the guard that tell version and owner. */
const projectionOf = (
  { guardAttribute }: DynamodbSettings,
  { keys }: TargetTable,
  keyTypes: KeyTypes,
): { readonly ProjectionExpression: string; readonly ExpressionAttributeNames: Record<string, string> } => {
  const names = [...new Set([...keys.map(({ name }) => name), ...Object.keys(keyTypes)])];
  const attributes = names.filter((name) => name !== guardAttribute).map((name, at) => [`#k${at}`, name] as const);
  return {
    ProjectionExpression: [...attributes.map(([placeholder]) => placeholder), "#g.#v", "#g.#o", "#g.#r"].join(),
    ExpressionAttributeNames: {
      ...Object.fromEntries(attributes),
      ...{ "#g": guardAttribute, "#v": "v", "#o": "o", "#r": "removed" },
    },
  };
};

const startOf = (sink: string, after: string): SdkItem => {
  try {
    const parsed: unknown = JSON.parse(after);
    if (isRecord(parsed)) return sdkItem(parsed as Image);
  } catch {
    // The error below says so.
  }
  throw new SinkError(
    "SINK_REJECTED",
    `[${sink}] "after" is not the end of a page; expected "next" of the page before`,
  );
};

/** Reads one page of the table. @throws {SinkError} when the request fails. */
export const listKeys = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  target: TargetTable,
  { part, parts, after, limit, keyTypes }: KeysRequest,
  signal: AbortSignal,
): Promise<KeysPage> => {
  const { name: sink, table: TableName, guardAttribute } = settings;
  const scan = {
    ...{ TableName, Segment: part, TotalSegments: parts, Limit: limit },
    ...projectionOf(settings, target, keyTypes),
    ...(after !== undefined && { ExclusiveStartKey: startOf(sink, after) }),
  };
  const { Items = [], LastEvaluatedKey } = await call("Scan", scan, signal).catch((error: unknown) => {
    throw classify(sink, error);
  });
  const inverse = inverseOf(settings, target, keyTypes);
  const keys = (Items as SdkItem[]).flatMap((item): HeldKey[] => {
    const guard = readGuard(item[guardAttribute]);
    if (isMarkedRemoved(item[guardAttribute])) return [];
    return [{ keys: sourceKeyOf(item, guard?.owner, keyTypes, inverse), version: guard?.version ?? "" }];
  });
  const next = LastEvaluatedKey && JSON.stringify(itemAsText(LastEvaluatedKey as SdkItem));
  return { keys, next };
};
