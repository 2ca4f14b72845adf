// The state of a target key that several source items can have: how a target item stores the state, and the request
// that applies a write to it. No code here calls DynamoDB.

import { type Image, rejected, type SdkItem, type SdkValue, sdkItem } from "@sluice/core/sink-kit";
import type { ItemWrite } from "../encode.ts";
import type { DynamodbSettings } from "../options.ts";
import {
  type KeyState,
  merge,
  type Owned,
  type OwnerState,
  readGuard,
  readOthers,
  shownOf,
  wireState,
} from "./guard.ts";

/** How to apply a write. `keep` leaves the item's other attributes unchanged. `others` counts other owners, for errors. */
export type SharedDecision =
  | { readonly kind: "superseded" }
  | { readonly kind: "replace"; readonly item: SdkItem; readonly others: number }
  | {
      readonly kind: "keep";
      readonly guard: SdkValue;
      readonly expires: number | undefined;
      readonly others: number;
    };

const without = (item: SdkItem, names: ReadonlySet<string>): SdkItem =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.has(name)));

const parseCopy =
  ({ name }: DynamodbSettings) =>
  (text: string): SdkItem => {
    try {
      return sdkItem(JSON.parse(text) as Image);
    } catch (cause) {
      throw rejected(name, "the target item's guard has a copy that the sink did not write", { cause });
    }
  };

/** Returns the copy in a target item: its attributes without key and guard. */
const copyIn = ({ guardAttribute }: DynamodbSettings, item: SdkItem, key: SdkItem): SdkItem =>
  without(item, new Set([guardAttribute, ...Object.keys(key)]));

/** Returns when a tombstone expires. If another program removed the TTL attribute, the time starts anew. */
const expiryOf = ({ ttlAttribute }: DynamodbSettings, item: SdkItem, write: ItemWrite): number => {
  const ttl = item[ttlAttribute];
  return ttl !== undefined && "N" in ttl ? Number(ttl.N) : write.expires;
};

/** What a target item stores. `shown` is undefined if the item has no guard. */
interface StoredState {
  readonly state: KeyState;
  readonly shown: OwnerState | undefined;
}

/**
 * Reads the state of a key from its target item. An item without a guard gives an empty state, because another program
 * wrote it. A guard without an owner was written when only one source item could have the key: it is the write's.
 */
const stateIn = (settings: DynamodbSettings, item: SdkItem, write: ItemWrite, owner: string): StoredState => {
  const value = item[settings.guardAttribute];
  const guard = readGuard(value);
  if (guard === undefined) return { state: new Map(), shown: undefined };
  const { version, isRemoved } = guard;
  const shown: OwnerState = isRemoved
    ? { version, copy: undefined, expires: expiryOf(settings, item, write) }
    : { version, copy: copyIn(settings, item, write.key), expires: 0 };
  const others = readOthers(value, parseCopy(settings));
  return { state: new Map([...others, [guard.owner ?? owner, shown]]), shown };
};

/** Returns the owner and the state that a write asks for. */
const ownedOf = (settings: DynamodbSettings, write: ItemWrite, owner: string): Owned => {
  const { version, isRemoved, expires } = write;
  return [
    owner,
    isRemoved
      ? { version, copy: undefined, expires }
      : { version, copy: copyIn(settings, write.attributes, write.key), expires: 0 },
  ];
};

/** DynamoDB may delete a tombstone as soon as no state in it is needed any more. */
const lastExpiry = (state: KeyState): number => Math.max(...[...state.values()].map(({ expires }) => expires));

const toReplace = (settings: DynamodbSettings, key: SdkItem, state: KeyState, shown: Owned): SdkItem => ({
  ...shown[1].copy,
  ...(shown[1].copy === undefined && { [settings.ttlAttribute]: { N: String(lastExpiry(state)) } }),
  ...key,
  [settings.guardAttribute]: wireState(state, shown),
});

/**
 * Decides how to apply a write to the target item at its key, which is undefined if there is no item.
 * @throws {SinkError} SINK_REJECTED when another program changed the guard, so that its copies cannot be read.
 */
export const decideShared = (
  settings: DynamodbSettings,
  item: SdkItem | undefined,
  write: ItemWrite,
  owner: string,
): SharedDecision => {
  const known = stateIn(settings, item ?? {}, write, owner);
  if (write.onlyIfPresent && !known.state.has(owner)) return { kind: "superseded" };
  const state = merge(known.state, ownedOf(settings, write, owner), Math.floor(settings.now() / 1000));
  const shown = state && shownOf(state);
  if (state === undefined || shown === undefined) return { kind: "superseded" };
  const others = state.size - 1;
  if (known.shown !== shown[1]) {
    return { kind: "replace", item: toReplace(settings, write.key, state, shown), others };
  }
  const expires = shown[1].copy === undefined ? lastExpiry(state) : undefined;
  return { kind: "keep", guard: wireState(state, shown), expires, others };
};
