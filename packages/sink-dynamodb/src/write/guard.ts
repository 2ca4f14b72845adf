// The guard: an attribute of a target item that stores the item's version. It decides which writes are applied.
//
// With `key`, a target item always belongs to the same source item, so comparing versions is enough. With `movingKey`,
// source items move between target keys, and their writes may arrive in any order. The guard then also stores the
// owner: the source item whose copy has the key. It also stores departures: other source items that have left the key.
// Without departures, a late write could bring a former owner back, or a new owner's early write could be lost.

import { createHash } from "node:crypto";
import type { SdkItem, SdkValue } from "@sluice/core/sink-kit";

/** A source item has left a target key. Writes of that source item up to `version` no longer apply to the key. */
export interface Departure {
  readonly version: string;
  /** Epoch seconds after which the departure may be deleted, because no older write can arrive any more. */
  readonly expires: number;
}

/** The guard of a target item. */
export interface ItemGuard {
  readonly version: string;
  readonly isRemoved: boolean;
  /** Identifies the source item that wrote the target item; undefined without option `movingKey`. */
  readonly owner?: string | undefined;
  readonly departures?: ReadonlyMap<string, Departure> | undefined;
}

/** A write to one target key. `owner` is the source item of the write. */
export interface OwnedWrite {
  readonly version: string;
  readonly owner: string;
  readonly isRemoved: boolean;
}

/** Returns 128 bits of the SHA-256 of a source item's key. The guard stores this hash, because a key may have 3 KB. */
export const ownerOf = (itemKey: string): string =>
  createHash("sha256").update(itemKey).digest().subarray(0, 16).toString("base64url");

const wireDepartures = (departures: ReadonlyMap<string, Departure>): SdkItem =>
  Object.fromEntries(
    [...departures].map(([owner, { version, expires }]): [string, SdkValue] => [
      owner,
      { M: { v: { S: version }, x: { N: String(expires) } } },
    ]),
  );

/** Returns the guard as an attribute value: `v` is the version, `o` the owner, `left` the departures. */
export const wireGuard = ({ version, owner, isRemoved, departures }: ItemGuard): SdkValue => ({
  M: {
    v: { S: version },
    ...(owner !== undefined && { o: { S: owner } }),
    ...(isRemoved && { removed: { BOOL: true } }),
    ...(departures !== undefined && departures.size > 0 && { left: { M: wireDepartures(departures) } }),
  },
});

const member = (value: SdkValue | undefined, name: string): SdkValue | undefined =>
  value !== undefined && "M" in value ? value.M[name] : undefined;

const text = (value: SdkValue | undefined): string | undefined => {
  if (value === undefined) return undefined;
  if ("S" in value) return value.S;
  return "N" in value ? value.N : undefined;
};

/** Reads a guard from its attribute value; undefined if there is no guard, because another program wrote the item. */
export const readGuard = (value: SdkValue | undefined): ItemGuard | undefined => {
  const version = text(member(value, "v"));
  if (version === undefined) return undefined;
  const left = member(value, "left");
  const departures = Object.entries(left !== undefined && "M" in left ? left.M : {}).map(
    ([owner, departure]): [string, Departure] => [
      owner,
      { version: text(member(departure, "v")) ?? "", expires: Number(text(member(departure, "x")) ?? 0) },
    ],
  );
  return {
    version,
    owner: text(member(value, "o")),
    isRemoved: member(value, "removed") !== undefined,
    departures: new Map(departures),
  };
};

/** How to apply a write. `keep` leaves the target item unchanged, except that its guard becomes `guard`. */
export type GuardDecision =
  | { readonly kind: "superseded" }
  | { readonly kind: "replace"; readonly departures: ReadonlyMap<string, Departure> }
  | { readonly kind: "keep"; readonly guard: ItemGuard };

/** `now` is the current time. `expires` is when a new departure expires. Both are in epoch seconds. */
interface GuardTimes {
  readonly now: number;
  readonly expires: number;
}

const superseded: GuardDecision = { kind: "superseded" };

/** Returns the unexpired departures of all source items except the write's `owner`. */
const liveDepartures = (
  { departures = new Map() }: ItemGuard,
  { owner }: OwnedWrite,
  { now }: GuardTimes,
): Map<string, Departure> =>
  new Map([...departures].filter(([other, { expires }]) => other !== owner && expires > now));

/**
 * Decides how to apply a write. `seen` is the guard that is stored at the write's key.
 *
 * The write is superseded if its source item has already written or left the key with the same or a newer version.
 * Otherwise, the owner of the key replaces the target item. If another source item leaves the key, only its departure
 * is stored. If another source item comes to the key, it replaces a tombstone, or a live item with an older version.
 */
export const decide = (seen: ItemGuard, write: OwnedWrite, times: GuardTimes): GuardDecision => {
  // A guard without an owner was written before `movingKey` was set. It is treated as a guard of `write.owner`.
  const isOwner = seen.owner === undefined || seen.owner === write.owner;
  const known = isOwner ? seen.version : seen.departures?.get(write.owner)?.version;
  if (known !== undefined && known >= write.version) return superseded;
  const departures = liveDepartures(seen, write, times);
  if (isOwner) return { kind: "replace", departures };
  if (write.isRemoved) {
    const departure = { version: write.version, expires: times.expires };
    return { kind: "keep", guard: { ...seen, departures: departures.set(write.owner, departure) } };
  }
  if (!seen.isRemoved) return seen.version < write.version ? { kind: "replace", departures } : superseded;
  const departure = { version: seen.version, expires: times.expires };
  return { kind: "replace", departures: departures.set(seen.owner ?? "", departure) };
};
