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
const account = (received: number): Counted => ({ route: "r", received, results: new Map(results) });

describe("the account of a route", () => {
  test("counts every outcome", () => {
    expect(countOutcomes(account(5))).toEqual({
      received: 5,
      delivered: 1,
      superseded: 1,
      filtered: 1,
      rejected: 1,
      retried: 1,
    });
  });

  test.each([4, 6])("that holds 5 outcomes for %i deliveries fails the invocation", (received) => {
    expect(() => countOutcomes(account(received))).toThrow(`[r] the account does not balance: ${received}`);
  });
});

test("failures are counted by code over all routes", () => {
  expect(countFailures([account(5), account(5)])).toEqual({ SINK_DENIED: 2, SINK_REJECTED: 2 });
});

test("records to repeat come in ascending order, each with its first reason", () => {
  const other: Counted = {
    route: "s",
    received: 2,
    results: new Map([
      [3, { outcome: "retried", error: refused, attempts: 1 }],
      [0, { outcome: "retried", attempts: 0 }],
    ]),
  };
  const repeats = positionsToRepeat([account(5), other], ({ outcome }) => outcome === "retried");
  expect([...repeats.keys()]).toEqual([0, 3]);
  expect(repeats.get(3)).toBe(denied);
});
