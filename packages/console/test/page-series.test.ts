import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { RouteNow } from "../src/index.ts";
import { sortRoutes } from "../src/page/route-sort.ts";
import { aligned, highest, linePath, ratesOf, thinned } from "../src/page/series.ts";
import { virtualRange } from "../src/page/virtual-range.ts";

const size = { width: 100, height: 20 };
const points = fc.array(fc.option(fc.integer({ min: 0, max: 1000 })), { maxLength: 200 });

describe("series", () => {
  test("a line goes through each value, from the floor to the ceiling, and has gaps where nothing was reported", () => {
    expect(linePath([0, 5, 10], size)).toBe("M0.0 20.0L50.0 10.0L100.0 0.0");
    expect(linePath([10, 10, null, 10, 10], size).match(/M/gu)).toHaveLength(2);
    expect(linePath([null, 10, null], size)).toBe("M50.0 0.0h2");
    expect(linePath([], size)).toBe("");
    expect(linePath([null], size)).toBe("");
    expect(linePath([0, 0], size)).toBe("M0.0 20.0L100.0 20.0");
  });

  test("thinned series keep their highest value, and are as short as wanted", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 1, max: 50 }), (values, count) => {
        const fewer = thinned(values, count);
        expect(fewer.length).toBe(Math.min(values.length, count));
        expect(highest(fewer)).toBe(highest(values));
      }),
    );
  });

  test("rates are all deliveries of a step, a second", () => {
    expect(ratesOf({ from: 0, stepMs: 5_000, settled: [10, 0], failed: [5, 1], lagMs: [null, null] })).toEqual([
      3, 0.2,
    ]);
  });

  test("series that begin at different times are put on one axis of time", () => {
    const { times, values } = aligned([
      { from: 2_000, stepMs: 1_000, values: [1, 2] },
      { from: 1_000, stepMs: 1_000, values: [3] },
    ]);
    expect(times).toEqual([1_000, 2_000, 3_000]);
    expect(values).toEqual([
      [null, 1, 2],
      [3, null, null],
    ]);
    expect(aligned([])).toEqual({ times: [], values: [] });
  });
});

describe("a long list", () => {
  test("has all rows that are seen in the page, and few others", () => {
    const views = fc.record({
      scrollTop: fc.integer({ min: 0, max: 400_000 }),
      height: fc.integer({ min: 0, max: 2000 }),
      rowHeight: fc.integer({ min: 20, max: 100 }),
    });
    fc.assert(
      fc.property(views, fc.integer({ min: 0, max: 10_000 }), (view, count) => {
        const { first, last } = virtualRange(view, count);
        expect(0 <= first && first <= last && last <= count).toBe(true);
        expect(last - first).toBeLessThanOrEqual(view.height / view.rowHeight + 18);
        for (let place = 0; place < count; place += 97) {
          const top = place * view.rowHeight;
          const isSeen = top + view.rowHeight > view.scrollTop && top < view.scrollTop + view.height;
          if (isSeen) expect(first <= place && place < last).toBe(true);
        }
      }),
    );
  });
});

describe("the table of the routes", () => {
  const route = (name: string, lagMs: number | undefined): RouteNow => ({
    pipeline: "orders",
    route: name,
    lagMs,
    lagP95Ms: undefined,
    pending: undefined,
    pendingAgeMs: undefined,
    counts: { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 },
    perSecond: 0,
    series: { from: 0, stepMs: 1, settled: [], failed: [], lagMs: [] },
  });
  const routes = [route("a", 5), route("b", undefined), route("c", 90), route("d", 0)];
  const names = (sorted: readonly RouteNow[]) => sorted.map(({ route: name }) => name).join("");

  test("is sorted by lag in both directions, with routes without a lag at the end", () => {
    expect(names(sortRoutes(routes, { column: "lag", isAscending: false }))).toBe("cadb");
    expect(names(sortRoutes(routes, { column: "lag", isAscending: true }))).toBe("dacb");
    expect(sortRoutes(routes, { column: undefined, isAscending: false })).toBe(routes);
  });
});
