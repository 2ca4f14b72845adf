// The alarms of a pipeline, from the list and the names of its resources.

import { describe, expect, test } from "@jest/globals";
import {
  type AlarmResource,
  alarmExpression,
  alarmsOf,
  alarmValue,
  pipelineAlarms,
  thresholdText,
} from "@sluice/rules";
import fc from "fast-check";

const resources = {
  function: "orders",
  mapping: "uuid",
  destination: "arn:aws:s3:::bucket",
  "dead-letters": "orders-dead",
  "retry-queue": "orders-retry",
  redrive: "arn:aws:states:eu-west-1:1:stateMachine:redrive",
  verify: "arn:aws:states:eu-west-1:1:stateMachine:verify",
  "verify-report": "orders-report",
} as const;

/** Which alarms need a resource besides the function and the mapping. */
const alarmsWith: { readonly [resource in AlarmResource]?: readonly string[] } = {
  destination: ["gave-up", "destination-failures"],
  "dead-letters": ["dead-letters", "dead-letters-age"],
  "retry-queue": ["queued", "retries-age", "retries-hidden"],
  redrive: ["redrive-failed", "redrive-timed-out"],
  verify: ["verify-failed"],
  "verify-report": ["verify-differs"],
};

describe("the alarms of a pipeline", () => {
  test("are those whose resources it has", () => {
    const optional = Object.keys(alarmsWith) as (keyof typeof resources)[];
    fc.assert(
      fc.property(fc.subarray(optional), fc.boolean(), (absent, hasRoutes) => {
        const present = Object.fromEntries(
          Object.entries(resources).filter(([name]) => !absent.some((one) => one === name)),
        );
        const ids = new Set(alarmsOf(present, hasRoutes ? ["rows"] : []).map(({ row }) => row.id));
        const without = new Set([
          ...absent.flatMap((one) => alarmsWith[one] ?? []),
          ...(hasRoutes ? [] : ["all-superseded"]),
        ]);
        expect([...ids]).toEqual(pipelineAlarms.map(({ id }) => id).filter((id) => !without.has(id)));
      }),
    );
  });

  test("watch each named route, or the function if none is named", () => {
    const lags = (routes: readonly string[]) =>
      alarmsOf(resources, routes)
        .filter(({ row }) => row.id === "route-lag")
        .map(({ name, route, value }) => [name, route, value.of.dimensions]);
    expect(lags([])).toEqual([["route-lag", undefined, { function: "orders" }]]);
    expect(lags(["rows", "search", "rows"])).toEqual([
      ["route-lag-rows", "rows", { function: "orders", route: "rows" }],
      ["route-lag-search", "search", { function: "orders", route: "search" }],
    ]);
  });

  test("have the name of a resource as the value of each dimension", () => {
    const names = new Set<string>([...Object.values(resources), "rows"]);
    for (const { value } of alarmsOf(resources, ["rows"])) {
      const metrics = value.kind === "metric" ? [value.of] : [value.of, ...value.among];
      for (const { dimensions } of metrics) {
        expect(Object.keys(dimensions).length).toBeGreaterThan(0);
        for (const name of Object.values(dimensions)) expect(names).toContain(name);
      }
    }
  });
});

describe("a share", () => {
  const shares = pipelineAlarms.map(({ value }) => value).filter((value) => value.kind === "share");
  const count = fc.option(fc.nat(200), { nil: undefined });
  const rare = fc.option(fc.nat(1), { nil: undefined });

  /** The expression with CloudWatch's functions, on numbers. */
  const evaluated = (share: (typeof shares)[number], counts: Readonly<Record<string, number | undefined>>): unknown => {
    const { expression, metrics } = alarmExpression(share);
    const names = Object.keys(metrics);
    const run = new Function("IF", "FILL", "SUM", ...names, `return ${expression}`);
    return run(
      (condition: boolean, yes: number, no: number) => (condition ? yes : no),
      (value: number | undefined, other: number) => value ?? other,
      (values: readonly (number | undefined)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0),
      ...names.map((name) => counts[metrics[name]?.metric ?? ""]),
    );
  };

  test("is the same as an expression and as a function, at most 1, and 0 below the minimum or while another count is above 0", () => {
    expect(shares).toHaveLength(2);
    fc.assert(
      fc.property(fc.constantFrom(...shares), fc.tuple(count, count, count, rare), (share, given) => {
        const [Rejected, Delivered, Superseded, Retried] = given;
        const counts: Readonly<Record<string, number | undefined>> = { Rejected, Delivered, Superseded, Retried };
        const value = alarmValue(share, ({ metric }) => counts[metric]);
        expect(evaluated(share, counts)).toBe(value ?? 0);
        expect(value ?? 0).toBeLessThanOrEqual(1);
        const isExcused = (counts[share.unless?.metric ?? ""] ?? 0) > 0;
        if (isExcused || (counts[share.of.metric] ?? 0) < share.min) expect(value ?? 0).toBe(0);
        else expect(value).toBeGreaterThan(0);
      }),
    );
  });

  test("has no value without data", () => {
    for (const share of shares) expect(alarmValue(share, () => undefined)).toBeUndefined();
  });
});

test("thresholds in words", () => {
  const inWords = pipelineAlarms.map((row) => thresholdText(row, row.threshold));
  expect(inWords).toEqual(expect.arrayContaining(["5 minutes", "1 hour", "10 days", "100,000", "1 %", "90 %"]));
});
