// The keys of the items that a run has read. A copy of such an item is no ghost, so its item need not be read once more: a
// consistent read of one small item costs twenty times as much as its part of a scan.

import { hash, randomUUID } from "node:crypto";
import { type Image, itemKeyOf } from "@sluice/core/envelope";

/** A set of keys. */
export interface SeenKeys {
  /** Adds a key. A full set does not change: it lacks keys that were added later. */
  readonly add: (keys: Image) => void;
  readonly has: (keys: Image) => boolean;
}

/** The set then takes 64 MiB. */
const defaultMaxKeys = 4_000_000;
const firstSlots = 1_024;

/** A number of 52 bits, which is exact as a float. It is above 0, because 0 is an empty slot. */
const fingerprintOf = (salt: string, keys: Image): number =>
  Number.parseInt(hash("sha256", `${salt}${itemKeyOf(keys)}`).slice(0, 13), 16) + 1;

/** Returns the slot that has the fingerprint, or else the empty slot for it. */
const slotOf = (slots: Float64Array, fingerprint: number): number => {
  let slot = fingerprint % slots.length;
  while (slots[slot] !== 0 && slots[slot] !== fingerprint) slot = (slot + 1) % slots.length;
  return slot;
};

const grown = (slots: Float64Array): Float64Array => {
  const larger = new Float64Array(slots.length * 2);
  for (const fingerprint of slots) if (fingerprint !== 0) larger[slotOf(larger, fingerprint)] = fingerprint;
  return larger;
};

/**
 * Creates an empty set. It keeps 52 bits of a hash of each key: among four million keys, a ghost is taken for a known item
 * with a probability of 1 in 10^9. The hash has a salt, so another run finds this ghost.
 */
export const seenKeys = (maxKeys: number = defaultMaxKeys): SeenKeys => {
  const salt = randomUUID();
  let slots: Float64Array = new Float64Array(firstSlots);
  let count = 0;
  return {
    add: (keys) => {
      if (count >= maxKeys) return;
      const fingerprint = fingerprintOf(salt, keys);
      const slot = slotOf(slots, fingerprint);
      if (slots[slot] === fingerprint) return;
      slots[slot] = fingerprint;
      count += 1;
      if (count * 2 > slots.length) slots = grown(slots);
    },
    has: (keys) => slots[slotOf(slots, fingerprintOf(salt, keys))] !== 0,
  };
};
