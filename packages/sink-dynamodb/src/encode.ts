// Turns a delivery into the items that its requests write. Versions are compared later, in the target.

import {
  rejected,
  type SdkItem,
  type SdkValue,
  type SinkError,
  sdkItem,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import type { DynamodbSettings } from "./options.ts";
import type { TargetTable } from "./schema/table.ts";
import { ownerOf, wireGuard } from "./write/guard.ts";
import { compileKeys, isSameValue } from "./write/key.ts";
import { AttributeValueError, imageIn, marshalItem } from "./write/marshal.ts";

/** One target item, in the state that a delivery should give it. */
export interface ItemWrite {
  readonly key: SdkItem;
  readonly version: string;
  /** Identifies the source item; undefined if keys cannot move. */
  readonly owner: string | undefined;
  readonly isRemoved: boolean;
  /** Epoch seconds from which TTL may delete a tombstone. */
  readonly expires: number;
  /** The attributes, including the key but not the guard. */
  readonly attributes: SdkItem;
}

/** The writes of a delivery. The item comes first, so that a reader in between may see two copies but never none. */
export interface DeliveryWrites {
  /** Undefined: the item has no copy, so only tombstones are written. Error: DynamoDB cannot store the message. */
  readonly item: ItemWrite | SinkError | undefined;
  readonly tombstones: readonly ItemWrite[];
}

/** Returns the item with its guard, for `PutItem`. A tombstone also gets the TTL attribute. */
export const guarded = (
  { guardAttribute, ttlAttribute }: DynamodbSettings,
  write: ItemWrite,
  departures?: Parameters<typeof wireGuard>[0]["departures"],
): SdkItem => ({
  ...write.attributes,
  ...(write.isRemoved && { [ttlAttribute]: { N: String(write.expires) } }),
  [guardAttribute]: wireGuard({ ...write, departures }),
});

/** Returns the message's attribute values in a new object. */
const wireMessage = (message: unknown): Record<string, SdkValue> => {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new AttributeValueError(`found ${Array.isArray(message) ? "an array" : typeof message}; expected an item`);
  }
  const image = imageIn(message);
  return image === undefined ? marshalItem(message as { readonly [attribute: string]: unknown }) : sdkItem(image);
};

/** Returns the message's attributes and the key. @throws {AttributeValueError} when the message has another key. */
const attributesOf = (message: unknown, key: SdkItem): SdkItem => {
  const attributes: Record<string, SdkValue> = wireMessage(message);
  for (const name in key) {
    const value = key[name] as SdkValue;
    if (Object.hasOwn(attributes, name) && !isSameValue(attributes[name] as SdkValue, value)) {
      const problem = 'found another value than option "key" or "movingKey" gives the target\'s key';
      throw new AttributeValueError(problem, [name]);
    }
    attributes[name] = value;
  }
  return attributes;
};

/** Creates the error for a message that DynamoDB cannot store. It names attributes, but contains no values. */
const rejection = ({ name }: DynamodbSettings, { path, message }: AttributeValueError): SinkError =>
  rejected(name, `the message${path.length > 0 ? ` at ${path.join(".")}` : ""}: ${message}`);

/**
 * Creates the function that encodes deliveries. That function throws the errors of `compileKeys`.
 * @throws {ConfigError} CONFIG_INVALID when `key` does not fit the target's key schema.
 */
export const compileEncode = (
  settings: DynamodbSettings,
  target: TargetTable,
): ((delivery: UpsertDelivery<unknown>) => DeliveryWrites) => {
  const keysOf = compileKeys(settings, target);
  const canMove = settings.movingKey !== undefined;
  return (delivery) => {
    const { change, message } = delivery;
    const { key, left } = keysOf(delivery);
    const shared = {
      version: change.version,
      owner: canMove ? ownerOf(change.itemKey) : undefined,
      expires: Math.floor(settings.now() / 1000) + settings.tombstoneSeconds,
    };
    const tombstoneAt = (at: SdkItem): ItemWrite => ({ ...shared, key: at, isRemoved: true, attributes: at });
    const itemAt = (at: SdkItem): ItemWrite | SinkError => {
      if (message === undefined) return tombstoneAt(at);
      try {
        return { ...shared, key: at, isRemoved: false, attributes: attributesOf(message, at) };
      } catch (error) {
        if (!(error instanceof AttributeValueError)) throw error;
        return rejection(settings, error);
      }
    };
    return { item: key && itemAt(key), tombstones: left.map(tombstoneAt) };
  };
};
