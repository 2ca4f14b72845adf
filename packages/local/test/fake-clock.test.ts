import { describe, expect, test } from "@jest/globals";
import { systemClock } from "@sluice/core/sink-kit";
import { fakeClock } from "../src/index.ts";

describe("the fake clock", () => {
  test("wakes sleepers in the order of their wake-up times, without real delays", async () => {
    const clock = fakeClock(1_000);
    const woken: string[] = [];
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms);
      woken.push(`${name} at ${clock.now()}`);
    };
    await Promise.all([sleeper("late", 86_400_000), sleeper("early", 5), sleeper("too", 5)]);
    expect(woken).toEqual(["early at 1005", "too at 1005", "late at 86401000"]);
  });

  test.each([
    ["fake", fakeClock()],
    ["system", systemClock],
  ])("wakes a sleeper when its signal aborts (%s clock)", async (_name, clock) => {
    const controller = new AbortController();
    const before = clock.now();
    const sleeping = clock.sleep(50_000, controller.signal);
    controller.abort();
    await sleeping;
    await clock.sleep(50_000, controller.signal);
    await new Promise(setImmediate);
    expect(clock.now() - before).toBeLessThan(50_000);
  });
});
