import { describe, expect, test } from "@jest/globals";
import type { DeliveryResult, RouteResult } from "../src/delivery/delivery-result.ts";
import { countFailures, countOutcomes, positionsToRepeat } from "../src/pipeline/report.ts";
import { SinkError } from "../src/sink-kit.ts";

type Counted = Pick<RouteResult, "route" | "received" | "results">;

const denied = new SinkError("SINK_DENIED", "denied");
const refused = new SinkError("SINK_REJECTED", "refused");
const results: [number, DeliveryResult][] = [
  [3, { outcome: "retried", error: denied, attempts: 1 }],
  [0, { outcome: "delivered", attempts: 1 }],
  [1, { outcome: "superseded", attempts: 0 }],
  [2, { outcome: "filtered", attempts: 0 }],
  [4, { outcome: "rejected", error: refused, attempts: 1 }],
];
const resultOf = (received: number): Counted => ({ route: "r", received, results: new Map(results) });

describe("the counts of a route", () => {
  test("include every outcome", () => {
    expect(countOutcomes(resultOf(5))).toEqual({
      received: 5,
      delivered: 1,
      superseded: 1,
      filtered: 1,
      rejected: 1,
      retried: 1,
    });
  });

  test.each([4, 6])("fail the invocation if there are 5 outcomes for %i deliveries", (received) => {
    expect(() => countOutcomes(resultOf(received))).toThrow(`[r] the account does not balance: ${received}`);
  });
});

test("failures are counted by code, for all routes together", () => {
  expect(countFailures([resultOf(5), resultOf(5)])).toEqual({ SINK_DENIED: 2, SINK_REJECTED: 2 });
});

test("records to retry are in ascending order, each with the error of the first route that retries it", () => {
  const other: Counted = {
    route: "s",
    received: 2,
    results: new Map([
      [3, { outcome: "retried", error: refused, attempts: 1 }],
      [0, { outcome: "retried", attempts: 0 }],
    ]),
  };
  const repeats = positionsToRepeat([resultOf(5), other], ({ outcome }) => outcome === "retried");
  expect([...repeats.keys()]).toEqual([0, 3]);
  expect(repeats.get(3)).toBe(denied);
});
