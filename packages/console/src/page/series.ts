// Numbers over time, for drawings. No DOM.

import type { RouteSeries } from "../api/overview.ts";

/** A number, or null where nothing was reported. */
export type Point = number | null;

/** Size of a drawing in pixels. */
export interface DrawingSize {
  readonly width: number;
  readonly height: number;
}

/** The highest value; 0 without a value. */
export const highest = (values: readonly Point[]): number =>
  values.reduce<number>((max, value) => (value !== null && value > max ? value : max), 0);

/** The line of a series; gaps where a value is null. Empty without a value. */
export const linePath = (values: readonly Point[], { width, height }: DrawingSize): string => {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const top = Math.max(highest(values), Number.MIN_VALUE);
  let isDrawing = false;
  let path = "";
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isDrawing = false;
      continue;
    }
    const y = height - (Math.max(0, value) / top) * height;
    path += `${isDrawing ? "L" : "M"}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    // A value between two gaps would have no length.
    if (!isDrawing && (values[index + 1] ?? null) === null) path += "h1";
    isDrawing = true;
  }
  return path;
};

/** Fewer points: of each group of neighbours the highest value, so that no peak is lost. */
export const thinned = (values: readonly Point[], count: number): readonly Point[] => {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, index) => {
    const group = values.slice(
      Math.floor((index * values.length) / count),
      Math.floor(((index + 1) * values.length) / count),
    );
    return group.every((value) => value === null) ? null : highest(group);
  });
};

/** Deliveries a second of each step. */
export const ratesOf = ({ settled, failed, stepMs }: RouteSeries): readonly number[] =>
  settled.map((count, index) => ((count + (failed[index] ?? 0)) * 1000) / stepMs);

/** Several series on one axis of time. */
export interface AlignedSeries {
  /** In milliseconds since the epoch, one for each step. */
  readonly times: readonly number[];
  readonly values: readonly (readonly Point[])[];
}

/** Puts series that begin at different times on one axis. The first one's step is that of all. */
export const aligned = (
  series: readonly { readonly from: number; readonly stepMs: number; readonly values: readonly Point[] }[],
): AlignedSeries => {
  const [first] = series;
  if (first === undefined) return { times: [], values: [] };
  const { stepMs } = first;
  const from = Math.min(...series.map((one) => one.from));
  const offsets = series.map((one) => Math.round((one.from - from) / stepMs));
  const length = Math.max(...series.map((one, index) => one.values.length + (offsets[index] ?? 0)));
  return {
    times: Array.from({ length }, (_, index) => from + index * stepMs),
    values: series.map((one, index) =>
      Array.from({ length }, (__, place) => one.values[place - (offsets[index] ?? 0)] ?? null),
    ),
  };
};
