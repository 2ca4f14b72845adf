// The property: whatever happened on the way, the target ends with the last state of every item.

import { decodeImage } from "@sluice/core/sink-kit";
import { randomHistory, type SpecimenItem } from "@sluice/testing";
import { type Play, playThrough } from "./play.ts";
import { randomOf } from "./random.ts";
import type { Copy, Target } from "./target.ts";

/** An item whose copy is not what it should be; undefined: there is none. */
export interface Divergence {
  /** `npm run test:long -- --runs 1 --seed <seed>` plays the history again. */
  readonly seed: number;
  readonly item: string;
  readonly found: Copy | undefined;
  readonly expected: Copy | undefined;
}

export interface ConvergenceOptions {
  /** Seed of the first history; the others follow. */
  readonly seed: number;
  readonly runs: number;
  /** `race`: concurrent writers of one item, for targets where writes really overlap. Default `mishaps`. */
  readonly kind?: "mishaps" | "race";
}

/** Histories that are played at the same time in one target. */
const atOnce = { mishaps: 12, race: 4 } as const;

/** Items of different histories share a target, so their keys begin with the seed. */
const prefixOf = (seed: number): string => `h${seed}`;
const seedOf = (item: string): number => Number(/^h(\d+)-/.exec(item)?.[1]);

/** Everything goes wrong. Enough items to cut across batches, few enough that they meet again and again. */
const mishaps = (seed: number): Play => {
  const random = randomOf(seed);
  const history = randomHistory(seed, {
    prefix: prefixOf(seed),
    items: 1 + random.integer(5),
    changes: 4 + random.integer(28),
    viewType: random.pick(["NEW_AND_OLD_IMAGES", "NEW_AND_OLD_IMAGES", "NEW_IMAGE"]),
  });
  const isFiltered = random.chance(0.4);
  return { history, predicate: isFiltered ? ({ revision }) => revision % 3 !== 0 : undefined, random, isCalm: false };
};

/** The few changes of one item all at the same time, each in its own invocation, and none comes again. */
const race = (seed: number): Play => {
  const random = randomOf(seed);
  const history = randomHistory(seed, { prefix: prefixOf(seed), items: 1, changes: 2 + random.integer(3) });
  const batches = [...history.records].sort(() => random.integer(3) - 1).map((record) => [record]);
  return {
    history: { ...history, deliveries: [{ kind: "parallel", batches }] },
    predicate: undefined,
    random,
    isCalm: true,
  };
};

const kinds = { mishaps, race } as const;

const itemOf = (image: Parameters<typeof decodeImage>[0]): SpecimenItem => decodeImage(image) as SpecimenItem;

/** What the target should show of the history's items, by `pk`. */
const copiesOf = ({ history, predicate }: Play, target: Target<unknown>): ReadonlyMap<string, Copy> => {
  const images = [...history.expected.values()];
  const kept = images.filter((image) => predicate === undefined || predicate(itemOf(image)));
  return new Map(kept.map((image) => [itemOf(image).pk, target.copyOf(image)]));
};

/** What became of one history. */
interface Outcome {
  readonly seed: number;
  readonly expected: ReadonlyMap<string, Copy>;
}

/** Plays the history of a seed; only what the target should show is kept of it. */
const play = async (target: Target<unknown>, one: Play, seed: number): Promise<Outcome> => {
  const way = target.ways[one.random.integer(target.ways.length)] ?? target.ways[0];
  try {
    await playThrough(one, way);
  } catch (cause) {
    throw new Error(`the history of seed ${seed} did not come to its end`, { cause });
  }
  return { seed, expected: copiesOf(one, target) };
};

const compare = (outcomes: readonly Outcome[], found: ReadonlyMap<string, Copy>): Divergence[] => {
  const expected = new Map(outcomes.flatMap((outcome) => [...outcome.expected]));
  return [...new Set([...expected.keys(), ...found.keys()])]
    .map((item) => ({ seed: seedOf(item), item, found: found.get(item), expected: expected.get(item) }))
    .filter((pair) => JSON.stringify(pair.found) !== JSON.stringify(pair.expected));
};

/** Runs the jobs, a few at once. */
const withWorkers = async <Job>(
  jobs: readonly Job[],
  workers: number,
  run: (job: Job) => Promise<void>,
): Promise<void> => {
  const queue = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await run(job);
  };
  await Promise.all(Array.from({ length: workers }, work));
};

/** Plays histories side by side in an empty target, and compares every item value by value. */
export const divergences = async <Message>(
  target: Target<Message>,
  { seed, runs, kind = "mishaps" }: ConvergenceOptions,
): Promise<readonly Divergence[]> => {
  const erased = target as Target<unknown>;
  const outcomes: Outcome[] = [];
  const seeds = Array.from({ length: runs }, (_, index) => seed + index);
  await withWorkers(seeds, atOnce[kind], async (own) => {
    outcomes.push(await play(erased, kinds[kind](own), own));
  });
  return compare(outcomes, await erased.readAll());
};
