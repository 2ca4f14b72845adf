// Compares docs/costs.md with what the metrics cost.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { costTable, failingDollars, failingLine, metricCosts, prices, usualLine } from "../src/metric-costs.ts";

const page = readFileSync(new URL("../../docs/costs.md", import.meta.url), "utf8");
const [, section = ""] = /^## Metrics\n([\s\S]*?)^## /m.exec(page) ?? [];
const prose = section.replaceAll(/\s+/g, " ");

/** Returns the cells of the rows of Markdown tables. */
const cellsOf = (lines: readonly string[]): string[][] =>
  lines
    .filter((line) => line.startsWith("|") && !/^\|[-:|]+\|$/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));

describe("docs/costs.md", () => {
  test("has the table of the metrics' costs", () => {
    const documented = cellsOf(section.split("\n"));
    const computed = cellsOf(costTable());
    expect(documented.filter(([, first]) => /^(routes|\d+)$/.test(first ?? ""))).toEqual(computed);
  });

  test("has the bytes and the metrics of a line", () => {
    expect(prose).toContain(`${usualLine.bytes} bytes`);
    expect(prose).toContain(`${failingLine.bytes} bytes`);
    const names = usualLine.metrics.map((name) => `\`${name}\``);
    expect(prose).toContain(`${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
    const further = failingLine.metrics
      .filter((name) => !usualLine.metrics.includes(name))
      .map((name) => `\`${name}\``);
    expect(prose).toContain(`${further.slice(0, -1).join(", ")} and ${further.at(-1)}`);
    expect(prose).toContain(`$${failingDollars(10).toFixed(2)}`);
  });

  test("has the formula with its numbers", () => {
    expect(prose).toContain(`$${prices.metric.toFixed(2)} × ${usualLine.metrics.length} × (routes + 1)`);
    expect(prose).toContain(`${usualLine.bytes} bytes × routes × invocations`);
    const [one, two] = [1, 2].map((routes) => metricCosts({ routes, invocationsPerSecond: 1 }).alarmMetrics);
    const each = Number(two) - Number(one);
    expect(prose).toContain(`$${prices.alarmMetric.toFixed(2)} × (${Number(one) - each} + ${each} × routes)`);
  });

  test("has the prices from which they are computed", () => {
    const row = (start: string): string | undefined =>
      cellsOf(page.split("\n")).find(([, first = ""]) => first.startsWith(start))?.[2];
    expect(row("CloudWatch Logs, a GB")).toBe(`$${prices.gigabyte.toFixed(2)}`);
    expect(row("CloudWatch, a custom metric")).toBe(`$${prices.metric.toFixed(2)}`);
    expect(row("CloudWatch, an alarm")).toBe(`$${prices.alarmMetric.toFixed(2)}`);
    expect(row("CloudWatch, a dashboard")).toBe(`$${prices.dashboard.toFixed(2)}`);
  });
});

describe("the costs of metrics", () => {
  test("grow with the lines, and not with the invocations of metrics and alarms", () => {
    const few = metricCosts({ routes: 3, invocationsPerSecond: 1 });
    const many = metricCosts({ routes: 3, invocationsPerSecond: 10 });
    expect(many.gigabytes).toBeCloseTo(10 * few.gigabytes);
    expect({ ...many.dollars, lines: 0, all: 0 }).toEqual({ ...few.dollars, lines: 0, all: 0 });
    expect(few.dollars.all - few.dollars.withFilters).toBeCloseTo(few.dollars.lines);
  });

  test("count each metric of a line for each route, and for the function", () => {
    expect(metricCosts({ routes: 3, invocationsPerSecond: 1 }).metrics).toBe(16);
  });

  test("are computed from lines that are metrics of emfMetrics", () => {
    expect(usualLine.metrics).toContain("Lag");
    expect(failingLine.metrics).toContain("PendingAge");
    expect(failingLine.bytes).toBeGreaterThan(usualLine.bytes);
  });
});
