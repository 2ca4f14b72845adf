// From a delivery to the items that its requests carry. Pure: what the target holds is compared in the target.

import { type SdkItem, type SdkValue, SinkError, sdkItem, type UpsertDelivery } from "@sluice/core/sink-kit";
import type { Settings } from "./options.ts";
import type { Target } from "./schema/table.ts";
import { ownerOf, wireGuard } from "./write/guard.ts";
import { compileKeys, isSameValue } from "./write/key.ts";
import { imageIn, Misfit, marshalItem } from "./write/marshal.ts";

/** One item of the target as a delivery wants it. */
export interface Write {
  readonly key: SdkItem;
  readonly version: string;
  /** The source item; undefined where the key cannot move. */
  readonly owner: string | undefined;
  readonly isRemoved: boolean;
  /** Epoch seconds from which a tombstone may go. */
  readonly expires: number;
  /** Attributes, key included, without the guard. */
  readonly attributes: SdkItem;
}

/** The writes of a delivery: the item first, so that a reader in between may find it twice but never not at all. */
export interface Writes {
  /** Undefined when the item has no copy, and only tombstones are written; an error when its message does not fit. */
  readonly item: Write | SinkError | undefined;
  readonly tombstones: readonly Write[];
}

/** An item with its guard, ready to be put; a tombstone gets its TTL. */
export const guarded = (
  { guardAttribute, ttlAttribute }: Settings,
  write: Write,
  departures?: Parameters<typeof wireGuard>[0]["departures"],
): SdkItem => ({
  ...write.attributes,
  ...(write.isRemoved && { [ttlAttribute]: { N: String(write.expires) } }),
  [guardAttribute]: wireGuard({ ...write, departures }),
});

/** The message's attribute values, in an object of their own. */
const wireMessage = (message: unknown): Record<string, SdkValue> => {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new Misfit(`found ${Array.isArray(message) ? "an array" : typeof message}; expected an item`);
  }
  const image = imageIn(message);
  return image === undefined ? marshalItem(message as { readonly [attribute: string]: unknown }) : sdkItem(image);
};

/** The message's attributes and the key. @throws {Misfit} when the message names another key */
const attributesOf = (message: unknown, key: SdkItem): SdkItem => {
  const attributes: Record<string, SdkValue> = wireMessage(message);
  for (const name in key) {
    const value = key[name] as SdkValue;
    if (Object.hasOwn(attributes, name) && !isSameValue(attributes[name] as SdkValue, value)) {
      throw new Misfit('found another value than the target\'s key has; option "key" or "movingKey" says what it is', [
        name,
      ]);
    }
    attributes[name] = value;
  }
  return attributes;
};

/** The error for a message that DynamoDB cannot hold. Attribute names are told, values are not. */
const rejection = ({ name }: Settings, { path, message }: Misfit): SinkError =>
  new SinkError("SINK_REJECTED", `[${name}] the message${path.length > 0 ? ` at ${path.join(".")}` : ""}: ${message}`);

/**
 * Makes the function that encodes deliveries; it throws as `compileKeys` says.
 * @throws {ConfigError} CONFIG_INVALID when `key` does not fit the target's key schema
 */
export const compileEncode = (settings: Settings, target: Target): ((delivery: UpsertDelivery<unknown>) => Writes) => {
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
    const tombstone = (gone: SdkItem): Write => ({ ...shared, key: gone, isRemoved: true, attributes: gone });
    const itemAt = (held: SdkItem): Write | SinkError => {
      if (message === undefined) return tombstone(held);
      try {
        return { ...shared, key: held, isRemoved: false, attributes: attributesOf(message, held) };
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
        return rejection(settings, error);
      }
    };
    return { item: key && itemAt(key), tombstones: left.map(tombstone) };
  };
};
