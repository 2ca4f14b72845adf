// Runs interleaved rounds: in every round every contender does the same work, and the order of the contenders rotates.
// If the machine is slow for some time, all contenders are slowed down equally.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { median } from "./statistics.ts";

/** The timed work of one batch. */
export type Work = () => Promise<void> | void;

/** One of the implementations to compare. `Mix` names the kinds of changes, such as inserts or updates. */
export interface Contender<Mix extends string> {
  readonly name: string;
  /** Clears the target before a round. Not timed. */
  readonly reset?: () => Promise<void>;
  /** Prepares the target for a mix. The target still contains the data of the previous mix. Not timed. */
  readonly begin?: (mix: Mix) => Promise<void>;
  /** Prepares the input for the batch with the number `batch`, and returns the work to time. */
  readonly prepare: (mix: Mix, batch: number) => Work;
}

/** Options of `compete`. */
export interface RoundOptions<Mix extends string> {
  readonly mixes: readonly Mix[];
  /** Number of batches of each mix. The batches run in sequence. */
  readonly batches: number;
  readonly rounds: number;
  /** Number of untimed rounds at the start, which warm up the JIT, the connections and the caches. */
  readonly warmups: number;
  /** Returns the current time in milliseconds: elapsed time or CPU time. Default: elapsed time. */
  readonly clockMs?: () => number;
}

/** The milliseconds of every round, for each contender and mix. */
export interface Times<Mix extends string> {
  readonly of: (contender: string, mix: Mix) => readonly number[];
  readonly median: (contender: string, mix: Mix) => number;
}

/**
 * Collects the garbage of the preparation before the timed work. The collection is a minor one, because a full
 * collection also discards V8's type feedback. Without type feedback every round would begin with cold code, and the
 * code would take several times as long.
 */
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;

const rotated = <Entry>(entries: readonly Entry[], by: number): Entry[] =>
  entries.map((_, index) => entries[(index + by) % entries.length] as Entry);

/** Measures the time of each contender for each mix. */
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
