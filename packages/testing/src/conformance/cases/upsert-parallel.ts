// The guard of an upsert sink under concurrent writers and random histories: U10 to U12.

import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import { playHistory, randomHistory } from "../../random/history.ts";
import { type Random, randomOf } from "../../random/random.ts";
import { type SpecimenItem, specimenTable } from "../../records/specimen.ts";
import { type Case, casesFor } from "../case.ts";
import { mismatch } from "../expectation.ts";
import { deliverAll, type Harness, type SpecimenChange } from "../harness.ts";

const writers = 4;
const rounds = 15;
const histories = 8;

/** Splits changes into batches that hold each item at most once. */
const batchesOf = (changes: readonly SpecimenChange[]): SpecimenChange[][] => {
  const batches: SpecimenChange[][] = [];
  for (const change of changes) {
    const free = batches.find((batch) => batch.every(({ itemKey }) => itemKey !== change.itemKey));
    if (free === undefined) batches.push([change]);
    else free.push(change);
  }
  return batches;
};

const expectWritten = async (harness: Harness, batch: readonly SpecimenChange[], options = {}): Promise<void> => {
  const written = await deliverAll(harness, batch, options);
  for (const change of batch) {
    const outcome = written.outcomeOf(change);
    if (outcome !== "delivered" && outcome !== "superseded") mismatch("last outcome", outcome, "delivered");
  }
};

/** Starts four concurrent writers. Each writer writes a random share of the changes, in its own random order. */
const raceOver = async (harness: Harness, random: Random, changes: readonly SpecimenChange[]): Promise<void> => {
  const owner = new Map(changes.map((change) => [change, random.integer(writers)]));
  const shares = Array.from({ length: writers }, (_, writer) =>
    random.shuffle(changes.filter((change) => owner.get(change) === writer || random.chance(0.4))),
  );
  await Promise.all(
    shares.map(async (share) => {
      for (const batch of batchesOf(share)) await expectWritten(harness, batch);
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

/** Lets concurrent writers write changes of new items, in several rounds. `script` creates the changes of one item. */
const race = async (
  harness: Harness,
  script: (put: () => SpecimenChange, remove: () => SpecimenChange) => readonly SpecimenChange[],
): Promise<void> => {
  const random = randomOf(harness.seed);
  const all: SpecimenChange[] = [];
  await withSeed(harness.seed, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const table = specimenTable();
      const names = Array.from({ length: 6 }, (_, item) => `${round}-${item}`);
      const changes = names.flatMap((name) =>
        script(
          () => table.put(name),
          () => table.remove(name),
        ),
      );
      await raceOver(harness, random, changes);
      all.push(...changes);
      await harness.expectHeld(all);
    }
  });
};

/** Simulates an invocation. Writes only the last change of each item, as core does when it compacts a batch. */
export const invoke = async (harness: Harness, records: readonly StreamRecord[]): Promise<void> => {
  const byItem = new Map<string, SpecimenChange[]>();
  for (const record of records) {
    const change = decodeRecord<SpecimenItem>(record);
    byItem.set(change.itemKey, [...(byItem.get(change.itemKey) ?? []), change]);
  }
  const last = [...byItem.values()].map((changes) => changes.at(-1) as SpecimenChange);
  await expectWritten(harness, last, {
    earlier: ({ itemKey }: SpecimenChange) => byItem.get(itemKey)?.slice(0, -1) ?? [],
  });
};

/** The cases of upsert sinks with concurrent writers. */
export const parallelCases: readonly Case[] = casesFor("upsert", [
  {
    id: "U10",
    name: "four concurrent writers of the same items, in any order, leave the highest version of each",
    run: (harness) => race(harness, (put) => [put(), put(), put(), put(), put()]),
  },
  {
    id: "U11",
    name: "removals concurrent with stale upserts leave no item behind",
    run: (harness) => race(harness, (put, remove) => [put(), put(), remove(), put(), remove()]),
  },
  {
    id: "U12",
    name: "random histories with crashes, redeliveries, redrives and late writers converge",
    run: async (harness) => {
      const all: SpecimenChange[] = [];
      for (let seed = harness.seed; seed < harness.seed + histories; seed += 1) {
        const history = randomHistory(seed, { prefix: `history-${seed}` });
        await withSeed(seed, async () => {
          await playHistory(history, (records) => invoke(harness, records));
          all.push(...history.records.map((record) => decodeRecord<SpecimenItem>(record)));
          await harness.expectHeld(all);
        });
      }
    },
  },
]);
