// Random numbers from a seed. A test that fails prints its seed, so that the failure can be reproduced.

/** A generator of random numbers. */
export interface Random {
  /** Returns a number that is at least 0 and less than 1. */
  (): number;
  readonly shuffle: <Entry>(entries: readonly Entry[]) => Entry[];
}

/** Creates a generator (mulberry32) from a seed. */
export const randomOf = (seed: number): Random => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
  const shuffle = <Entry>(entries: readonly Entry[]): Entry[] => {
    const shuffled = [...entries];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = Math.floor(next() * (last + 1));
      [shuffled[last], shuffled[other]] = [shuffled[other] as Entry, shuffled[last] as Entry];
    }
    return shuffled;
  };
  return Object.assign(next, { shuffle });
};
