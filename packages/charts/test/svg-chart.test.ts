import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { svgChart } from "../src/svg-chart.ts";
import { anyChart, chartOf } from "./charts.ts";

/** Returns the tags that are opened and not closed, or closed and not opened. */
const unbalancedTags = (svg: string): string[] => {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name = "", rest = ""] of svg.matchAll(/<(\/?)([a-z]+)([^<>]*)>/g)) {
    if (slash === "/") {
      if (open.pop() !== name) wrong.push(name);
    } else if (!rest.endsWith("/")) open.push(name);
  }
  return [...wrong, ...open];
};

const labelsOf = (svg: string): string[] =>
  [...svg.matchAll(/class="label"[^>]*>([^<]*)</g)].map(([, label = ""]) => label);

const labelPlacesOf = (svg: string): number[] =>
  [...svg.matchAll(/class="label" x="[\d.]+" y="([\d.]+)"/g)].map(([, place]) => Number(place));

const dotsOf = (svg: string): [number, number][] =>
  [...svg.matchAll(/<circle class="dot" cx="([^"]*)" cy="([^"]*)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

describe("a chart as SVG", () => {
  test("has balanced tags, finite numbers, the labels in their order, and every point in the frame", () => {
    fc.assert(
      fc.property(anyChart, (chart) => {
        const svg = svgChart(chart);
        expect(unbalancedTags(svg)).toEqual([]);
        expect(svg).not.toMatch(/NaN|Infinity|undefined/);
        expect(labelsOf(svg)).toEqual(chart.series.map(({ label }) => label));
        for (const [x, y] of dotsOf(svg)) expect(x >= 76 && x <= 580 && y >= 48 && y <= 344).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("escapes texts, and names the axes and the marks", () => {
    const svg = svgChart({ ...chartOf([[1, 1]]), marks: [{ at: 0.5, label: "killed & gone" }] });
    expect(svg).toContain("a &lt; b &amp; c");
    expect(svg).toContain(">size<");
    expect(svg).toContain(">time, ms<");
    expect(svg).toContain(">killed &amp; gone<");
    expect(svg).toMatch(/<line class="mark" x1="328.0" x2="328.0"/);
  });

  test("draws lines without points", () => {
    const empty = svgChart(chartOf([]));
    expect(labelsOf(empty)).toEqual(["line 0"]);
    expect(empty).toContain(">10</text>");
  });

  test("has colours for light and for dark pages, and a dashed line when the colours begin again", () => {
    const svg = svgChart(chartOf(...Array.from({ length: 7 }, () => [[1, 1] as const])));
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain('class="back"');
    expect(svg.match(/class="line" stroke-dasharray/g)).toHaveLength(1);
    expect(svg).not.toContain('class="c6"');
  });

  test.each([[[100, 100, 100, 100]], [[1, 2, 3, 4]], [[0, 100, 99, 0]]])(
    "keeps the labels of ends %j apart",
    (ends) => {
      const lines = ends.map(
        (end) =>
          [
            [1, 50],
            [10, Number.NaN],
            [1_000, end],
          ] as const,
      );
      const places = labelPlacesOf(svgChart(chartOf(...lines))).sort((one, other) => one - other);
      const distances = places.slice(1).map((place, index) => place - (places[index] ?? 0));
      expect(places).toHaveLength(ends.length);
      expect(Math.min(...distances)).toBeGreaterThan(13);
      expect(Math.min(...places)).toBeGreaterThan(40);
      expect(Math.max(...places)).toBeLessThan(370);
    },
  );
});
