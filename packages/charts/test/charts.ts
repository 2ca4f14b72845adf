// Random charts for properties, with values that an axis cannot show among the points.

import fc from "fast-check";
import type { LineChart } from "../src/chart.ts";

const scale = fc.constantFrom("linear" as const, "log" as const);
const value = fc.oneof(
  { weight: 5, arbitrary: fc.double({ min: 0, max: 20_000, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 1_000) },
  { weight: 1, arbitrary: fc.double() },
);
const points = fc.array(fc.tuple(value, value), { maxLength: 12 });

/** Charts of 0 to 8 lines. The labels are letters. */
export const anyChart: fc.Arbitrary<LineChart> = fc.record({
  title: fc.constant("title"),
  x: fc.record({ label: fc.constant("across"), scale }),
  y: fc.record({ label: fc.constant("up"), scale }),
  series: fc.array(fc.record({ label: fc.stringMatching(/^[a-z]{1,9}$/), points }), { maxLength: 8 }),
  marks: fc.array(fc.record({ at: value, label: fc.constant("mark") }), { maxLength: 3 }),
});

/** A chart with linear axes. */
export const chartOf = (...lines: readonly LineChart["series"][number]["points"][]): LineChart => ({
  title: "a < b & c",
  x: { label: "size", scale: "linear" },
  y: { label: "time, ms", scale: "linear" },
  series: lines.map((points, index) => ({ label: `line ${index}`, points })),
});
