// The guard of an upsert sink under writers at the same time and under random histories: U10 to U12.

import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import { playHistory, randomHistory } from "../../random/history.ts";
import { type Random, randomOf } from "../../random/random.ts";
import { type SpecimenItem, specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { mismatch } from "../expectation.ts";
import { type Bench, deliverAll, type SpecimenChange } from "../harness.ts";

const writers = 4;
const rounds = 15;
const histories = 8;

/** Changes in any order as batches, each of which holds an item once. */
const batchesOf = (changes: readonly SpecimenChange[]): SpecimenChange[][] => {
  const batches: SpecimenChange[][] = [];
  for (const change of changes) {
    const free = batches.find((batch) => batch.every(({ itemKey }) => itemKey !== change.itemKey));
    if (free === undefined) batches.push([change]);
    else free.push(change);
  }
  return batches;
};

const expectTaken = async (bench: Bench, batch: readonly SpecimenChange[], options = {}): Promise<void> => {
  const written = await deliverAll(bench, batch, options);
  for (const change of batch) {
    const outcome = written.outcomeOf(change);
    if (outcome !== "delivered" && outcome !== "superseded") mismatch("outcome in the end", outcome, "delivered");
  }
};

/** Four writers at once, each with most of the changes in an order of its own. */
const raceOver = async (bench: Bench, random: Random, changes: readonly SpecimenChange[]): Promise<void> => {
  const owner = new Map(changes.map((change) => [change, random.integer(writers)]));
  const shares = Array.from({ length: writers }, (_, writer) =>
    random.shuffle(changes.filter((change) => owner.get(change) === writer || random.chance(0.4))),
  );
  await Promise.all(
    shares.map(async (share) => {
      for (const batch of batchesOf(share)) await expectTaken(bench, batch);
    }),
  );
};

const withSeed = async (seed: number, run: () => Promise<void>): Promise<void> => {
  try {
    await run();
  } catch (cause) {
    throw new Error(`with seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
};

/** Rounds of a race over new items; `script` makes the changes of one item. */
const race = async (
  bench: Bench,
  script: (put: () => SpecimenChange, remove: () => SpecimenChange) => readonly SpecimenChange[],
): Promise<void> => {
  const random = randomOf(bench.seed);
  const all: SpecimenChange[] = [];
  await withSeed(bench.seed, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const table = specimenTable();
      const names = Array.from({ length: 6 }, (_, item) => `${round}-${item}`);
      const changes = names.flatMap((name) =>
        script(
          () => table.put(name),
          () => table.remove(name),
        ),
      );
      await raceOver(bench, random, changes);
      all.push(...changes);
      await bench.expectHeld(all);
    }
  });
};

/** One invocation: each item's last change stands for those before it, as core reduces a batch. */
const invoke = async (bench: Bench, records: readonly StreamRecord[]): Promise<void> => {
  const byItem = new Map<string, SpecimenChange[]>();
  for (const record of records) {
    const change = decodeRecord<SpecimenItem>(record);
    byItem.set(change.itemKey, [...(byItem.get(change.itemKey) ?? []), change]);
  }
  const last = [...byItem.values()].map((changes) => changes.at(-1) as SpecimenChange);
  await expectTaken(bench, last, { earlier: ({ itemKey }: SpecimenChange) => byItem.get(itemKey)?.slice(0, -1) ?? [] });
};

export const parallelCases: readonly Case[] = [
  {
    id: "U10",
    name: "four writers at once over the same items, in any order, leave the highest version of each",
    writes: "upsert",
    run: (bench) => race(bench, (put) => [put(), put(), put(), put(), put()]),
  },
  {
    id: "U11",
    name: "removals beside stale upserts leave no item behind",
    writes: "upsert",
    run: (bench) => race(bench, (put, remove) => [put(), put(), remove(), put(), remove()]),
  },
  {
    id: "U12",
    name: "random histories with crashes, repeats, redrives and zombies converge",
    writes: "upsert",
    run: async (bench) => {
      const all: SpecimenChange[] = [];
      for (let seed = bench.seed; seed < bench.seed + histories; seed += 1) {
        const history = randomHistory(seed, { prefix: `history-${seed}` });
        await withSeed(seed, async () => {
          await playHistory(history, (records) => invoke(bench, records));
          all.push(...history.records.map((record) => decodeRecord<SpecimenItem>(record)));
          await bench.expectHeld(all);
        });
      }
    },
  },
];
