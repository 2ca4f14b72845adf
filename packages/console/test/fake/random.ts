// Numbers that look random, and are the same in each run with the same seed.

/** Numbers from a seed. */
export interface FakeRandom {
  /** From 0 to 1. */
  readonly next: () => number;
  /** An integer from 0 to `below` - 1. */
  readonly integer: (below: number) => number;
  readonly pick: <Value>(values: readonly Value[]) => Value;
}

/** Numbers by the algorithm mulberry32. */
export const fakeRandom = (seed: number): FakeRandom => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  return {
    next,
    integer,
    pick: (values) => {
      const value = values[integer(values.length)];
      if (value === undefined) throw new Error("There is nothing to pick from");
      return value;
    },
  };
};
