// The guard: an attribute of a target item that stores the item's version. It decides which writes are applied.
//
// If a target key can belong to several source items, their writes may arrive in any order. The guard then stores the
// newest version of each source item, its owner: of the shown owner, of owners that left the key, and of live owners
// that an owner with a newer version hides. With a hidden owner, the guard also stores the copy, to show it later.

import type { SdkItem, SdkValue } from "@sluice/core/sink-kit";

/** What a target key knows of one owner. */
export interface OwnerState {
  readonly version: string;
  /** The owner's copy, without the target's key. Undefined: the owner has no copy at this key. */
  readonly copy: SdkItem | undefined;
  /** Without a copy: epoch seconds after which the state may be forgotten, because no older write can arrive. */
  readonly expires: number;
}

/** The state of a target key: the newest state of each owner. */
export type KeyState = ReadonlyMap<string, OwnerState>;

/** An owner and its state. */
export type Owned = readonly [owner: string, state: OwnerState];

/** Whether a state replaces another state of the same owner. At the same version, a copy replaces a removal. */
const replaces = (state: OwnerState, known: OwnerState): boolean =>
  known.version < state.version ||
  (known.version === state.version && known.copy === undefined && state.copy !== undefined);

/**
 * Merges a write into the state of its target key. Returns undefined if the write is superseded: its owner has a newer
 * state. The result does not depend on the order of the writes, except that removals are forgotten when they expire.
 * @param now - the time in epoch seconds
 */
export const merge = (known: KeyState, [owner, state]: Owned, now: number): KeyState | undefined => {
  const own = known.get(owner);
  if (own !== undefined && !replaces(state, own)) return undefined;
  const kept = [...known].filter(([, { copy, expires }]) => copy !== undefined || expires > now);
  return new Map([...kept, [owner, state]]);
};

/** Versions can be equal, because all items of a backfill have the same version. Then the owner's name decides. */
const isGreater = ([owner, { version }]: Owned, [other, { version: otherVersion }]: Owned): boolean =>
  version === otherVersion ? owner > other : version > otherVersion;

/** Returns the owner that the target shows: the live owner with the greatest version, otherwise the last to leave. */
export const shownOf = (state: KeyState): Owned | undefined => {
  const live = [...state].filter(([, { copy }]) => copy !== undefined);
  const candidates = live.length > 0 ? live : [...state];
  return candidates.reduce<Owned | undefined>(
    (shown, one) => (shown === undefined || isGreater(one, shown) ? one : shown),
    undefined,
  );
};

/** The guard of an item that can belong to only one source item. */
interface PlainGuard {
  readonly version: string;
  readonly isRemoved: boolean;
}

const plainMembers = ({ version, isRemoved }: PlainGuard): SdkItem => ({
  v: { S: version },
  ...(isRemoved && { removed: { BOOL: true } }),
});

/** Returns the guard of an item that can belong to only one source item. `v` is the version. */
export const wireGuard = (guard: PlainGuard): SdkValue => ({ M: plainMembers(guard) });

/** Bytes become base64 text, as in Lambda's records. `JSON.stringify` would write each byte as a member. */
const bytesAsText = (value: SdkValue): unknown => {
  if ("B" in value) return { B: Buffer.from(value.B).toString("base64") };
  if ("BS" in value) return { BS: value.BS.map((bytes) => Buffer.from(bytes).toString("base64")) };
  if ("L" in value) return { L: value.L.map(bytesAsText) };
  if ("M" in value) return { M: itemAsText(value.M) };
  return value;
};

/** Returns an item as JSON can hold it: binary is base64 text. */
export const itemAsText = (item: SdkItem): Record<string, unknown> =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, bytesAsText(value)]));

const wireDeparture = ({ version, expires }: OwnerState): SdkValue => ({
  M: { v: { S: version }, x: { N: String(expires) } },
});

/** The copy is one text, because a copy of 32 levels would be too deeply nested within the guard. */
const wireHidden = ({ version }: OwnerState, copy: SdkItem): SdkValue => ({
  M: { v: { S: version }, c: { S: JSON.stringify(itemAsText(copy)) } },
});

const wireOthers = (name: string, others: readonly (readonly [string, SdkValue])[]): SdkItem =>
  others.length === 0 ? {} : { [name]: { M: Object.fromEntries(others) } };

/**
 * Returns the guard of a key that several source items can have: `v` and `o` are the version and the owner that the
 * target shows, `left` has the owners without a copy, and `held` has the live owners that are hidden.
 */
export const wireState = (state: KeyState, [owner, shown]: Owned): SdkValue => {
  const others = [...state].filter(([other]) => other !== owner);
  const left = others.flatMap(([other, one]) => (one.copy === undefined ? [[other, wireDeparture(one)] as const] : []));
  const held = others.flatMap(([other, one]) =>
    one.copy === undefined ? [] : [[other, wireHidden(one, one.copy)] as const],
  );
  return {
    M: {
      ...plainMembers({ version: shown.version, isRemoved: shown.copy === undefined }),
      o: { S: owner },
      ...wireOthers("left", left),
      ...wireOthers("held", held),
    },
  };
};

const member = (value: SdkValue | undefined, name: string): SdkValue | undefined =>
  value !== undefined && "M" in value ? value.M[name] : undefined;

const members = (value: SdkValue | undefined): [string, SdkValue][] =>
  Object.entries(value !== undefined && "M" in value ? value.M : {});

const text = (value: SdkValue | undefined): string | undefined => {
  if (value === undefined) return undefined;
  if ("S" in value) return value.S;
  return "N" in value ? value.N : undefined;
};

/** What a guard says of the item itself, without the states of other owners. */
export interface ItemGuard extends PlainGuard {
  /** Undefined if the guard was written for a key that only one source item can have. */
  readonly owner: string | undefined;
}

/** Reads a guard from its attribute value; undefined if there is no guard, because another program wrote the item. */
export const readGuard = (value: SdkValue | undefined): ItemGuard | undefined => {
  const version = text(member(value, "v"));
  if (version === undefined) return undefined;
  return { version, owner: text(member(value, "o")), isRemoved: isMarkedRemoved(value) };
};

/** Whether a guard says that the item is a tombstone, which `liveFilter` hides, even if the guard has no version. */
export const isMarkedRemoved = (value: SdkValue | undefined): boolean => member(value, "removed") !== undefined;

/** Reads the states of the owners that the target does not show. `copyOf` parses a hidden copy. */
export const readOthers = (value: SdkValue | undefined, copyOf: (text: string) => SdkItem): Owned[] => [
  ...members(member(value, "left")).map(([owner, departure]): Owned => {
    const [version = "", expires = "0"] = [text(member(departure, "v")), text(member(departure, "x"))];
    return [owner, { version, copy: undefined, expires: Number(expires) }];
  }),
  ...members(member(value, "held")).map(([owner, hidden]): Owned => {
    const [version = "", copy = "{}"] = [text(member(hidden, "v")), text(member(hidden, "c"))];
    return [owner, { version, copy: copyOf(copy), expires: 0 }];
  }),
];
