// The changes of the suite growth for targets that hold many items, and the comparison of two sizes of a target.

import { type PlainItem, type StreamEvent, streamEvent, streamRecord } from "@sluice/testing";
import { filmsUpTo, keyAttribute, voted } from "../films.ts";
import { table } from "../markdown.ts";
import { compete } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Figures, Goal, SuiteReport } from "../suite.ts";

const mixes = ["insert", "update"] as const;

/** `insert` adds items between the existing items; `update` changes existing items. The keys are random. */
export type GrowthMix = (typeof mixes)[number];

/** The numbers of items, and the size of the measurement. */
export interface GrowthPlan {
  readonly few: number;
  readonly many: number;
  readonly rounds: number;
  /** Number of changes of a round. */
  readonly batch: number;
}

/** A batch of changes. */
export interface GrowthBatch {
  readonly films: readonly PlainItem[];
  readonly event: StreamEvent;
}

/** A target that holds a number of items, whose keys are the even numbers from 2. */
export interface GrowthEntrant {
  readonly name: string;
  readonly items: number;
  /** Removes what the last round inserted. Not timed. */
  readonly clean: (inserted: readonly number[]) => Promise<void>;
  /** With which contender the growth is compared. Default: `raw`. */
  readonly peer?: string;
  /** Writes the items of the next updates, so that they are the last items that this entrant wrote. Not timed. */
  readonly writeBefore?: (batch: GrowthBatch) => Promise<void>;
  /** Prepares a batch, and returns the work to time. */
  readonly prepare: (batch: GrowthBatch) => () => Promise<void>;
}

/** The key of the item with this number, from 0. */
export const keyAt = (number: number): number => 2 * (number + 1);

/** Returns an event with the films. Events with a higher position are newer. */
export const eventOf = (films: readonly PlainItem[], position: number, isUpdate: boolean): StreamEvent =>
  streamEvent(
    films.map((after, index) =>
      streamRecord({
        before: isUpdate ? after : undefined,
        after: isUpdate ? voted(after) : after,
        position: position + index,
        keyNames: [keyAttribute],
        tableName: "Films",
      }),
    ),
  );

const randomKeys = (mix: GrowthMix, items: number, count: number): number[] => {
  const keys = new Set<number>();
  while (keys.size < count) keys.add(keyAt(Math.floor(Math.random() * items)) - (mix === "insert" ? 1 : 0));
  return [...keys];
};

/** Creates batches. A mix and a number of items give random keys; the films of another batch give a newer batch of them. */
interface Batches {
  readonly random: (mix: GrowthMix, items: number, count: number) => GrowthBatch;
  readonly again: (films: readonly PlainItem[]) => GrowthBatch;
}

const batches = async (): Promise<Batches> => {
  const films = await filmsUpTo(3_000);
  // The items that a target holds have lower positions.
  let position = 10_000_000;
  const batchOf = (mix: GrowthMix, changed: readonly PlainItem[]): GrowthBatch => {
    position += changed.length;
    const event = JSON.parse(JSON.stringify(eventOf(changed, position, mix === "update"))) as StreamEvent;
    return { films: mix === "update" ? changed.map(voted) : changed, event };
  };
  return {
    random: (mix, items, count) =>
      batchOf(
        mix,
        randomKeys(mix, items, count).map((key) => ({ ...films[key % films.length], [keyAttribute]: key })),
      ),
    again: (changed) => batchOf("update", changed),
  };
};

const flat: Goal = { atMost: 1.1 };

const sizeOf = (entrant: GrowthEntrant): string => `${entrant.name}/${entrant.items}`;

/**
 * Compares the entrants of each name at both sizes. The growth of a raw entrant is that of the target's index; the goal is for
 * what Sluice adds to it.
 */
export const compareSizes = async (
  target: string,
  entrants: readonly GrowthEntrant[],
  { few, many, rounds, batch }: GrowthPlan,
): Promise<SuiteReport> => {
  const next = await batches();
  const contenders = entrants.map((entrant) => {
    let inserted: readonly number[] = [];
    let prepared: GrowthBatch;
    return {
      name: sizeOf(entrant),
      reset: async () => entrant.clean(inserted),
      begin: async (mix: GrowthMix) => {
        prepared = next.random(mix, entrant.items, batch);
        if (mix === "insert" || entrant.writeBefore === undefined) return;
        await entrant.writeBefore(prepared);
        prepared = next.again(prepared.films);
      },
      prepare: (mix: GrowthMix) => {
        if (mix === "insert") inserted = prepared.films.map((film) => Number(film[keyAttribute]));
        return entrant.prepare(prepared);
      },
    };
  });
  const times = await compete(contenders, { mixes, batches: 1, rounds, warmups: 2 });
  const peers = new Map(entrants.map(({ name, peer = "raw" }) => [name, peer]));
  const growthOf = (name: string, mix: GrowthMix): number =>
    times.median(`${name}/${many}`, mix) / times.median(`${name}/${few}`, mix);
  const figures: Record<string, number> = {};
  const goals: Record<string, Goal> = {};
  for (const [name, peer] of peers) {
    for (const mix of mixes) {
      const figure = `growth/${target}/${name}/${mix}/1m-vs-10k`;
      figures[figure] = rounded(growthOf(name, mix));
      if (name === peer) continue;
      figures[`${figure}/vs-raw`] = rounded(growthOf(name, mix) / growthOf(peer, mix));
      goals[`${figure}/vs-raw`] = flat;
    }
  }
  const rows = contenders.map(({ name }) => [
    name,
    ...mixes.flatMap((mix) => [rounded((1_000 * times.median(name, mix)) / batch), spread(times.of(name, mix))]),
  ]);
  const head = [`${target}, items`, ...mixes.flatMap((mix) => [`${mix}, µs a change`, "rounds"])];
  return {
    figures: figures as Figures,
    goals,
    lines: [`${rounds} rounds of ${batch} changes`, "", ...table(head, rows), ""],
  };
};
