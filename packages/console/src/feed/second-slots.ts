// Counters for each second of the last 15 minutes, in places that are used again and again.

import type { RouteSeries } from "../api/overview.ts";

/** Number of complete seconds that are remembered. */
const kept = 15 * 60;
/** The second that has begun has a place of its own. */
const places = kept + 1;
/** Over this many seconds, the rate is an average. */
const rateSeconds = 10;

/** Counters for each second. Seconds never go back. */
export interface SecondSlots {
  readonly settle: (second: number) => void;
  readonly fail: (second: number) => void;
  readonly lag: (second: number, lagMs: number) => void;
  /** The complete seconds before this one. */
  readonly series: (second: number) => RouteSeries;
  /** The average of the last 10 complete seconds, or of all since the begin if these are fewer. */
  readonly perSecond: (second: number) => number;
}

const increase = (counters: Uint32Array, place: number): void => {
  counters[place] = (counters[place] ?? 0) + 1;
};

/** Creates the counters. */
export const secondSlots = (began: number): SecondSlots => {
  const settled = new Uint32Array(places);
  const failed = new Uint32Array(places);
  /** Below 0: no report. */
  const lags = new Float64Array(places).fill(-1);
  let current = began;

  /** Empties the places of the seconds that have begun since the last call. Returns the place of this second. */
  const placeOf = (second: number): number => {
    for (let empty = Math.max(current + 1, second - kept); empty <= second; empty += 1) {
      settled[empty % places] = 0;
      failed[empty % places] = 0;
      lags[empty % places] = -1;
    }
    current = second;
    return second % places;
  };
  const inOrder = <Value>(counters: ArrayLike<number>, read: (counter: number) => Value): Value[] =>
    Array.from({ length: kept }, (_, index) => read(counters[(current + 1 + index) % places] ?? 0));

  return {
    settle: (second) => increase(settled, placeOf(second)),
    fail: (second) => increase(failed, placeOf(second)),
    lag: (second, lagMs) => {
      const place = placeOf(second);
      lags[place] = Math.max(lags[place] ?? 0, lagMs, 0);
    },
    series: (second) => {
      placeOf(second);
      return {
        from: (second - kept) * 1_000,
        stepMs: 1_000,
        settled: inOrder(settled, Number),
        failed: inOrder(failed, Number),
        lagMs: inOrder(lags, (lag) => (lag < 0 ? null : lag)),
      };
    },
    perSecond: (second) => {
      placeOf(second);
      const seconds = Math.min(rateSeconds, second - began);
      const recent = Array.from({ length: seconds }, (_, index) => (second - seconds + index) % places);
      const sum = recent.reduce((all, place) => all + (settled[place] ?? 0) + (failed[place] ?? 0), 0);
      return seconds === 0 ? 0 : sum / seconds;
    },
  };
};
