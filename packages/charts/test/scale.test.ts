import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { plotOf } from "../src/scale.ts";
import { anyChart, chartOf } from "./charts.ts";

const frame = { left: 10, right: 110, top: 20, bottom: 70 };

describe("the place of a chart in its frame", () => {
  test("has every point and every mark within the frame", () => {
    fc.assert(
      fc.property(anyChart, (chart) => {
        const { lines, marks, x, y } = plotOf(chart, frame);
        const across = [...lines.flat().map(([at]) => at), ...marks.map(({ at }) => at), ...x.ticks.map(x.at)];
        const down = [...lines.flat().map(([, at]) => at), ...y.ticks.map(y.at)];
        for (const at of across) expect(at >= 9.99 && at <= 110.01).toBe(true);
        for (const at of down) expect(at >= 19.99 && at <= 70.01).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("keeps the lines and their points in their order, without those that the axis cannot show", () => {
    fc.assert(
      fc.property(anyChart, (chart) => {
        const isShown = (scale: "linear" | "log", value: number) =>
          value >= (scale === "log" ? 1e-9 : 0) && value <= 1e15;
        const expected = chart.series.map(
          ({ points }) => points.filter(([x, y]) => isShown(chart.x.scale, x) && isShown(chart.y.scale, y)).length,
        );
        expect(plotOf(chart, frame).lines.map(({ length }) => length)).toEqual(expected);
      }),
    );
  });

  test("has a greater value further to the right, and higher", () => {
    fc.assert(
      fc.property(anyChart, (chart) => {
        const { x, y } = plotOf(chart, frame);
        const values = chart.series
          .flatMap(({ points }) => points.flat())
          .filter((value) => value > 1e-9 && value < 1e15);
        const sorted = values.sort((one, other) => one - other);
        sorted.slice(1).forEach((value, index) => {
          expect(x.at(value)).toBeGreaterThanOrEqual(x.at(sorted[index] as number));
          expect(y.at(value)).toBeLessThanOrEqual(y.at(sorted[index] as number));
        });
      }),
    );
  });

  test.each([
    ["no line", chartOf(), []],
    ["a line without points", chartOf([]), [[]]],
    ["one point at 0", chartOf([[0, 0]]), [[[10, 70]]]],
    ["one point", chartOf([[5, 5]]), [[[110, 20]]]],
    [
      "equal values",
      chartOf(
        [
          [0, 2],
          [4, 2],
        ],
        [
          [0, 2],
          [4, 2],
        ],
      ),
      [
        [
          [10, 20],
          [110, 20],
        ],
        [
          [10, 20],
          [110, 20],
        ],
      ],
    ],
  ])("is right for %s", (_, chart, expected) => {
    expect(plotOf(chart, frame).lines).toEqual(expected);
  });

  test.each([
    [7, [0, 1, 2, 3, 4, 5, 6, 7]],
    [7.1, [0, 2, 4, 6, 8]],
    [0.03, [0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03]],
    [20_000, [0, 5_000, 10_000, 15_000, 20_000]],
    [0, [0, 1]],
  ])("has round numbers as ticks of 0 to %d", (high, expected) => {
    expect(plotOf(chartOf([[1, high]]), frame).y.ticks).toEqual(expected);
  });

  test("has powers of ten and their triples as ticks of a logarithmic axis", () => {
    const log = { label: "", scale: "log" as const };
    const chart = {
      ...chartOf([
        [2, 0.02],
        [700, 0.03],
      ]),
      x: log,
      y: log,
    };
    const { x, y } = plotOf(chart, frame);
    expect(x.ticks).toEqual([1, 3, 10, 30, 100, 300, 1_000]);
    expect(y.ticks).toEqual([0.01, 0.03]);
  });
});
