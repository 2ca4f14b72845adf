// Measures how fast a run is, over the last half minute.

import type { WorkCounts } from "@sluice/backfill";
import { durationText, withSeparators } from "../terminal/format.ts";
import type { ProgressStep } from "../terminal/progress.ts";

/** How fast a run is. */
export interface Speed {
  readonly itemsPerSecond: number;
  readonly readUnitsPerSecond: number;
  /** Undefined if the speed or the total is unknown. */
  readonly leftMs: number | undefined;
}

/** Measures a run. */
export interface Meter {
  readonly add: (counts: WorkCounts) => void;
  readonly counts: () => WorkCounts;
  readonly speed: () => Speed;
}

const windowMs = 30_000;

/** Creates a meter. `total` is the number of items of the whole run, about. */
export const meter = (before: WorkCounts, total: number, now: () => number): Meter => {
  const samples = [{ at: now(), counts: before }];
  const latest = (): WorkCounts => samples.at(-1)?.counts ?? before;
  return {
    add: (counts) => {
      samples.push({ at: now(), counts });
      // The first sample of the window stays, so that the speed has a start.
      while (samples.length > 2 && now() - (samples[1]?.at ?? 0) > windowMs) samples.shift();
    },
    counts: latest,
    speed: () => {
      const [first] = samples;
      const seconds = Math.max(0.001, (now() - (first?.at ?? 0)) / 1_000);
      const counts = latest();
      const itemsPerSecond = (counts.records - (first?.counts.records ?? 0)) / seconds;
      const readUnitsPerSecond = (counts.readUnits - (first?.counts.readUnits ?? 0)) / seconds;
      const left = total - counts.records;
      const leftMs = itemsPerSecond > 0 && left > 0 ? (left / itemsPerSecond) * 1_000 : undefined;
      return { itemsPerSecond, readUnitsPerSecond, leftMs };
    },
  };
};

/** What the progress shows beside the meter. */
export interface Shown {
  readonly total: number;
  /** Undefined if no lag is watched. */
  readonly lag: { readonly ms: number | undefined; readonly isWaiting: boolean } | undefined;
}

const lagText = ({ lag }: Shown): string[] => {
  if (lag === undefined) return [];
  const text = lag.ms === undefined ? "lag unknown" : `lag ${durationText(lag.ms)}`;
  return [lag.isWaiting ? `${text}: waiting` : text];
};

/** Returns the progress of a run: `1,234 items/s, 480 RCU/s, 3 superseded, 1 rejected, lag 2 s, about 3 min left`. */
export const runStep = (run: Meter, shown: Shown): ProgressStep => {
  const { superseded, rejected, retried, records } = run.counts();
  const { itemsPerSecond, readUnitsPerSecond, leftMs } = run.speed();
  const notes = [
    ...(itemsPerSecond > 0 ? [`${withSeparators(itemsPerSecond)} items/s`] : []),
    ...(readUnitsPerSecond > 0 ? [`${withSeparators(readUnitsPerSecond)} RCU/s`] : []),
    ...(superseded > 0 ? [`${withSeparators(superseded)} superseded`] : []),
    ...(rejected > 0 ? [`${withSeparators(rejected)} rejected`] : []),
    ...(retried > 0 ? [`${withSeparators(retried)} failed`] : []),
    ...lagText(shown),
    ...(leftMs === undefined ? [] : [`about ${durationText(leftMs)} left`]),
  ];
  return { doing: "copying", done: records, total: shown.total, isAbout: true, note: notes.join(", ") };
};
