// Plays random histories with random faults. Checks that the target then contains the last state of every item.

import { decodeImage } from "@sluice/core/sink-kit";
import { randomHistory, type SpecimenItem } from "@sluice/testing";
import { backfillPlan, type RecordMutation } from "./backfill.ts";
import { extended } from "./extended-history.ts";
import { type Layout, type Play, type Predicate, playThrough } from "./play.ts";
import { randomOf } from "./random.ts";
import type { Copy, Target } from "./target.ts";

/** An item whose copy is not the expected copy. `undefined` means that there is no copy. */
export interface Divergence {
  /** Run `npm run test:long -- --runs 1 --seed <seed>` to play this history again. */
  readonly seed: number;
  readonly item: string;
  readonly found: Copy | undefined;
  readonly expected: Copy | undefined;
}

export interface ConvergenceOptions {
  /** Seed of the first history. The seed of each further history is one higher. */
  readonly seed: number;
  readonly runs: number;
  /**
   * `race`: several writers write one item concurrently. The target's writes must be able to overlap. `backfill`: the
   * history is played with faults, and backfills run beside it. Default `faults`.
   */
  readonly kind?: "faults" | "race" | "backfill";
  /** Only for backfills: a defect of their records. */
  readonly mutate?: RecordMutation;
}

/** Number of histories that run concurrently in the same target. */
const concurrency = { faults: 12, race: 4, backfill: 12 } as const;

/** The keys of a history's items begin with this prefix, because several histories share a target. */
const prefixOf = (seed: number): string => `h${seed}`;
const seedOf = (item: string): number => Number(/^h(\d+)-/.exec(item)?.[1]);

const hasRest =
  (rest: number): Predicate =>
  ({ revision }) =>
    revision % 3 === rest;

const isNoMultiple: Predicate = ({ revision }) => revision % 3 !== 0;

/** Without a filter; with one filter; and with two filters that exclude each other, in one pipeline or in two. */
const layouts: readonly [Layout, ...Layout[]] = [
  [[undefined]],
  [[undefined]],
  [[isNoMultiple]],
  [[hasRest(1), hasRest(2)]],
  [[hasRest(1)], [hasRest(2)]],
];

const isCopied = (layout: Layout, item: SpecimenItem): boolean =>
  layout.flat().some((predicate) => predicate === undefined || predicate(item));

/** What a target says about the histories that it needs. */
type TargetOptions = Pick<Target<unknown>, "needsOldImages" | "extend">;

/** Creates a history that is played with faults. A history has few items, so that each item changes repeatedly. */
const faults = (seed: number, { needsOldImages = false, extend }: TargetOptions): Play => {
  const random = randomOf(seed);
  const history = randomHistory(seed, {
    prefix: prefixOf(seed),
    items: 1 + random.integer(5),
    changes: 4 + random.integer(28),
    viewType: random.pick([
      "NEW_AND_OLD_IMAGES",
      "NEW_AND_OLD_IMAGES",
      needsOldImages ? "NEW_AND_OLD_IMAGES" : "NEW_IMAGE",
    ]),
  });
  return { history: extended(history, extend), layout: random.pick(layouts), random, isFaultless: false };
};

/**
 * Creates a history with a few changes of one item. All changes are written concurrently, each in its own invocation,
 * without retries.
 */
const race = (seed: number, { extend }: TargetOptions): Play => {
  const random = randomOf(seed);
  const plain = randomHistory(seed, { prefix: prefixOf(seed), items: 1, changes: 2 + random.integer(3) });
  const history = extended(plain, extend);
  const batches = [...history.records].sort(() => random.integer(3) - 1).map((record) => [record]);
  return {
    history: { ...history, deliveries: [{ kind: "parallel", batches }] },
    layout: random.pick(layouts),
    random,
    isFaultless: true,
  };
};

/** Creates a history that is played with faults, beside backfills. */
const backfill = (seed: number, target: TargetOptions, mutate: RecordMutation): Play => {
  const play = faults(seed, target);
  // A lost change may make an item leave a filter, or its place. A scan does not see that; `verify` does.
  const mayHaveGap = !target.needsOldImages && play.layout.flat().every((predicate) => predicate === undefined);
  return { ...play, backfill: backfillPlan(play.history, play.random, mayHaveGap, mutate) };
};

const kinds = { faults, race, backfill } as const;

const itemOf = (image: Parameters<typeof decodeImage>[0]): SpecimenItem => decodeImage(image) as SpecimenItem;

/** Returns the expected copies of the history's items, by `pk`. */
const copiesOf = ({ history, layout }: Play, target: Target<unknown>): ReadonlyMap<string, Copy> => {
  const images = [...history.expected.values()];
  const matching = images.filter((image) => isCopied(layout, itemOf(image)));
  return new Map(matching.map((image) => [itemOf(image).pk, target.copyOf(image)]));
};

/** The expected copies of a history that has been played. */
interface PlayedHistory {
  readonly seed: number;
  readonly expected: ReadonlyMap<string, Copy>;
}

/** Plays the history that belongs to the seed, and returns the expected copies. */
const play = async (target: Target<unknown>, planned: Play, seed: number): Promise<PlayedHistory> => {
  const variant = target.variants[planned.random.integer(target.variants.length)] ?? target.variants[0];
  try {
    await playThrough(planned, { ...variant, ...(target.purge && { purge: target.purge }) });
  } catch (cause) {
    throw new Error(`the history of seed ${seed} did not finish`, { cause });
  }
  return { seed, expected: copiesOf(planned, target) };
};

const compare = (played: readonly PlayedHistory[], found: ReadonlyMap<string, Copy>): Divergence[] => {
  const expected = new Map(played.flatMap((history) => [...history.expected]));
  return [...new Set([...expected.keys(), ...found.keys()])]
    .map((item) => ({ seed: seedOf(item), item, found: found.get(item), expected: expected.get(item) }))
    .filter((pair) => JSON.stringify(pair.found) !== JSON.stringify(pair.expected));
};

/** Runs the jobs with `count` concurrent workers. */
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

/** Plays histories concurrently in an empty target. Compares every value of every item, and returns the differences. */
export const divergences = async <Message>(
  target: Target<Message>,
  { seed, runs, kind = "faults", mutate = (record) => record }: ConvergenceOptions,
): Promise<readonly Divergence[]> => {
  const erased = target as Target<unknown>;
  const played: PlayedHistory[] = [];
  const seeds = Array.from({ length: runs }, (_, index) => seed + index);
  await withWorkers(seeds, concurrency[kind], async (ownSeed) => {
    played.push(await play(erased, kinds[kind](ownSeed, target, mutate), ownSeed));
  });
  return compare(played, await erased.readAll());
};
