// What the memory upsert sink holds, as verify asks for it: the content of copies, and the list of live copies.

import { createHash } from "node:crypto";
import { inspect } from "node:util";
import {
  type CopyContent,
  type DeliveryError,
  encodeEach,
  type HeldCopy,
  type Image,
  isRecord,
  type KeysPage,
  type KeysRequest,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";

/** An item of an upsert target. An item without a message is a tombstone. */
export interface StoredItem<Message> {
  readonly version: string;
  readonly message: Message | undefined;
  /** The key of the source item. */
  readonly keys: Image | undefined;
}

/** Equal values have equal texts, also numbers beyond a double, sets and bytes. The order of an object does not count. */
const textOf = (value: unknown): string =>
  inspect(value, {
    depth: null,
    sorted: true,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: Number.POSITIVE_INFINITY,
  });

/** Returns the content of a message. It has one text for each member of an object, and one text for any other value. */
const contentOf = (message: unknown): CopyContent => {
  if (!isRecord(message)) return { value: textOf(message) };
  const members = Object.entries(message).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members.map(([name, value]) => [name, textOf(value)]));
};

/** Returns the content of each message, or the error of `check`, which throws it for a message that a write would reject. */
export const contentsOf = (
  batch: readonly UpsertDelivery<unknown>[],
  check: (delivery: UpsertDelivery<unknown>) => unknown,
): readonly (CopyContent | DeliveryError)[] => {
  const found = new Map<unknown, CopyContent | DeliveryError>();
  const { results } = encodeEach(batch, (delivery) => {
    check(delivery);
    found.set(delivery, contentOf(delivery.message));
    return delivery;
  });
  for (const result of results) if (result.outcome === "failed") found.set(result.delivery, result.error);
  return batch.map((delivery) => found.get(delivery) ?? {});
};

type Stored = ReadonlyMap<string, StoredItem<unknown>>;

/** Returns what the target holds of a delivery's item. */
export const heldCopy = (stored: Stored, { change }: UpsertDelivery<unknown>): HeldCopy | undefined => {
  const held = stored.get(change.itemKey);
  if (held === undefined) return undefined;
  const { version, message } = held;
  return message === undefined
    ? { version, state: "removed" }
    : { version, state: "live", content: contentOf(message) };
};

const partOf = (itemKey: string, parts: number): number =>
  createHash("sha256").update(itemKey).digest().readUInt32BE() % parts;

/** Returns a page of the live copies, in the order of their item keys. */
export const keysPage = (stored: Stored, { part, parts, after = "", limit }: KeysRequest): KeysPage => {
  const live = [...stored]
    .filter(([itemKey, { message }]) => message !== undefined && itemKey > after && partOf(itemKey, parts) === part)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  const page = live.slice(0, limit);
  return {
    keys: page.map(([, { keys, version }]) => ({ keys, version })),
    next: live.length > limit ? page.at(-1)?.[0] : undefined,
  };
};
