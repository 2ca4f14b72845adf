// Finds the target key of a delivery, and the source item's former target keys, which get tombstones.

import {
  callUser,
  decodeImage,
  type Image,
  imageOf,
  invalidOption,
  keySources,
  rejected,
  type SdkItem,
  type SdkValue,
  type SinkError,
  sdkItem,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import type { DynamodbSettings, MovingKey, TargetKey } from "../options.ts";
import type { KeyAttribute, TargetTable } from "../schema/table.ts";
import { AttributeValueError, marshalValue } from "./marshal.ts";

/** The target keys of a delivery. */
export interface DeliveryKeys {
  /** The key to write the item to; undefined if the target must not contain the item. */
  readonly key: SdkItem | undefined;
  /** Former target keys of the item, where an old copy may still exist. */
  readonly left: readonly SdkItem[];
}

/** Returns the target's key for the key of a source item. */
type KeyOf = (keys: SdkItem) => SdkItem;

const valueText = (value: SdkValue): string =>
  "B" in value ? Buffer.from(value.B).toString("base64") : String(Object.values(value)[0]);

/** Whether two values have the same type and are equal. Supports only the types that key attributes can have. */
export const isSameValue = (left: SdkValue, right: SdkValue): boolean =>
  typeOf(left) === typeOf(right) && valueText(left) === valueText(right);

/** Returns a key as text. Equal keys have equal texts, because a key's members are in the order of the key schema. */
const keyText = (key: SdkItem): string => JSON.stringify(Object.values(key).map(valueText));

const typeOf = (value: SdkValue): string => Object.keys(value)[0] ?? "";

const quoted = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(", ");

const checkSchema = (names: Iterable<string>, { keys }: TargetTable): void => {
  const found = [...names].sort().join();
  const expected = keys.map(({ name }) => name);
  if (found === expected.sort().join()) return;
  throw invalidOption("key", `names ${quoted(names)}; expected the target's key attributes: ${quoted(expected)}`);
};

const pickKey = (columns: readonly KeyAttribute[], sources: ReadonlyMap<string, string>, keys: SdkItem): SdkItem => {
  const key: Record<string, SdkValue> = {};
  for (const { name, type } of columns) {
    const source = sources.get(name) ?? name;
    const value = Object.hasOwn(keys, source) ? keys[source] : undefined;
    if (value === undefined || typeOf(value) !== type) {
      const found = value === undefined ? "is not a key attribute of the item" : `has the type ${typeOf(value)}`;
      throw invalidOption("key", `fills "${name}" from "${source}", which ${found}; expected one of type ${type}`);
    }
    key[name] = value;
  }
  return key;
};

/**
 * Copies the target's key attributes from the source key's attributes of the same names. Throws if the source key has
 * an attribute that the target's key lacks, because two source items could then have the same target key.
 */
const sameNames = ({ keys: columns }: TargetTable): KeyOf => {
  const none: ReadonlyMap<string, string> = new Map();
  return (keys) => {
    const extra = Object.keys(keys).filter((name) => columns.every((column) => column.name !== name));
    if (extra.length > 0) {
      throw invalidOption("key", `must be given: the target's key lacks ${quoted(extra)}, which the item's key has`);
    }
    return pickKey(columns, none, keys);
  };
};

const mappedNames = (sources: ReadonlyMap<string, string>, target: TargetTable): KeyOf => {
  checkSchema(sources.keys(), target);
  return (keys) => pickKey(target.keys, sources, keys);
};

const refused = ({ name }: DynamodbSettings, option: string, problem: string): SinkError =>
  rejected(name, `option "${option}" ${problem}`);

/** Returns one attribute value of the key that the user's function returned. */
const returnedValue = (key: TargetKey, { name, type }: KeyAttribute): SdkValue => {
  const value = Object.hasOwn(key, name) ? key[name] : undefined;
  const wire = marshalValue(value);
  if (typeOf(wire) !== type) throw new AttributeValueError(`found the type ${typeOf(wire)}; expected ${type}`);
  return wire;
};

const returnedKey = (settings: DynamodbSettings, option: string, { keys }: TargetTable, key: unknown): SdkItem => {
  if (typeof key !== "object" || key === null) throw refused(settings, option, `returned ${typeof key}`);
  const extra = Object.keys(key).filter((name) => keys.every((column) => column.name !== name));
  if (extra.length > 0) {
    const names = quoted(keys.map(({ name }) => name));
    throw invalidOption(option, `returned ${quoted(extra)}; expected the target's key attributes: ${names}`);
  }
  const entries = keys.map((column): readonly [string, SdkValue] => {
    try {
      return [column.name, returnedValue(key as TargetKey, column)];
    } catch (error) {
      if (!(error instanceof AttributeValueError)) throw error;
      throw refused(settings, option, `returned a wrong value for "${column.name}": ${error.message}`);
    }
  });
  return Object.fromEntries(entries);
};

const staticKeys = (
  settings: DynamodbSettings,
  target: TargetTable,
): ((delivery: UpsertDelivery<unknown>) => DeliveryKeys) => {
  const { key } = settings;
  if (typeof key === "function") {
    return ({ change }) => ({ key: returnedKey(settings, "key", target, callUser("key", key, change.keys)), left: [] });
  }
  const sources = keySources(key);
  const keyOf = sources === undefined ? sameNames(target) : mappedNames(sources, target);
  return ({ change }) => ({ key: keyOf(sdkItem(change.record.dynamodb?.Keys ?? {})), left: [] });
};

const imageUser = 'option "movingKey"';

/** Returns the images of all earlier states of the item, because each may have had another target key. */
const formerImages = ({ change, earlier }: UpsertDelivery<unknown>): Image[] => {
  const before = [...earlier, change].filter(({ kind }) => kind !== "insert");
  const after = earlier.filter(({ kind }) => kind !== "remove");
  return [
    ...before.map((one) => imageOf(one, "OldImage", imageUser)),
    ...after.map((one) => imageOf(one, "NewImage", imageUser)),
  ];
};

const movingKeys = (settings: DynamodbSettings, movingKey: MovingKey, target: TargetTable) => {
  const keyOf = (image: Image): SdkItem | undefined => {
    const key = callUser("movingKey", movingKey, decodeImage(image));
    return key === undefined ? undefined : returnedKey(settings, "movingKey", target, key);
  };
  return (delivery: UpsertDelivery<unknown>): DeliveryKeys => {
    const isLive = delivery.message !== undefined;
    const key = isLive ? keyOf(imageOf(delivery.change, "NewImage", imageUser)) : undefined;
    if (isLive && key === undefined) {
      throw refused(settings, "movingKey", "returned no key for an item with a message");
    }
    const former = new Map<string, SdkItem>();
    for (const image of formerImages(delivery)) {
      const left = keyOf(image);
      if (left !== undefined) former.set(keyText(left), left);
    }
    if (key !== undefined) former.delete(keyText(key));
    return { key, left: [...former.values()] };
  };
};

/**
 * Creates the function that finds a delivery's keys. That function throws RecordError MAPPING_FAILED when the user's
 * function throws, RecordError RECORD_INCOMPLETE when an image is missing, and SinkError SINK_REJECTED for a bad key.
 * @throws {ConfigError} CONFIG_INVALID when `key` does not fit the target's key schema.
 */
export const compileKeys = (
  settings: DynamodbSettings,
  target: TargetTable,
): ((delivery: UpsertDelivery<unknown>) => DeliveryKeys) =>
  settings.movingKey === undefined ? staticKeys(settings, target) : movingKeys(settings, settings.movingKey, target);
