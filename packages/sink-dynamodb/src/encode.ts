// Turns a delivery into the items to write. It does not compare versions: DynamoDB does so when an item is written.

import {
  type DeliveryError,
  encodingError,
  hasMembers,
  ownerOf,
  rejected,
  type SdkItem,
  type SdkValue,
  type SinkError,
  sdkItem,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import type { DynamodbSettings } from "./options.ts";
import { wireGuard, wireState } from "./write/guard.ts";
import { isSameValue, type KeysOf } from "./write/key.ts";
import { AttributeValueError, checkTexts, imageIn, marshalItem } from "./write/marshal.ts";

/** A write of one target item: a live item or a tombstone. */
export interface ItemWrite {
  readonly key: SdkItem;
  readonly version: string;
  /** Identifies the source item; undefined if no other source item can have the key. */
  readonly owner: string | undefined;
  readonly isRemoved: boolean;
  /** Whether a tombstone is needed only if the target holds a copy or a tombstone of the source item. */
  readonly onlyIfPresent: boolean;
  /** Epoch seconds after which DynamoDB's TTL may delete a tombstone. */
  readonly expires: number;
  /** The item's attributes, with the key but without the guard. */
  readonly attributes: SdkItem;
}

/** The writes of a delivery. `item` is written before `tombstones`, so that readers always find at least one copy. */
export interface DeliveryWrites {
  /** Undefined if only tombstones must be written. An error if DynamoDB cannot store the message. */
  readonly item: ItemWrite | DeliveryError | undefined;
  readonly tombstones: readonly ItemWrite[];
}

/** Returns the guard of an item that no other source item has written. */
const guardOf = (write: ItemWrite): SdkValue => {
  const { owner, version, isRemoved, expires } = write;
  if (owner === undefined) return wireGuard(write);
  return wireState(new Map(), [owner, { version, copy: isRemoved ? undefined : write.attributes, expires }]);
};

/** Returns the item for `PutItem`: the write's attributes and its guard. A tombstone also gets the TTL attribute. */
export const guarded = ({ guardAttribute, ttlAttribute }: DynamodbSettings, write: ItemWrite): SdkItem => ({
  ...write.attributes,
  ...(write.isRemoved && { [ttlAttribute]: { N: String(write.expires) } }),
  [guardAttribute]: guardOf(write),
});

/** Converts the message to attribute values. Returns a new object. */
const wireMessage = (message: unknown): Record<string, SdkValue> => {
  if (!hasMembers(message)) throw new AttributeValueError("found no object with named members; expected an item");
  const image = imageIn(message);
  return image === undefined ? marshalItem(message as { readonly [attribute: string]: unknown }) : sdkItem(image);
};

/**
 * Adds the key to the message's attributes.
 * @throws {AttributeValueError} when the message contradicts the key, or has an attribute that would be lost.
 */
const attributesOf = ({ guardAttribute }: DynamodbSettings, message: unknown, key: SdkItem): SdkItem => {
  const attributes: Record<string, SdkValue> = wireMessage(message);
  if (Object.hasOwn(attributes, guardAttribute)) {
    const expected = 'expected another name, or another option "guardAttribute"';
    throw new AttributeValueError(`found an attribute that the sink sets itself; ${expected}`, [guardAttribute]);
  }
  for (const name in key) {
    const value = key[name] as SdkValue;
    if (Object.hasOwn(attributes, name) && !isSameValue(attributes[name] as SdkValue, value)) {
      const problem = 'found another value than option "key" or "movingKey" gives the target\'s key';
      throw new AttributeValueError(problem, [name]);
    }
    attributes[name] = value;
  }
  checkTexts(attributes);
  return attributes;
};

const maxShownNames = 10;

/** Creates the error for a message that DynamoDB cannot store. The error names attributes, but contains no values. */
const rejection = ({ name }: DynamodbSettings, { path, message }: AttributeValueError): SinkError => {
  const shown = path.length > maxShownNames ? [...path.slice(0, maxShownNames), "…"] : path;
  return rejected(name, `the message${path.length > 0 ? ` at ${shown.join(".")}` : ""}: ${message}`);
};

/** Creates the function that encodes deliveries. The created function throws the errors of `keysOf`. */
export const compileEncode =
  (settings: DynamodbSettings, keysOf: KeysOf): ((delivery: UpsertDelivery<unknown>) => DeliveryWrites) =>
  (delivery) => {
    const { change, message } = delivery;
    const { key, left, isShared } = keysOf(delivery);
    const shared = {
      version: change.version,
      owner: isShared ? ownerOf(change.itemKey) : undefined,
      onlyIfPresent: message === undefined && delivery.onlyIfPresent === true,
      expires: Math.floor(settings.now() / 1000) + settings.tombstoneSeconds,
    };
    const tombstoneAt = (at: SdkItem): ItemWrite => ({ ...shared, key: at, isRemoved: true, attributes: at });
    const itemAt = (at: SdkItem): ItemWrite | DeliveryError => {
      if (message === undefined) return tombstoneAt(at);
      try {
        return { ...shared, key: at, isRemoved: false, attributes: attributesOf(settings, message, at) };
      } catch (error) {
        return error instanceof AttributeValueError ? rejection(settings, error) : encodingError(error);
      }
    };
    return { item: key && itemAt(key), tombstones: left.map(tombstoneAt) };
  };
