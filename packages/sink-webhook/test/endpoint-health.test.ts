import { describe, expect, test } from "@jest/globals";
import type { CallResult, CircuitCall } from "@sluice/core/sink-kit";
import { type EndpointHealth, endpointHealth } from "../src/request/endpoint-health.ts";

const healthWithClock = () => {
  let now = 1_000_000;
  const health = endpointHealth({ failures: 3, openMs: 1_000, maxOpenMs: 4_000 }, () => now);
  const advance = (ms: number): void => {
    now += ms;
  };
  return { health, advance };
};

/** Simulates a request that ends with `result`. If `health` refuses the request, returns the reason and the delay. */
const attempt = (health: EndpointHealth, result: CallResult, itemKey = "a"): string => {
  const refusal = health.refusal(itemKey);
  if (refusal !== undefined) return `${refusal.reason} ${refusal.waitMs}`;
  health.start(itemKey).end(result);
  return result;
};

const attempts = (health: EndpointHealth, ...results: CallResult[]): string[] =>
  results.map((result) => attempt(health, result));

const open = (health: EndpointHealth): string[] => attempts(health, "failed", "failed", "failed");

describe("an endpoint that does not answer", () => {
  test("gets no request after the given number of failures in a row", () => {
    const { health, advance } = healthWithClock();
    expect([...open(health), attempt(health, "succeeded")]).toEqual(["failed", "failed", "failed", "open 1000"]);
    advance(400);
    expect(attempt(health, "succeeded")).toBe("open 600");
  });

  test("has its failures counted from zero after an answer; unknown results do not count", () => {
    const { health } = healthWithClock();
    attempts(health, "failed", "failed", "succeeded", "failed", "unknown", "failed");
    expect(health.refusal("a")).toBeUndefined();
    attempt(health, "failed");
    expect(health.refusal("a")).toMatchObject({ reason: "open" });
  });

  test("gets one probe after the open time, and all requests when the probe is answered", () => {
    const { health, advance } = healthWithClock();
    open(health);
    advance(1_000);
    expect(health.refusal("b")).toBeUndefined();
    const probe = health.start("b");
    expect(health.refusal("c")).toEqual({ reason: "open", waitMs: undefined });
    probe.end("succeeded");
    expect(health.refusal("c")).toBeUndefined();
  });

  test("gets no request for twice as long after each failed probe, up to the limit", () => {
    const { health, advance } = healthWithClock();
    open(health);
    const waits = [1_000, 2_000, 4_000, 4_000].map((wait, index) => {
      const refusal = health.refusal("any");
      advance(wait);
      attempt(health, "failed", `item-${index}`);
      return refusal?.waitMs;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 4_000]);
    advance(4_000);
    attempt(health, "succeeded", "last");
    open(health);
    expect(health.refusal("any")?.waitMs).toBe(1_000);
  });

  test("gets another probe at once if the invocation ended before the answer", () => {
    const { health, advance } = healthWithClock();
    open(health);
    advance(1_000);
    expect(attempt(health, "unknown", "b")).toBe("unknown");
    expect(attempt(health, "succeeded", "b")).toBe("succeeded");
  });

  test("is not avoided for longer because of failures of requests that were in flight when the circuit opened", () => {
    const { health, advance } = healthWithClock();
    const calls: CircuitCall[] = Array.from({ length: 5 }, () => health.start("a"));
    for (const call of calls) call.end("failed");
    expect(health.refusal("b")?.waitMs).toBe(1_000);
    advance(1_000);
    expect(health.refusal("b")).toBeUndefined();
  });

  test("is probed with a different item after a failed probe, unless no different item is available", () => {
    const { health, advance } = healthWithClock();
    open(health);
    advance(1_000);
    expect(attempt(health, "failed", "a")).toBe("open undefined");
    expect(attempt(health, "succeeded", "b")).toBe("succeeded");
    open(health);
    advance(1_000);
    expect([attempt(health, "failed", "a"), attempt(health, "succeeded", "a")]).toEqual([
      "open undefined",
      "succeeded",
    ]);
  });
});

describe("an endpoint whose environment has its clock set back", () => {
  test("is probed at once, as if the open time were over", () => {
    const { health, advance } = healthWithClock();
    open(health);
    advance(-3_600_000);
    expect(health.refusal("b")).toBeUndefined();
  });

  test("is not paused for longer than it asked for", () => {
    const { health, advance } = healthWithClock();
    health.pause(700);
    advance(-3_600_000);
    expect(health.refusal("a")).toBeUndefined();
    health.pause(500);
    expect(health.refusal("a")).toEqual({ reason: "retry-after", waitMs: 500 });
  });
});

describe("an endpoint that sends Retry-After", () => {
  test("gets no request for the longest delay that it asked for, even while the circuit is closed", () => {
    const { health, advance } = healthWithClock();
    health.pause(700);
    health.pause(300);
    expect(health.refusal("a")).toEqual({ reason: "retry-after", waitMs: 700 });
    advance(700);
    expect(health.refusal("a")).toBeUndefined();
  });
});
