import { describe, expect, test } from "@jest/globals";
import { deadlineOf, systemClock, within } from "../src/async/deadline.ts";
import { manualClock } from "./clocks.ts";

const context = (ms: number) => ({ getRemainingTimeInMillis: () => ms });

describe("a deadline", () => {
  test.each([
    [60_000, undefined, 59_000, 200, 59_750],
    [3_000, undefined, 2_400, 150, 2_850],
    [500, undefined, 400, 25, 475],
    [10_000, 4_000, 6_000, 200, 9_000],
    [10_000, 0, 10_000, 0, 10_000],
    [1_000, 5_000, 0, 200, 750],
  ])("of %i ms with a buffer of %s ends after %i", async (remaining, buffer, workMs, settleMs, lastCallMs) => {
    const { clock, advance } = manualClock();
    const deadline = deadlineOf(context(remaining), buffer, clock);
    expect(deadline.remainingMs()).toBe(workMs);
    expect(deadline.settleMs).toBe(settleMs);
    if (workMs > 0) {
      await advance(workMs - 1);
      expect(deadline.signal.aborted).toBe(false);
      await advance(1);
    }
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.remainingMs()).toBe(0);
    if (lastCallMs > workMs) {
      expect(deadline.lastCall.aborted).toBe(false);
      await advance(lastCallMs - workMs);
    }
    expect(deadline.lastCall.aborted).toBe(true);
  });

  test("leaves time for the report, because sinks must settle before the last call", () => {
    for (const remaining of [100, 500, 1_000, 3_000, 60_000]) {
      const { clock } = manualClock();
      const { settleMs, remainingMs } = deadlineOf(context(remaining), undefined, clock);
      expect(remainingMs() + settleMs).toBeLessThan(remaining);
    }
  });

  test("is not longer after the clock was set back, and goes on from what was left", () => {
    let now = 1_000_000;
    const clock = { ...systemClock, now: () => now };
    const deadline = deadlineOf(context(10_000), 0, clock);
    const inner = within(deadline, 8_000, clock);
    const left = () => [deadline.remainingMs(), inner.remainingMs()];
    now += 3_000;
    expect(left()).toEqual([7_000, 5_000]);
    now -= 3_600_000;
    expect(left()).toEqual([7_000, 5_000]);
    now += 2_000;
    expect(left()).toEqual([5_000, 3_000]);
    inner.release();
    deadline.release();
  });

  test("never ends outside Lambda", () => {
    const deadline = deadlineOf(undefined, undefined, manualClock().clock);
    expect(deadline.remainingMs()).toBe(Number.POSITIVE_INFINITY);
    expect(deadline.signal.aborted).toBe(false);
    deadline.release();
  });

  test("that is released has no timers and does not abort", async () => {
    const { clock, advance, sleepers } = manualClock();
    const deadline = deadlineOf(context(1_000), undefined, clock);
    expect(sleepers()).toBe(2);
    deadline.release();
    await advance(10_000);
    expect(sleepers()).toBe(0);
    expect(deadline.signal.aborted).toBe(false);
  });
});

describe("systemClock", () => {
  test("wakes at once if the signal aborts or has aborted", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(1_000_000, controller.signal);
    controller.abort();
    await sleeping;
    await systemClock.sleep(1_000_000, controller.signal);
  });

  test("does not wake at once from a sleep beyond the range of setTimeout", async () => {
    const controller = new AbortController();
    let isAwake = false;
    const sleeping = systemClock.sleep(Number.MAX_SAFE_INTEGER, controller.signal).then(() => {
      isAwake = true;
    });
    await systemClock.sleep(20, new AbortController().signal);
    expect(isAwake).toBe(false);
    controller.abort();
    await sleeping;
  });
});
