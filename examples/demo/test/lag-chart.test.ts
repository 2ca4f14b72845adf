import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { highestLags, lagChart } from "../src/outage/lag-chart.ts";
import { collectMetricLines } from "../src/outage/metric-lines.ts";
import { problemOfFile, showMetrics } from "../src/outage/show-metrics.ts";

const startedAt = 1_790_000_000_000;
const times = { startedAt, killedAt: startedAt + 5_000, restartedAt: startedAt + 9_000 };
const routes = ["postgres", "sqs"];

const counts = { received: 1, delivered: 1, superseded: 0, filtered: 0, rejected: 0, retried: 0, queued: 0 };

/** Returns the lines of invocations that end after these seconds, each with the lag of both routes in seconds. */
const linesOf = (...invocations: readonly (readonly [second: number, postgres: number | undefined, sqs: number])[]) => {
  const { observer, lines } = collectMetricLines();
  for (const [second, postgres, sqs] of invocations) {
    observer.onInvocation?.({
      pipeline: "films",
      origin: "stream",
      records: 1,
      reported: 0,
      queued: 0,
      endedAt: startedAt + second * 1_000,
      durationMs: 1,
      failures: {},
      routes: {
        postgres: { ...counts, durationMs: 1, ...(postgres !== undefined && { lagMs: postgres * 1_000 }) },
        sqs: { ...counts, durationMs: 1, lagMs: sqs * 1_000 },
      },
    });
  }
  return lines;
};

describe("the chart of the lag", () => {
  test("has the highest lag of each second, at its time, in the order of time", () => {
    const lines = linesOf([1.2, 3, 1], [1.1, 2, 1], [0.5, 1, 2], [1.9, 1, 4]);
    const { series } = lagChart(lines, routes, times);
    expect(series).toEqual([
      {
        label: "postgres",
        points: [
          [0.5, 1],
          [1.2, 3],
        ],
      },
      {
        label: "sqs",
        points: [
          [0.5, 2],
          [1.9, 4],
        ],
      },
    ]);
  });

  test("leaves out what was before the first write, and invocations without a lag", () => {
    const { series, marks } = lagChart(linesOf([-3, 9, 9], [1, undefined, 1]), routes, times);
    expect(series.map(({ points }) => points)).toEqual([[], [[1, 1]]]);
    expect(marks?.map(({ at }) => at)).toEqual([5, 9]);
  });

  test("names the highest lags", () => {
    expect(highestLags(lagChart(linesOf([1, 2, 1], [5, 7.25, 1]), routes, times))).toBe("7.3 s postgres, 1.0 s sqs");
    expect(highestLags(lagChart([], routes, times))).toBe("0.0 s postgres, 0.0 s sqs");
  });
});

describe("the metrics of an outage", () => {
  const terminal = { width: 80, hasColours: false, hasBraille: false };

  test("are shown in the terminal, and written to the file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-chart-test-"));
    try {
      const metricLines = linesOf([1, 1, 1], [9, 8, 1], [15, 1, 1]);
      const lines = await showMetrics({ ...times, routes, metricLines }, terminal, join(folder, "lag.svg"));
      expect(lines.join("\n")).toMatch(/8 \+ .*p.*\n/);
      expect(lines).toContain("    p postgres   s sqs".slice(1));
      expect(lines.join("\n")).toContain(`As an image:  ${join(folder, "lag.svg")}`);
      expect(await readFile(join(folder, "lag.svg"), "utf8")).toContain(">postgres</text>");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("are written to a temporary file without --svg, even without any line", async () => {
    const lines = await showMetrics({ ...times, routes, metricLines: [] }, terminal, undefined);
    const [, path = ""] = /As an image: {2}(.*\.svg)/.exec(lines.join("\n")) ?? [];
    expect(await readFile(path, "utf8")).toMatch(/^<svg /);
    await rm(dirname(path), { recursive: true });
  });

  test("are refused for a file in a folder that does not exist", async () => {
    expect(await problemOfFile(join(tmpdir(), "no-such-folder", "lag.svg"))).toContain("expected a folder that exists");
    expect(await problemOfFile(join(tmpdir(), "lag.svg"))).toBeUndefined();
  });
});
