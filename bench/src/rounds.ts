// Interleaved rounds: every contender does the same work in every round, in an order that rotates, so that whatever
// slows the machine down for a while slows down all of them.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { median } from "./statistics.ts";

/** The part of a mix that is timed. */
export type Work = () => Promise<void> | void;

/** A way of doing the work that is measured. */
export interface Contender<Mix extends string> {
  readonly name: string;
  /** Begins a round with nothing left from the one before. Not timed. */
  readonly reset?: () => Promise<void>;
  /** Readies the target for a mix. The mixes of a round follow each other. Not timed. */
  readonly begin?: (mix: Mix) => Promise<void>;
  /** Makes what a caller would have made for the nth batch of the mix, and returns what is timed. */
  readonly prepare: (mix: Mix, batch: number) => Work;
}

export interface RoundOptions<Mix extends string> {
  readonly mixes: readonly Mix[];
  /** Batches of a mix, one after the other. */
  readonly batches: number;
  readonly rounds: number;
  /** Rounds before those that count: JIT, connections, caches. */
  readonly warmups: number;
  /** Milliseconds, elapsed or of CPU. Default: elapsed. */
  readonly clockMs?: () => number;
}

/** Milliseconds of every round, by contender and mix. */
export interface Times<Mix extends string> {
  readonly of: (contender: string, mix: Mix) => readonly number[];
  readonly median: (contender: string, mix: Mix) => number;
}

/**
 * What the preparation left behind is not the contender's to sweep up. Not a full collection: that throws away V8's type
 * feedback together with the shapes of the objects that it saw, and every round would begin with cold code (seen: core
 * at 28 µs a change instead of 11).
 */
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;

const rotated = <Entry>(entries: readonly Entry[], by: number): Entry[] =>
  entries.map((_, index) => entries[(index + by) % entries.length] as Entry);

/** Times each contender on each mix. */
export const compete = async <Mix extends string>(
  contenders: readonly Contender<Mix>[],
  options: RoundOptions<Mix>,
): Promise<Times<Mix>> => {
  const { mixes, batches, rounds, warmups, clockMs = () => performance.now() } = options;
  const times = new Map<string, number[]>();
  const key = (contender: string, mix: Mix): string => `${contender}/${mix}`;

  const timeBatch = async (contender: Contender<Mix>, mix: Mix, batch: number): Promise<number> => {
    const work = contender.prepare(mix, batch);
    collectGarbage({ type: "minor" });
    const startedAt = clockMs();
    await work();
    return clockMs() - startedAt;
  };
  const timeMix = async (contender: Contender<Mix>, mix: Mix): Promise<number> => {
    await contender.begin?.(mix);
    let sum = 0;
    for (let batch = 0; batch < batches; batch += 1) sum += await timeBatch(contender, mix, batch);
    return sum;
  };

  for (let round = -warmups; round < rounds; round += 1) {
    for (const contender of rotated(contenders, round + warmups)) {
      await contender.reset?.();
      for (const mix of mixes) {
        const took = await timeMix(contender, mix);
        if (round >= 0) times.set(key(contender.name, mix), [...(times.get(key(contender.name, mix)) ?? []), took]);
      }
    }
  }
  const of = (contender: string, mix: Mix): readonly number[] => times.get(key(contender, mix)) ?? [];
  return { of, median: (contender, mix) => median(of(contender, mix)) };
};
