// The guard of a target item: its version, and the rules for writes to it.
//
// With `key`, a target item always belongs to the same source item, so comparing versions is enough. With `movingKey`,
// source items come to a key and leave it. The guard then also names the owner of the item. It remembers which other
// items have left the key, as long as one of their older writes may arrive late. Without this memory, an item that
// arrives before its predecessor has left could be lost, or the predecessor could return.

import { createHash } from "node:crypto";
import type { SdkItem, SdkValue } from "@sluice/core/sink-kit";

/** The departure of an item from a key: writes of that item up to this version no longer belong to the key. */
export interface Departure {
  readonly version: string;
  /** Epoch seconds after which the departure may be forgotten. */
  readonly expires: number;
}

/** The guard of a target item. */
export interface ItemGuard {
  readonly version: string;
  readonly isRemoved: boolean;
  /** The source item that wrote the target item; undefined if keys cannot move. */
  readonly owner?: string | undefined;
  readonly departures?: ReadonlyMap<string, Departure> | undefined;
}

/** A write to one key, with the source item that it comes from. */
export interface OwnedWrite {
  readonly version: string;
  readonly owner: string;
  readonly isRemoved: boolean;
}

/** Returns a short name for a source item, 128 bits of SHA-256, because the item's key may have 3 KB. */
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

/** Reads the guard from its attribute value; undefined if there is none, as in an item that another program wrote. */
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

/** What a write does to a key with a known guard. `keep`: the item stays unchanged, and its guard gets a departure. */
export type GuardDecision =
  | { readonly kind: "superseded" }
  | { readonly kind: "replace"; readonly departures: ReadonlyMap<string, Departure> }
  | { readonly kind: "keep"; readonly guard: ItemGuard };

/** The current time, and the time at which a new departure expires, in epoch seconds. */
interface GuardTimes {
  readonly now: number;
  readonly expires: number;
}

const superseded: GuardDecision = { kind: "superseded" };

/** Returns the departures that have not expired, without the departure of the write's own owner. */
const liveDepartures = (
  { departures = new Map() }: ItemGuard,
  { owner }: OwnedWrite,
  { now }: GuardTimes,
): Map<string, Departure> =>
  new Map([...departures].filter(([other, { expires }]) => other !== owner && expires > now));

/**
 * Decides about a write by the guard of its key.
 *
 * A write is superseded if its own item has already written or left the key in a newer version. Otherwise, the owner
 * of the key replaces its item. Another item replaces a tombstone, but it replaces a live item only with a newer
 * version. An item that leaves a key of another owner only adds its departure.
 */
export const decide = (seen: ItemGuard, write: OwnedWrite, times: GuardTimes): GuardDecision => {
  // A guard without an owner was written before `movingKey` was set, and counts as the writer's own.
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
