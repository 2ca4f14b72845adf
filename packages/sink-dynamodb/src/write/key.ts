// Which item of the target a delivery writes, and which it clears because the source item has left it.

import {
  type Change,
  ConfigError,
  decodeImage,
  type Image,
  type KeyValue,
  RecordError,
  type SdkItem,
  type SdkValue,
  SinkError,
  sdkItem,
  type UnknownItem,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import { invalid, type Settings } from "../options.ts";
import type { KeyColumn, Target } from "../schema/table.ts";
import { Misfit, marshalValue } from "./marshal.ts";

/** A key of the target: attribute to value. */
export interface TargetKey {
  readonly [attribute: string]: KeyValue | bigint;
}

/**
 * Which attributes of the item's key make the target's key: names that both have, key attribute by target attribute, or
 * a function of the item's key.
 */
export type KeyMap =
  | readonly string[]
  | { readonly [attribute: string]: string }
  | ((keys: Change["keys"]) => TargetKey);

/**
 * The target's key of an item, from any of its attributes; undefined: the item has none, so no copy. It is asked for the
 * images before and after a change, decoded and not parsed by the pipeline's schema. Different items must have
 * different keys.
 */
export type MovingKey = (item: UnknownItem) => TargetKey | undefined;

/** The keys that a delivery is about. */
export interface Keys {
  /** Where the item's copy belongs; undefined when it belongs nowhere, and `left` says all. */
  readonly key: SdkItem | undefined;
  /** Where copies may be of earlier states, without `key`. */
  readonly left: readonly SdkItem[];
}

type KeyOf<From> = (from: From) => SdkItem;

const valueText = (value: SdkValue): string =>
  "B" in value ? Buffer.from(value.B).toString("base64") : String(Object.values(value)[0]);

/** Whether two values of key attributes are the same. */
export const isSameValue = (left: SdkValue, right: SdkValue): boolean =>
  typeOf(left) === typeOf(right) && valueText(left) === valueText(right);

/** One text for a key, equal for equal keys of one table: their names come in the order of the schema. */
const keyText = (key: SdkItem): string => JSON.stringify(Object.values(key).map(valueText));

const typeOf = (value: SdkValue): string => Object.keys(value)[0] ?? "";

const listed = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(", ");

const sourcesOf = (key: Exclude<KeyMap, (...args: never) => unknown>): ReadonlyMap<string, string> =>
  new Map(Array.isArray(key) ? key.map((name) => [name, name]) : Object.entries(key));

const checkSchema = (names: Iterable<string>, { keys }: Target): void => {
  const found = [...names].sort().join();
  const expected = keys.map(({ name }) => name);
  if (found === expected.sort().join()) return;
  throw invalid("key", `names ${listed(names)}; expected the target's key attributes: ${listed(expected)}`);
};

const pickKey = (columns: readonly KeyColumn[], sources: ReadonlyMap<string, string>, keys: SdkItem): SdkItem => {
  const key: Record<string, SdkValue> = {};
  for (const { name, type } of columns) {
    const source = sources.get(name) ?? name;
    const value = Object.hasOwn(keys, source) ? keys[source] : undefined;
    if (value === undefined || typeOf(value) !== type) {
      const found = value === undefined ? "is no key attribute of the item" : `has the type ${typeOf(value)}`;
      throw invalid("key", `fills "${name}" from "${source}", which ${found}; expected one of type ${type}`);
    }
    key[name] = value;
  }
  return key;
};

/** The same names on both sides. Fewer in the target would let items overwrite each other, so that has to be stated. */
const sameNames = ({ keys: columns }: Target): KeyOf<SdkItem> => {
  const none: ReadonlyMap<string, string> = new Map();
  return (keys) => {
    const extra = Object.keys(keys).filter((name) => columns.every((column) => column.name !== name));
    if (extra.length > 0) {
      throw invalid("key", `is needed: the target's key lacks ${listed(extra)}, which the item's key has`);
    }
    return pickKey(columns, none, keys);
  };
};

const rejected = (settings: Settings, option: string, problem: string): SinkError =>
  new SinkError("SINK_REJECTED", `[${settings.name}] option "${option}" ${problem}`);

/** The value of one key attribute that the user's function returned. */
const returnedValue = (key: TargetKey, { name, type }: KeyColumn): SdkValue => {
  const value = Object.hasOwn(key, name) ? key[name] : undefined;
  const wire = marshalValue(value);
  if (typeOf(wire) !== type) throw new Misfit(`found the type ${typeOf(wire)}; expected ${type}`);
  return wire;
};

const returnedKey = (settings: Settings, option: string, { keys }: Target, key: unknown): SdkItem => {
  if (typeof key !== "object" || key === null) throw rejected(settings, option, `returned ${typeof key}`);
  const extra = Object.keys(key).filter((name) => keys.every((column) => column.name !== name));
  if (extra.length > 0) {
    const names = listed(keys.map(({ name }) => name));
    throw invalid(option, `returned ${listed(extra)}; expected the target's key attributes: ${names}`);
  }
  const entries = keys.map((column): readonly [string, SdkValue] => {
    try {
      return [column.name, returnedValue(key as TargetKey, column)];
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw rejected(settings, option, `returned a wrong value for "${column.name}": ${error.message}`);
    }
  });
  return Object.fromEntries(entries);
};

/** Calls the user's function. Its own message is left out: it may quote values. */
const callUser = <From, Key>(option: string, keyOf: (from: From) => Key, from: From): Key => {
  try {
    return keyOf(from);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new RecordError("MAPPING_FAILED", `the function in option "${option}" threw`, { cause });
  }
};

const staticKeys = (settings: Settings, target: Target): ((delivery: UpsertDelivery<unknown>) => Keys) => {
  const { key } = settings;
  if (typeof key === "function") {
    return ({ change }) => ({
      key: returnedKey(settings, "key", target, callUser("key", key, change.keys)),
      left: [],
    });
  }
  if (key === undefined) {
    const keyOf = sameNames(target);
    return ({ change }) => ({ key: keyOf(sdkItem(change.record.dynamodb?.Keys ?? {})), left: [] });
  }
  const sources = sourcesOf(key);
  checkSchema(sources.keys(), target);
  return ({ change }) => ({
    key: pickKey(target.keys, sources, sdkItem(change.record.dynamodb?.Keys ?? {})),
    left: [],
  });
};

const imageOf = (settings: Settings, side: "NewImage" | "OldImage", change: Change): Image => {
  const image = change.record.dynamodb?.[side];
  if (image !== undefined) return image;
  const which = side === "NewImage" ? "new" : "old";
  throw new RecordError(
    "RECORD_INCOMPLETE",
    `[${settings.name}] option "movingKey" needs the item's ${which} image, which a record of view type ${change.viewType} lacks; expected NEW_AND_OLD_IMAGES`,
  );
};

/** The images that the item's copies may have been made of, up to and without the state that is written now. */
const formerImages = (settings: Settings, { change, earlier }: UpsertDelivery<unknown>): Image[] => {
  const before = [...earlier, change].filter(({ kind }) => kind !== "insert");
  const after = earlier.filter(({ kind }) => kind !== "remove");
  return [
    ...before.map((one) => imageOf(settings, "OldImage", one)),
    ...after.map((one) => imageOf(settings, "NewImage", one)),
  ];
};

const movingKeys = (settings: Settings, movingKey: MovingKey, target: Target) => {
  const keyOf = (image: Image): SdkItem | undefined => {
    const key = callUser("movingKey", movingKey, decodeImage(image));
    return key === undefined ? undefined : returnedKey(settings, "movingKey", target, key);
  };
  return (delivery: UpsertDelivery<unknown>): Keys => {
    const isLive = delivery.message !== undefined;
    const key = isLive ? keyOf(imageOf(settings, "NewImage", delivery.change)) : undefined;
    if (isLive && key === undefined)
      throw rejected(settings, "movingKey", "returned no key for an item with a message");
    const former = new Map<string, SdkItem>();
    for (const image of formerImages(settings, delivery)) {
      const left = keyOf(image);
      if (left !== undefined) former.set(keyText(left), left);
    }
    if (key !== undefined) former.delete(keyText(key));
    return { key, left: [...former.values()] };
  };
};

/**
 * Makes the function that finds a delivery's keys. It throws RecordError MAPPING_FAILED when the user's function throws,
 * RECORD_INCOMPLETE when an image is missing, and SinkError SINK_REJECTED when a key does not fit the target.
 * @throws {ConfigError} CONFIG_INVALID when `key` does not fit the target's key schema
 */
export const compileKeys = (settings: Settings, target: Target): ((delivery: UpsertDelivery<unknown>) => Keys) =>
  settings.movingKey === undefined ? staticKeys(settings, target) : movingKeys(settings, settings.movingKey, target);
