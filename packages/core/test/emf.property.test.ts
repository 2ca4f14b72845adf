// Lines in CloudWatch's embedded metric format: within the limits of the format for every report, and with counts that add
// up. The limits: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

import { describe, expect, test } from "@jest/globals";
import { Ajv } from "ajv";
import fc from "fast-check";
import type { InvocationReport } from "../src/index.ts";
import { emfMetrics, routeMetricNames } from "../src/metrics.ts";
import type { RouteReport } from "../src/observe/report.ts";
import { emfSchema } from "./emf-schema.ts";
import { invocationReport, routeReport } from "./reports.ts";

const matchesSchema = new Ajv().compile(emfSchema);
const now = 1_767_323_045_000;

const count = fc.nat({ max: 10_000 });

const routeReports: fc.Arbitrary<RouteReport> = fc
  .record({ delivered: count, superseded: count, filtered: count, rejected: count, retried: count })
  .chain((outcomes) =>
    fc.record(
      {
        ...(Object.fromEntries(Object.entries(outcomes).map(([name, value]) => [name, fc.constant(value)])) as {
          [Name in keyof typeof outcomes]: fc.Arbitrary<number>;
        }),
        received: fc.constant(Object.values(outcomes).reduce((sum, value) => sum + value, 0)),
        queued: fc.nat({ max: outcomes.retried }),
        durationMs: fc.nat({ max: 900_000 }),
        lagMs: fc.nat({ max: 2 ** 40 }),
        pendingAgeMs: fc.nat({ max: 2 ** 40 }),
        pending: count,
      },
      {
        requiredKeys: [
          "delivered",
          "superseded",
          "filtered",
          "rejected",
          "retried",
          "received",
          "queued",
          "durationMs",
        ],
      },
    ),
  );

/** Names as users may write them: other scripts, spaces, control characters, halves of surrogate pairs, very long ones. */
const name = fc.oneof(
  fc.string({ minLength: 1, unit: "binary" }),
  fc.string({ minLength: 1, unit: "grapheme" }),
  fc.constantFrom(
    " ",
    "\t\n",
    "ärger",
    "\ud800",
    "__proto__",
    ":colon",
    "_aws",
    "function",
    "x".repeat(300_000),
    "ü".repeat(2_000),
  ),
);

const report: fc.Arbitrary<InvocationReport> = fc.record({
  pipeline: name,
  origin: fc.constantFrom("stream" as const, "retry" as const),
  requestId: fc.oneof(fc.uuid(), name),
  records: count,
  reported: count,
  queued: count,
  endedAt: fc.constant(now),
  durationMs: count,
  routes: fc.array(fc.tuple(name, routeReports), { maxLength: 20 }).map((routes) => Object.fromEntries(routes)),
  failures: fc.constantFrom({}, { SINK_DENIED: 3, MAPPING_FAILED: 1 }),
});

interface Line {
  readonly _aws: { readonly CloudWatchMetrics: readonly { readonly Metrics: readonly { readonly Name: string }[] }[] };
  readonly [member: string]: unknown;
}

const linesOf = (given: InvocationReport, functionName = "orders"): readonly string[] => {
  const lines: string[] = [];
  emfMetrics({ functionName, write: (line) => lines.push(line) }).onInvocation?.(given);
  return lines;
};

