import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type CallResult, type Circuit, type CircuitOptions, circuit } from "../src/async/circuit-breaker.ts";

const circuitWithClock = (options: Partial<CircuitOptions> = {}) => {
  let now = 1_000_000;
  const one = circuit({ failures: 3, openMs: 1_000, maxOpenMs: 4_000, ...options }, { now: () => now });
  const advance = (ms: number): void => {
    now += ms;
  };
  return { one, advance };
};

const call = (one: Circuit, ...results: CallResult[]): void => {
  for (const result of results) one.start().end(result);
};

const closed = { name: "closed" };
const halfOpen = { name: "half-open", isProbing: false };
const probing = { name: "half-open", isProbing: true };
const open = (remainingMs: number) => ({ name: "open", remainingMs });

/** Creates a circuit breaker that has just opened and stays open for 1,000 ms. */
const opened = (options: Partial<CircuitOptions> = {}) => {
  const { one, advance } = circuitWithClock(options);
  call(one, "failed", "failed", "failed");
  return { one, advance };
};

describe("a closed circuit", () => {
  test("opens after the given number of failures in a row", () => {
    const { one, advance } = circuitWithClock();
    call(one, "failed", "failed");
    expect(one.state()).toEqual(closed);
    call(one, "failed");
    expect(one.state()).toEqual(open(1_000));
    advance(400);
    expect(one.state()).toEqual(open(600));
  });

  test("starts counting again after a success, and ignores unknown results", () => {
    const { one } = circuitWithClock();
    call(one, "failed", "failed", "succeeded", "failed", "unknown", "failed");
    expect(one.state()).toEqual(closed);
    expect(one.failures()).toBe(2);
    call(one, "failed");
    expect(one.state()).toEqual(open(1_000));
  });
});

describe("an open circuit", () => {
  test("ignores failures of calls that were in flight when it opened", () => {
    const { one, advance } = circuitWithClock();
    const calls = Array.from({ length: 5 }, () => one.start());
    for (const each of calls) each.end("failed");
    expect(one.state()).toEqual(open(1_000));
    expect(one.openings()).toBe(1);
    advance(1_000);
    expect(one.state()).toEqual(halfOpen);
  });

  test("closes when a call that was in flight when it opened succeeds", () => {
    const { one } = circuitWithClock();
    const slow = one.start();
    call(one, "failed", "failed", "failed");
    slow.end("succeeded");
    expect(one.state()).toEqual(closed);
  });

  test("does not treat a call as a probe before its open time is over", () => {
    const { one } = opened();
    call(one, "failed", "unknown");
    expect(one.state()).toEqual(open(1_000));
  });

  test("starts from zero failures and the first open time after close()", () => {
    const { one } = opened();
    one.close();
    expect([one.state(), one.failures(), one.openings()]).toEqual([closed, 0, 0]);
  });

  test("makes half of the open time random, if a random function is given", () => {
    const opensFor = (random: number) => opened({ random: () => random }).one.state();
    expect([0, 0.5, 1].map(opensFor)).toEqual([open(500), open(750), open(1_000)]);
  });
});

describe("a half-open circuit", () => {
  test("allows one probe at a time, and closes when the probe succeeds", () => {
    const { one, advance } = opened();
    advance(1_000);
    expect(one.state()).toEqual(halfOpen);
    const probe = one.start();
    expect(one.state()).toEqual(probing);
    probe.end("succeeded");
    expect(one.state()).toEqual(closed);
  });

  test("opens again for twice as long after each failed probe, up to the limit", () => {
    const { one, advance } = opened();
    const times = [1_000, 2_000, 4_000, 4_000].map((ms) => {
      const state = one.state();
      advance(ms);
      call(one, "failed");
      return state;
    });
    expect(times).toEqual([open(1_000), open(2_000), open(4_000), open(4_000)]);
    expect(one.openings()).toBe(5);
    advance(4_000);
    call(one, "succeeded", "failed", "failed", "failed");
    expect(one.state()).toEqual(open(1_000));
  });

  test("allows the next probe at once when a probe ends with an unknown result", () => {
    const { one, advance } = opened();
    advance(1_000);
    call(one, "unknown");
    expect(one.state()).toEqual(halfOpen);
    call(one, "succeeded");
    expect(one.state()).toEqual(closed);
  });

  test("allows another probe when a probe does not end in time, for example in a frozen environment", () => {
    const { one, advance } = opened();
    advance(1_000);
    const frozen = one.start();
    advance(1_999);
    expect(one.state()).toEqual(probing);
    advance(1);
    expect(one.state()).toEqual(halfOpen);
    const second = one.start();
    expect(one.state()).toEqual(probing);
    frozen.end("failed");
    expect(one.state()).toEqual(probing);
    second.end("failed");
    expect(one.state()).toEqual(open(2_000));
  });

  test("waits at least minProbeMs for a probe to end", () => {
    const { one, advance } = opened({ minProbeMs: 9_000 });
    advance(1_000);
    one.start();
    advance(8_999);
    expect(one.state()).toEqual(probing);
    advance(1);
    expect(one.state()).toEqual(halfOpen);
  });
});

describe("a circuit whose clock is set", () => {
  test("is half-open at once if the clock is set back before the opening", () => {
    const { one, advance } = opened();
    advance(-3_600_000);
    expect(one.state()).toEqual(halfOpen);
  });

  test("allows another probe at once if the clock is set back before the start of the probe", () => {
    const { one, advance } = opened();
    advance(1_000);
    one.start();
    expect(one.state()).toEqual(probing);
    advance(-3_600_000);
    expect(one.state()).toEqual(halfOpen);
  });

  /** Time passes, or the clock is set by this many milliseconds, or a call is made if the circuit allows one. */
  const step = fc.oneof(
    fc.record({ kind: fc.constant("passes" as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -86_400_000, max: 86_400_000 }) }),
    fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -5_000, max: 5_000 }) }),
    fc.record({ kind: fc.constant("call" as const), ms: fc.constantFrom(0, 1) }),
  );

  type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

  /** Returns the longest real time for which no call was allowed after the latest call and change of the clock. */
  const longestWait = (steps: readonly Step[], random: () => number): number => {
    const { one, advance } = opened({ random });
    let [waitedMs, longestMs] = [0, 0];
    const mayCall = (): boolean => {
      const state = one.state();
      return state.name === "half-open" && !state.isProbing;
    };
    const call = (ends: boolean): void => {
      waitedMs = 0;
      const probe = one.start();
      if (ends) probe.end("failed");
    };
    const play: Record<Step["kind"], (ms: number) => void> = {
      passes: (ms) => {
        advance(ms);
        waitedMs += ms;
      },
      set: (ms) => {
        advance(ms);
        waitedMs = 0;
      },
      call: (ms) => {
        if (mayCall()) call(ms === 1);
      },
    };
    for (const { kind, ms } of steps) {
      play[kind](ms);
      if (!mayCall()) longestMs = Math.max(longestMs, waitedMs);
    }
    return longestMs;
  };

  test("is probed again within maxOpenMs of real time after the latest call and the latest change of the clock", () => {
    const doubles = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), doubles, (steps, numbers) => {
        expect(longestWait(steps, () => numbers.next().value ?? 1)).toBeLessThan(4_000);
      }),
      { numRuns: 1_000 },
    );
  });
});
