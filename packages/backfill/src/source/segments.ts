// The segments of a table that workers read: how many, and in which order.

import { hash } from "node:crypto";
import type { Unit } from "./source.ts";

const bytesPerSegment = 256 * 1024 * 1024;
const segmentsPerWorker = 4;
const maxSegments = 10_000;

/**
 * Returns how many segments a table should have: many small ones, so that the last worker does not work long alone. The
 * number belongs to a run, because cursors belong to segments.
 */
export const segmentCount = (tableBytes: number, workers: number): number =>
  Math.min(maxSegments, Math.max(segmentsPerWorker * workers, Math.ceil(tableBytes / bytesPerSegment)));

/** Random numbers below 1 from a seed. @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const shuffled = <Entry>(entries: readonly Entry[], random: () => number): readonly Entry[] => {
  const order = [...entries];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as Entry, order[last] as Entry];
  }
  return order;
};

/**
 * Returns the segments of a run in random order, which is the same in each call with the same run. Neighbouring segments
 * may lie in one partition of the table, whose throughput is limited.
 */
export const segmentUnits = (run: string, segments: number): readonly Unit[] => {
  const seed = Number.parseInt(hash("sha256", run).slice(0, 8), 16);
  const units = Array.from({ length: segments }, (_, segment): Unit => ({ kind: "segment", segment, segments }));
  return shuffled(units, mulberry32(seed));
};