describe("a line of metrics", () => {
  test("is within the limits of the format, and its counts add up to what was received", () => {
    fc.assert(
      fc.property(report, name, (given, functionName) => {
        const lines = linesOf(given, functionName);
        const measured = Object.values(given.routes).filter(({ received }) => received > 0);
        expect(lines).toHaveLength(measured.length);
        lines.forEach((text, index) => {
          expect(Buffer.byteLength(text)).toBeLessThan(256 * 1_024);
          expect(text).not.toMatch(/[\n\r]/);
          const line = JSON.parse(text) as Line;
          expect([matchesSchema(line), matchesSchema.errors]).toEqual([true, null]);
          const names = line._aws.CloudWatchMetrics[0]?.Metrics.map(({ Name }) => Name) ?? [];
          expect(names.length).toBeLessThanOrEqual(100);
          expect(routeMetricNames).toEqual(expect.arrayContaining(names));
          for (const metric of names) expect(Number.isFinite(line[metric])).toBe(true);
          const {
            Received,
            Delivered = 0,
            Superseded = 0,
            Filtered = 0,
            Rejected = 0,
            Retried = 0,
          } = line as {
            readonly [member: string]: number | undefined;
          } as Readonly<Record<"Received" | "Delivered" | "Superseded" | "Filtered" | "Rejected" | "Retried", number>>;
          expect(Delivered + Superseded + Filtered + Rejected + Retried).toBe(Received);
          expect(line.Lag).toBe(measured[index]?.lagMs);
          for (const dimension of ["function", "route"]) {
            expect(line[dimension]).toMatch(/^[\x20-\x7e]{1,1024}$/);
            expect((line[dimension] as string).trim()).not.toBe("");
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  test("looks like this", () => {
    const counts = { received: 3, delivered: 2, superseded: 0, filtered: 0, rejected: 1, retried: 0, queued: 0 };
    const [line] = linesOf({
      pipeline: "orders",
      origin: "stream",
      requestId: "r-1",
      records: 3,
      reported: 0,
      queued: 0,
      endedAt: now,
      durationMs: 40,
      routes: { postgres: { ...counts, durationMs: 35, lagMs: 812 }, idle: { ...counts, received: 0, durationMs: 0 } },
      failures: { SINK_REJECTED: 1 },
    });
    expect(JSON.parse(line as string)).toEqual({
      _aws: {
        Timestamp: now,
        CloudWatchMetrics: [
          {
            Namespace: "Sluice",
            Dimensions: [["function"], ["function", "route"]],
            Metrics: [
              { Name: "Lag", Unit: "Milliseconds" },
              { Name: "Duration", Unit: "Milliseconds" },
              { Name: "Received", Unit: "Count" },
              { Name: "Delivered", Unit: "Count" },
              { Name: "Rejected", Unit: "Count" },
            ],
          },
        ],
      },
      function: "orders",
      route: "postgres",
      pipeline: "orders",
      origin: "stream",
      requestId: "r-1",
      failures: { SINK_REJECTED: 1 },
      Lag: 812,
      Duration: 35,
      Received: 3,
      Delivered: 2,
      Rejected: 1,
    });
  });

  test("is not written for redrives, backfills and replays", () => {
    fc.assert(
      fc.property(
        report,
        fc.constantFrom("redrive" as const, "backfill" as const, "replay" as const),
        (given, origin) => {
          expect(linesOf({ ...given, origin })).toEqual([]);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe("the options of emfMetrics", () => {
  const canary = "canary-4711";

  test.each([
    ["namespace", ""],
    ["namespace", "  "],
    ["namespace", `${canary}ä`],
    ["namespace", `:${canary}`],
    ["namespace", `AWS/${canary}`],
    ["namespace", canary.repeat(24)],
    ["namespace", null],
    ["namespace", { canary }],
    ["functionName", ""],
    ["functionName", 5],
    ["functionName", () => canary],
    ["write", canary],
    ["write", null],
  ])("%s: CloudWatch would drop the metrics in silence, or no line be written, with %j", (option, value) => {
    const make = () => emfMetrics({ [option]: value } as never);
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(option) }));
    expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining(canary) }));
  });

  test("an empty AWS_LAMBDA_FUNCTION_NAME is no name", () => {
    const before = process.env.AWS_LAMBDA_FUNCTION_NAME;
    process.env.AWS_LAMBDA_FUNCTION_NAME = "";
    const lines: string[] = [];
    try {
      const routes = { one: routeReport({ delivered: 1 }) };
      emfMetrics({ write: (line) => lines.push(line) }).onInvocation?.(invocationReport({ routes }));
    } finally {
      if (before === undefined) delete process.env.AWS_LAMBDA_FUNCTION_NAME;
      else process.env.AWS_LAMBDA_FUNCTION_NAME = before;
    }
    expect(lines.map((line) => JSON.parse(line).function)).toEqual(["orders"]);
  });
});
