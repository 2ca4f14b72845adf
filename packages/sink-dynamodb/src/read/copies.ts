// Reads what the target holds of source items, for the comparison of the target with the source.

import {
  type CopyContent,
  type DeliveryError,
  encodeEach,
  type HeldCopy,
  outcomeOf,
  ownerOf,
  type SdkItem,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { CallDynamodb } from "../client/client.ts";
import type { DynamodbSettings } from "../options.ts";
import { isMarkedRemoved, type OwnerState, readGuard, readOthers } from "../write/guard.ts";
import { keyText } from "../write/key.ts";
import type { TableWriter } from "../write/table-writer.ts";
import { type ItemsByKey, readItems } from "./batch-get.ts";
import { contentOf } from "./content.ts";

type Batch = readonly UpsertDelivery<unknown>[];

const unused = (): SdkItem => ({});

const attributesIn = ({ guardAttribute }: DynamodbSettings, item: SdkItem): SdkItem =>
  Object.fromEntries(Object.entries(item).filter(([name]) => name !== guardAttribute));

/** What the guard tells of an owner that the target does not show. A copy that another program has changed is not read. */
const hiddenCopy = (guard: SdkItem[string] | undefined, owner: string): HeldCopy | undefined => {
  const others: ReadonlyMap<string, OwnerState> = new Map(readOthers(guard, unused));
  const own = others.get(owner);
  return own && { version: own.version, state: own.copy === undefined ? "removed" : "hidden" };
};

/**
 * Returns what a target item holds of a source item. `owner` is undefined if no other source item can have the key. An
 * item without a guard is what another program wrote. It is older than any change.
 */
const heldIn = (settings: DynamodbSettings, item: SdkItem, owner: string | undefined): HeldCopy | undefined => {
  const value = item[settings.guardAttribute];
  const guard = readGuard(value);
  if (guard !== undefined && owner !== undefined && (guard.owner ?? owner) !== owner) return hiddenCopy(value, owner);
  const version = guard?.version ?? "";
  if (isMarkedRemoved(value)) return { version, state: "removed" };
  return { version, state: "live", content: contentOf(attributesIn(settings, item)) };
};

/** The item's copy is where it belongs. If there is no copy, one may still be at a former key. */
const heldAt = (
  settings: DynamodbSettings,
  items: ItemsByKey,
  keys: readonly SdkItem[],
  owner: string | undefined,
): HeldCopy | undefined => {
  const held = keys.flatMap((key) => {
    const item = items.get(keyText(key));
    return (item && heldIn(settings, item, owner)) ?? [];
  });
  return held.find(({ state }) => state === "live") ?? held[0];
};

/** An item whose key cannot be a key of the target has no copy. Any other error concerns the table. */
const throwIfUnclear = (result: WriteResult): void => {
  if (result.outcome === "failed" && outcomeOf(result.error.code) !== "reject") throw result.error;
};

/** Reads what the target holds of each delivery's item. @throws {SinkError} when a request fails. */
export const readCopies = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  { placesOf }: TableWriter,
  batch: Batch,
  signal: AbortSignal,
): Promise<readonly (HeldCopy | undefined)[]> => {
  const { entries, results } = encodeEach(batch, (delivery) => [delivery, placesOf(delivery)] as const);
  for (const result of results) throwIfUnclear(result);
  const places = new Map(entries);
  const keys = entries.flatMap(([, { keys: found }]) => found);
  const items = await readItems(settings, call, keys, signal);
  return batch.map((delivery) => {
    const { keys: own = [], isShared = false } = places.get(delivery) ?? {};
    return heldAt(settings, items, own, isShared ? ownerOf(delivery.change.itemKey) : undefined);
  });
};

/** Returns the content that the target would have after each delivery, or the error of its encoding. */
export const canonicalCopies = ({ encode }: TableWriter, batch: Batch): readonly (CopyContent | DeliveryError)[] => {
  const { entries, results } = encodeEach(batch, (delivery) => [delivery, encode(delivery)] as const);
  const found = new Map<unknown, CopyContent | DeliveryError>();
  for (const result of results) if (result.outcome === "failed") found.set(result.delivery, result.error);
  for (const [delivery, { item }] of entries) {
    if (item !== undefined) found.set(delivery, "code" in item ? item : contentOf(item.attributes));
  }
  return batch.map((delivery) => found.get(delivery) ?? {});
};
