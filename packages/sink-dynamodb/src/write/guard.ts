// The guard: what a target item remembers beside its attributes, and what a write may do to it.
//
// With `key`, an item of the target belongs to one item of the source for ever, and its version is all there is to
// compare. With `movingKey`, items of the source come to a key and leave it, so that the guard also names its owner, and
// remembers the departures of others as long as one of their writes may come late: without them, an item that arrives
// before its predecessor's departure could be lost, or the predecessor come back.

import { createHash } from "node:crypto";
import type { SdkItem, SdkValue } from "@sluice/core/sink-kit";

/** A departure: no write of that owner up to this version belongs here any more. */
export interface Departure {
  readonly version: string;
  /** Epoch seconds after which it may be forgotten. */
  readonly expires: number;
}

/** The guard of a target item. */
export interface Guard {
  readonly version: string;
  readonly isRemoved: boolean;
  /** Who wrote it; undefined where the key cannot move. */
  readonly owner?: string | undefined;
  readonly departures?: ReadonlyMap<string, Departure> | undefined;
}

/** What one delivery wants of one key. */
export interface Claim {
  readonly version: string;
  readonly owner: string;
  readonly isRemoved: boolean;
}

/** A short name for a source item: its key may have 3 KB. 128 bits of SHA-256. */
export const ownerOf = (itemKey: string): string =>
  createHash("sha256").update(itemKey).digest().subarray(0, 16).toString("base64url");

const wireDepartures = (departures: ReadonlyMap<string, Departure>): SdkItem =>
  Object.fromEntries(
    [...departures].map(([owner, { version, expires }]): [string, SdkValue] => [
      owner,
      { M: { v: { S: version }, x: { N: String(expires) } } },
    ]),
  );

/** The guard as an attribute value: `v` version, `o` owner, `removed`, `left` departures. */
export const wireGuard = ({ version, owner, isRemoved, departures }: Guard): SdkValue => ({
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

/** The guard in an attribute value; undefined where there is none, as in an item that somebody else wrote. */
export const readGuard = (value: SdkValue | undefined): Guard | undefined => {
  const version = text(member(value, "v"));
  if (version === undefined) return undefined;
  const left = member(value, "left");
  const departures = Object.entries(left !== undefined && "M" in left ? left.M : {}).map(
    ([owner, one]): [string, Departure] => [
      owner,
      { version: text(member(one, "v")) ?? "", expires: Number(text(member(one, "x")) ?? 0) },
    ],
  );
  return {
    version,
    owner: text(member(value, "o")),
    isRemoved: member(value, "removed") !== undefined,
    departures: new Map(departures),
  };
};

/** What to do about a key whose guard is known. `keep`: its attributes stay, and get a guard with one departure more. */
export type Decision =
  | { readonly kind: "superseded" }
  | { readonly kind: "replace"; readonly departures: ReadonlyMap<string, Departure> }
  | { readonly kind: "keep"; readonly guard: Guard };

interface Horizon {
  /** Epoch seconds. */
  readonly now: number;
  readonly expires: number;
}

const superseded: Decision = { kind: "superseded" };

/** Departures that still matter, without the claimant's own. */
const remembered = ({ departures = new Map() }: Guard, { owner }: Claim, { now }: Horizon): Map<string, Departure> =>
  new Map([...departures].filter(([who, { expires }]) => who !== owner && expires > now));

/**
 * Decides a claim against the guard that the key has.
 *
 * A claim that its own item has outdated is superseded. Else the owner replaces; who comes to a tombstone takes over; who
 * comes to a live item takes over if newer; who leaves a key that another item has keeps it.
 */
export const decide = (seen: Guard, claim: Claim, horizon: Horizon): Decision => {
  // A guard without an owner is from a time before `movingKey`: taken for the claimant's own.
  const isOwner = seen.owner === undefined || seen.owner === claim.owner;
  const known = isOwner ? seen.version : seen.departures?.get(claim.owner)?.version;
  if (known !== undefined && known >= claim.version) return superseded;
  const departures = remembered(seen, claim, horizon);
  if (isOwner) return { kind: "replace", departures };
  if (claim.isRemoved) {
    const departure = { version: claim.version, expires: horizon.expires };
    return { kind: "keep", guard: { ...seen, departures: departures.set(claim.owner, departure) } };
  }
  if (!seen.isRemoved) return seen.version < claim.version ? { kind: "replace", departures } : superseded;
  const departure = { version: seen.version, expires: horizon.expires };
  return { kind: "replace", departures: departures.set(seen.owner ?? "", departure) };
};
