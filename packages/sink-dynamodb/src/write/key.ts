// Finds the target key of a delivery, and the source item's former target keys, which get tombstones.

import {
  type Change,
  callUser,
  canonicalDecimal,
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
import { type KeyAttribute, type TargetTable, tableContradicts } from "../schema/table.ts";
import { AttributeValueError, marshalValue } from "./marshal.ts";

/** The target keys of a delivery. */
export interface DeliveryKeys {
  /** The key to write the item to; undefined if the target must not contain the item. */
  readonly key: SdkItem | undefined;
  /** Former target keys of the item, where an old copy may still exist. */
  readonly left: readonly SdkItem[];
  /** Whether another source item could have the same target key. The guard then stores the owner. */
  readonly isShared: boolean;
}

/** Finds the keys of a delivery. */
export type KeysOf = (delivery: UpsertDelivery<unknown>) => DeliveryKeys;

/** Where a copy of a delivery's item may be: first where it belongs, as far as the record tells. */
export interface DeliveryPlaces {
  readonly keys: readonly SdkItem[];
  /** As in `DeliveryKeys`. */
  readonly isShared: boolean;
}

/** How to find the target keys of deliveries, to write or to read them. */
export interface TargetKeys {
  readonly keysOf: KeysOf;
  readonly placesOf: (delivery: UpsertDelivery<unknown>) => DeliveryPlaces;
}

/** Returns the target's key for the key of a source item. */
type KeyOf = (keys: SdkItem) => SdkItem;

/** Returns a value of a key as text. Equal numbers have equal texts: DynamoDB takes "1E21" and "1e+21" for one key. */
const valueText = (value: SdkValue): string => {
  if ("B" in value) return Buffer.from(value.B).toString("base64");
  return "N" in value ? canonicalDecimal(value.N) : String(Object.values(value)[0]);
};

/** Whether two values have the same type and are equal. Supports only the types that key attributes can have. */
export const isSameValue = (left: SdkValue, right: SdkValue): boolean =>
  typeOf(left) === typeOf(right) && valueText(left) === valueText(right);

/** Returns a target key as text. Equal keys have equal texts, because a key's members are in the order of the key schema. */
export const keyText = (key: SdkItem): string => JSON.stringify(Object.values(key).map(valueText));

const typeOf = (value: SdkValue): string => Object.keys(value)[0] ?? "";

const quoted = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(", ");

const checkSchema = (settings: DynamodbSettings, names: Iterable<string>, { keys }: TargetTable): void => {
  const found = [...names].sort().join();
  const expected = keys.map(({ name }) => name);
  if (found === expected.sort().join()) return;
  const problem = `names ${quoted(names)}; expected the target's key attributes: ${quoted(expected)}`;
  throw tableContradicts(settings, "key", problem);
};

/** `sources` maps the target's key attributes to the item's. Without it, both have the same names. */
const pickKey = (
  settings: DynamodbSettings,
  columns: readonly KeyAttribute[],
  keys: SdkItem,
  sources?: ReadonlyMap<string, string>,
): SdkItem => {
  const key: Record<string, SdkValue> = {};
  for (const { name, type } of columns) {
    const source = sources?.get(name) ?? name;
    const value = Object.hasOwn(keys, source) ? keys[source] : undefined;
    if (value === undefined || typeOf(value) !== type) {
      const found = value === undefined ? "is not a key attribute of the item" : `has the type ${typeOf(value)}`;
      const problem = `fills "${name}" from "${source}", which ${found}; expected one of type ${type}`;
      // No table would fit an option that names an attribute that the item's key does not have.
      if (value === undefined && sources !== undefined) throw invalidOption("key", problem);
      throw tableContradicts(settings, "key", problem);
    }
    key[name] = value;
  }
  return key;
};

/**
 * Copies the target's key attributes from the source key's attributes of the same names. Throws if the source key has
 * an attribute that the target's key lacks, because two source items could then have the same target key.
 */
const sameNames =
  (settings: DynamodbSettings, { keys: columns }: TargetTable): KeyOf =>
  (keys) => {
    const extra = Object.keys(keys).filter((name) => columns.every((column) => column.name !== name));
    if (extra.length > 0) {
      const problem = `must be given: the target's key lacks ${quoted(extra)}, which the item's key has`;
      throw tableContradicts(settings, "key", problem);
    }
    return pickKey(settings, columns, keys);
  };

const mappedNames = (settings: DynamodbSettings, sources: ReadonlyMap<string, string>, target: TargetTable): KeyOf => {
  checkSchema(settings, sources.keys(), target);
  return (keys) => pickKey(settings, target.keys, keys, sources);
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
    const problem = `returned ${quoted(extra)}; expected the target's key attributes: ${names}`;
    throw tableContradicts(settings, option, problem);
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

const staticKeys = (settings: DynamodbSettings, target: TargetTable): KeysOf => {
  const { key } = settings;
  if (typeof key === "function") {
    const keyOf = (keys: Change["keys"]): SdkItem => returnedKey(settings, "key", target, callUser("key", key, keys));
    return ({ change }) => ({ key: keyOf(change.keys), left: [], isShared: true });
  }
  const sources = keySources(key);
  const keyOf = sources === undefined ? sameNames(settings, target) : mappedNames(settings, sources, target);
  const used = new Set(sources?.values());
  return ({ change }) => {
    const keys = sdkItem(change.record.dynamodb?.Keys ?? {});
    const isShared = sources !== undefined && Object.keys(keys).some((name) => !used.has(name));
    return { key: keyOf(keys), left: [], isShared };
  };
};

const imageUser = 'option "movingKey"';

/** The record of a repair has no old image. The copy to remove is then where the item, as it is now, puts it. */
const isRepair = ({ origin, record }: Change): boolean =>
  origin === "backfill" && record.dynamodb?.OldImage === undefined;

const imageBefore = (change: Change): readonly Image[] => {
  if (!isRepair(change)) return [imageOf(change, "OldImage", imageUser)];
  const { NewImage } = change.record.dynamodb ?? {};
  return NewImage === undefined ? [] : [NewImage];
};

/** Returns the images of all earlier states of the item, because each may have had another target key. */
const formerImages = ({ change, earlier }: UpsertDelivery<unknown>): Image[] => {
  const before = [...earlier, change].filter(({ kind }) => kind !== "insert");
  const after = earlier.filter(({ kind }) => kind !== "remove");
  return [...before.flatMap(imageBefore), ...after.map((one) => imageOf(one, "NewImage", imageUser))];
};

/** Returns the images that the records of a delivery have, the item as it should be first. */
const knownImages = ({ change, earlier }: UpsertDelivery<unknown>): Image[] =>
  [change, ...[...earlier].reverse()].flatMap(({ record }) => {
    const { NewImage, OldImage } = record.dynamodb ?? {};
    return [NewImage, OldImage].filter((image) => image !== undefined);
  });

const movingKeys = (settings: DynamodbSettings, movingKey: MovingKey, target: TargetTable): TargetKeys => {
  const keyOf = (image: Image): SdkItem | undefined => {
    const key = callUser("movingKey", movingKey, decodeImage(image));
    return key === undefined ? undefined : returnedKey(settings, "movingKey", target, key);
  };
  const keysOf: KeysOf = (delivery) => {
    const isLive = delivery.message !== undefined;
    // The message of a removal marks the copy, which stays where the old image has put it.
    const side = delivery.change.kind === "remove" ? "OldImage" : "NewImage";
    const key = isLive ? keyOf(imageOf(delivery.change, side, imageUser)) : undefined;
    if (isLive && key === undefined) {
      throw refused(settings, "movingKey", "returned no key for an item with a message");
    }
    const former = new Map<string, SdkItem>();
    for (const image of formerImages(delivery)) {
      const left = keyOf(image);
      if (left !== undefined) former.set(keyText(left), left);
    }
    if (key !== undefined) former.delete(keyText(key));
    return { key, left: [...former.values()], isShared: true };
  };
  const placesOf: TargetKeys["placesOf"] = (delivery) => {
    const keys = new Map<string, SdkItem>();
    for (const image of knownImages(delivery)) {
      const key = keyOf(image);
      if (key !== undefined) keys.set(keyText(key), key);
    }
    return { keys: [...keys.values()], isShared: true };
  };
  return { keysOf, placesOf };
};

const fixedKeys = (settings: DynamodbSettings, target: TargetTable): TargetKeys => {
  const keysOf = staticKeys(settings, target);
  const placesOf: TargetKeys["placesOf"] = (delivery) => {
    const { key, isShared } = keysOf(delivery);
    return { keys: key === undefined ? [] : [key], isShared };
  };
  return { keysOf, placesOf };
};

/**
 * Creates the functions that find a delivery's keys. These functions throw RecordError MAPPING_FAILED when the user's
 * function throws, RecordError RECORD_INCOMPLETE when an image is missing, SinkError SINK_REJECTED for a bad key,
 * SinkError SINK_MISSING when the target's key schema does not fit the key, and ConfigError CONFIG_INVALID when `key`
 * names an attribute that the item's key does not have.
 * @throws {SinkError} SINK_MISSING when the target's key schema does not fit `key`.
 */
export const compileKeys = (settings: DynamodbSettings, target: TargetTable): TargetKeys =>
  settings.movingKey === undefined ? fixedKeys(settings, target) : movingKeys(settings, settings.movingKey, target);
