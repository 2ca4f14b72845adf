import { describe, expect, test } from "@jest/globals";
import { type Circuit, circuit, type Permit, type Reach } from "../src/request/endpoint-health.ts";

const open = () => {
  let now = 1_000_000;
  const one = circuit({ failures: 3, openMs: 1_000, maxOpenMs: 4_000 }, () => now);
  const pass = (ms: number): void => {
    now += ms;
  };
  return { one, pass };
};

/** Asks, and makes a request that ends so; or says why it was not made. */
const attempt = (one: Circuit, reach: Reach, item = "a"): string => {
  const refused = one.refusal(item);
  if (refused !== undefined) return `${refused.because} ${refused.waitMs}`;
  one.enter(item).end(reach);
  return reach;
};

const attempts = (one: Circuit, ...reaches: Reach[]): string[] => reaches.map((reach) => attempt(one, reach));

describe("a circuit", () => {
  test("opens after so many requests in a row without an answer, and refuses without a request", () => {
    const { one, pass } = open();
    expect(attempts(one, "lost", "lost", "lost", "answered")).toEqual(["lost", "lost", "lost", "open 1000"]);
    pass(400);
    expect(attempt(one, "answered")).toBe("open 600");
  });

  test("counts anew after an answer, and not what told nothing", () => {
    const { one } = open();
    attempts(one, "lost", "lost", "answered", "lost", "unknown", "lost");
    expect(one.refusal("a")).toBeUndefined();
    attempt(one, "lost");
    expect(one.refusal("a")).toMatchObject({ because: "open" });
  });

  test("lets one request through after its time, and closes when that is answered", () => {
    const { one, pass } = open();
    attempts(one, "lost", "lost", "lost");
    pass(1_000);
    expect(one.refusal("b")).toBeUndefined();
    const probe = one.enter("b");
    expect(one.refusal("c")).toEqual({ because: "open", waitMs: undefined });
    probe.end("answered");
    expect(one.refusal("c")).toBeUndefined();
  });

  test("stays open for twice as long after each request that fails, up to the longest time", () => {
    const { one, pass } = open();
    attempts(one, "lost", "lost", "lost");
    const waits = [1_000, 2_000, 4_000, 4_000].map((wait, index) => {
      const refused = one.refusal("any");
      pass(wait);
      attempt(one, "lost", `item-${index}`);
      return refused?.waitMs;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 4_000]);
    pass(4_000);
    attempt(one, "answered", "last");
    attempts(one, "lost", "lost", "lost");
    expect(one.refusal("any")?.waitMs).toBe(1_000);
  });

  test("lets another probe follow one whose invocation ended before the answer", () => {
    const { one, pass } = open();
    attempts(one, "lost", "lost", "lost");
    pass(1_000);
    expect(attempt(one, "unknown", "b")).toBe("unknown");
    expect(attempt(one, "answered", "b")).toBe("answered");
  });

  test("is not held open by requests that were under way when it opened", () => {
    const { one, pass } = open();
    const permits: Permit[] = Array.from({ length: 5 }, () => one.enter("a"));
    for (const permit of permits) permit.end("lost");
    expect(one.refusal("b")?.waitMs).toBe(1_000);
    pass(1_000);
    expect(one.refusal("b")).toBeUndefined();
  });

  test("lets another item go before the one whose probe failed, and that one where no other comes", () => {
    const { one, pass } = open();
    attempts(one, "lost", "lost", "lost");
    pass(1_000);
    expect(attempt(one, "lost", "a")).toBe("open undefined");
    expect(attempt(one, "answered", "b")).toBe("answered");
    attempts(one, "lost", "lost", "lost");
    pass(1_000);
    expect([attempt(one, "lost", "a"), attempt(one, "answered", "a")]).toEqual(["open undefined", "answered"]);
  });
});

describe("a pause", () => {
  test("refuses for as long as the endpoint asked, also while the circuit is closed", () => {
    const { one, pass } = open();
    one.pause(700);
    one.pause(300);
    expect(one.refusal("a")).toEqual({ because: "asked", waitMs: 700 });
    pass(700);
    expect(one.refusal("a")).toBeUndefined();
  });
});
