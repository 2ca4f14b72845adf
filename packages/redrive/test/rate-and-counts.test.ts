import { describe, expect, test } from "@jest/globals";
import { messageRate, runCounts } from "../src/index.ts";

describe("the rate", () => {
  test("delays messages, and does not allow a burst after idle time", async () => {
    let time = 0;
    const clock = {
      now: () => time,
      sleep: async (ms: number) => {
        time += ms;
      },
    };
    const { signal } = new AbortController();
    const rate = messageRate(10, clock);
    const take = async (messages: number): Promise<number> => {
      await rate.wait(signal);
      rate.spend(messages);
      return time;
    };
    expect([await take(10), await take(5), await take(10), await take(1)]).toEqual([0, 1_000, 1_500, 2_500]);
    time = 60_000;
    await take(10);
    expect(rate.waitMs()).toBe(1_000);
    expect(await take(1)).toBe(61_000);
    expect(rate.burst).toBe(10);
  });

  test("delays no message for long if the clock is set back", () => {
    let time = 7_200_000;
    const rate = messageRate(10, { now: () => time, sleep: () => Promise.reject(new Error("no wait expected")) });
    rate.spend(20);
    time -= 3_600_000;
    expect(rate.waitMs()).toBe(0);
    rate.spend(10);
    expect(rate.waitMs()).toBe(1_000);
  });

  test("is unlimited by default", async () => {
    const rate = messageRate(undefined, { now: () => 0, sleep: () => Promise.reject(new Error("no wait expected")) });
    rate.spend(1_000);
    await rate.wait(new AbortController().signal);
    expect([rate.waitMs(), rate.burst]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});

describe("the counts", () => {
  test("must add up", () => {
    const counts = runCounts(["delivered", "left"]);
    counts.receive(3);
    counts.add("delivered", 2);
    expect(() => counts.check()).toThrow("the counts do not add up: 3 messages received, 2 with an outcome");
    counts.add("left");
    expect(counts.check()).toEqual({ received: 3, delivered: 2, left: 1 });
    expect([counts.received(), counts.of("left"), counts.of("left", "delivered")]).toEqual([3, 1, 3]);
  });

  test("continue the counts of an earlier part of the run", () => {
    const counts = runCounts(["delivered", "left"], { received: 5, delivered: 4, left: 1 });
    counts.receive();
    counts.add("delivered");
    expect(counts.check()).toEqual({ received: 6, delivered: 5, left: 1 });
  });
});
