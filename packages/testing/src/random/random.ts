// Random numbers from a seed.

/** A source of random numbers. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  readonly integer: (below: number) => number;
  /** True with this probability. */
  readonly chance: (probability: number) => boolean;
  readonly pick: <Choice>(choices: readonly Choice[]) => Choice;
  /** The entries in random order. */
  readonly shuffle: <Entry>(entries: readonly Entry[]) => Entry[];
}

/** mulberry32: 32 bits of state, enough for tests. @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Creates a source of random numbers. Equal seeds give equal numbers. */
export const randomOf = (seed: number): Random => {
  const next = mulberry32(seed);
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    integer,
    chance: (probability) => next() < probability,
    pick: <Choice>(choices: readonly Choice[]) => choices[integer(choices.length)] as Choice,
    shuffle: (entries) => {
      const shuffled = [...entries];
      for (let last = shuffled.length - 1; last > 0; last -= 1) {
        const other = integer(last + 1);
        [shuffled[last], shuffled[other]] = [shuffled[other], shuffled[last]] as [
          (typeof shuffled)[0],
          (typeof shuffled)[0],
        ];
      }
      return shuffled;
    },
  };
};
