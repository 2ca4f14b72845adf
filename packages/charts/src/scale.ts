// Maps the values of an axis to places, and chooses round numbers for its ticks.

import type { Axis, LineChart, Point } from "./chart.ts";

/** A linear axis whose highest value is smaller shows 0 to 1. A logarithmic axis shows no smaller value. */
const smallest = 1e-9;
const largest = 1e15;

/** Powers of ten with their triples, from the one at or below `low` to the one at or above `high`. */
const logTicks = (low: number, high: number): number[] => {
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, index) => 10 ** (first + index));
  const all = decades.flatMap((decade) => [decade, 3 * decade]);
  const from = all.findLastIndex((tick) => tick <= low);
  const to = all.findIndex((tick) => tick >= high);
  return all.slice(Math.max(0, from), to < 0 ? undefined : to + 1);
};

/** Round numbers from 0 to the one at or above `high`: at most eight. */
const linearTicks = (high: number): number[] => {
  if (high < smallest) return [0, 1];
  const magnitude = 10 ** Math.floor(Math.log10(high));
  const step = [0.1, 0.2, 0.5, 1, 2].map((factor) => factor * magnitude).find((size) => high / size <= 7) ?? high;
  return Array.from({ length: Math.ceil(high / step - 1e-9) + 1 }, (_, index) => Number((index * step).toPrecision(3)));
};

/** The ticks of an axis, and the place of each value. */
export interface Scale {
  readonly ticks: readonly number[];
  readonly at: (value: number) => number;
}

/** Returns whether an axis can show a value. */
const isShown = ({ scale }: Axis, value: number): boolean =>
  value >= (scale === "log" ? smallest : 0) && value <= largest;

/** Returns the points of each line that the axes can show. */
export const shownPoints = ({ x, y, series }: LineChart): readonly (readonly Point[])[] =>
  series.map(({ points }) => points.filter(([one, other]) => isShown(x, one) && isShown(y, other)));

/** Maps the values to the places from `start` to `end`. Without values the axis shows 1 to 10. */
export const scaleOf = ({ scale }: Axis, values: readonly number[], start: number, end: number): Scale => {
  const shown = values.length > 0 ? values : [1, 10];
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const ticks = scale === "log" ? logTicks(low, high) : linearTicks(high);
  const measure = scale === "log" ? Math.log10 : (value: number): number => value;
  const [from, to] = [measure(ticks[0] ?? 0), measure(ticks.at(-1) ?? 1)];
  return { ticks, at: (value) => start + ((measure(value) - from) / (to - from || 1)) * (end - start) };
};

/** The places of the corners of a plot. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A chart's axes, and its marks and points at their places in the frame. */
export interface Plot {
  readonly x: Scale;
  readonly y: Scale;
  readonly lines: readonly (readonly Point[])[];
  readonly marks: readonly { readonly at: number; readonly label: string }[];
}

/** Places a chart in a frame. */
export const plotOf = (chart: LineChart, { left, right, top, bottom }: Frame): Plot => {
  const shown = shownPoints(chart);
  const marks = (chart.marks ?? []).filter(({ at }) => isShown(chart.x, at));
  const xs = [...shown.flat().map(([value]) => value), ...marks.map(({ at }) => at)];
  const x = scaleOf(chart.x, xs, left, right);
  const y = scaleOf(
    chart.y,
    shown.flat().map(([, value]) => value),
    bottom,
    top,
  );
  return {
    x,
    y,
    lines: shown.map((points) => points.map(([one, other]) => [x.at(one), y.at(other)] as const)),
    marks: marks.map(({ at, label }) => ({ at: x.at(at), label })),
  };
};
