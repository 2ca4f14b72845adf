// Random numbers from a seed: the seed in a failing test's output reproduces the case.

/** A generator of random numbers. */
export interface Random {
  /** From 0 up to 1. */
  (): number;
  readonly shuffle: <Entry>(entries: readonly Entry[]) => Entry[];
}

/** Makes a generator from a seed: mulberry32. */
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
