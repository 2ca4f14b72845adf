// Random numbers from a seed.

/** A source of random numbers. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  readonly integer: (below: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <Choice>(choices: readonly Choice[]) => Choice;
}

/** Creates a source of random numbers with the algorithm mulberry32. */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    integer,
    chance: (probability) => next() < probability,
    pick: <Choice>(choices: readonly Choice[]) => choices[integer(choices.length)] as Choice,
  };
};
