// The limits of read units and of items, on a clock that jumps.

import { describe, expect, test } from "@jest/globals";
import { itemRate, type ReadRate, readRate } from "@sluice/backfill";
import { fakeClock } from "@sluice/local";
import fc from "fast-check";

const never = (): AbortSignal => new AbortController().signal;
const seed = Number(process.env.SEED ?? 20_261_128);

/** Reads pages one after another until the time is over. Returns what the pages cost, and when each was read. */
const readUntil = async (
  rate: ReadRate,
  clock: ReturnType<typeof fakeClock>,
  { untilMs, costs, pageMs }: { untilMs: number; costs: readonly number[]; pageMs: number },
): Promise<{ readonly at: number; readonly cost: number }[]> => {
  const pages: { at: number; cost: number }[] = [];
  for (let page = 0; clock.now() < untilMs; page += 1) {
    const spend = await rate.take(never());
    const cost = costs[page % costs.length] ?? 1;
    pages.push({ at: clock.now(), cost });
    await clock.sleep(pageMs);
    spend(cost);
  }
  return pages;
};

const sum = (pages: readonly { readonly cost: number }[]): number => pages.reduce((total, { cost }) => total + cost, 0);

test(`all segments together stay within the rate, and use it (seed ${seed})`, async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 50, max: 5_000 }),
    fc.integer({ min: 1, max: 16 }),
    fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 5 }),
    async (unitsPerSecond, segments, costs) => {
      const clock = fakeClock();
      const rate = readRate({ unitsPerSecond, clock });
      const untilMs = 30_000;
      const workers = Array.from({ length: segments }, () => readUntil(rate, clock, { untilMs, costs, pageMs: 10 }));
      const pages = (await Promise.all(workers)).flat();
      const largest = Math.max(128, ...costs);
      // A second's capacity at the start, and the pages that were being read at the end.
      expect(sum(pages)).toBeLessThanOrEqual(unitsPerSecond * 31 + 2 * segments * largest);
      // No limit but the rate: the workers could read more.
      const possible = (segments * (untilMs / 20) * sum(costs.map((cost) => ({ cost })))) / costs.length;
      expect(sum(pages)).toBeGreaterThanOrEqual(Math.min(possible, unitsPerSecond * 30) * 0.9 - largest);
    },
  );
  await fc.assert(property, { numRuns: 30, seed });
});

test("segments that begin at the same time take one after another, and none is left out", async () => {
  const clock = fakeClock();
  const rate = readRate({ unitsPerSecond: 128, clock });
  const taken: { readonly at: number; readonly segment: number }[] = [];
  const read = async (segment: number): Promise<void> => {
    for (let page = 0; page < 10; page += 1) {
      const spend = await rate.take(never());
      taken.push({ at: clock.now(), segment });
      spend(128);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, segment) => read(segment)));
  const startedBy = (ms: number): number => taken.filter(({ at }) => at <= ms).length;
  // A page costs the units of a second: one at the start, and then one each second.
  for (let second = 0; second < 80; second += 1) expect(startedBy(1_000 * second)).toBeLessThanOrEqual(second + 1);
  for (let round = 0; round < 10; round += 1) {
    expect(new Set(taken.slice(8 * round, 8 * round + 8).map(({ segment }) => segment)).size).toBe(8);
  }
});

test("a page that cost more than a second's units is paid for before the next page", async () => {
  const clock = fakeClock();
  const rate = readRate({ unitsPerSecond: 10, clock });
  (await rate.take(never()))(110);
  await rate.take(never());
  expect(clock.now()).toBeGreaterThan(9_900);
  expect(clock.now()).toBeLessThan(10_200);
});

test("a page that was not read costs nothing", async () => {
  const clock = fakeClock();
  const rate = readRate({ unitsPerSecond: 10, clock });
  for (let page = 0; page < 100; page += 1) (await rate.take(never()))(0);
  expect(clock.now()).toBe(0);
});

describe("after throttling", () => {
  test("the rate falls by a fifth, at most once a second, and never to nothing", async () => {
    const clock = fakeClock();
    const rate = readRate({ unitsPerSecond: 100, clock });
    for (let repeat = 0; repeat < 5; repeat += 1) rate.throttled();
    expect(rate.unitsPerSecond()).toBeCloseTo(80);
    await clock.sleep(1_000);
    rate.throttled();
    expect(rate.unitsPerSecond()).toBeCloseTo(64);
    for (let second = 0; second < 200; second += 1) {
      await clock.sleep(1_000);
      rate.throttled();
    }
    expect(rate.unitsPerSecond()).toBeCloseTo(1);
  });

  test("the rate rises by a tenth of the configured rate every 10 seconds, up to it", async () => {
    const clock = fakeClock();
    const rate = readRate({ unitsPerSecond: 100, clock });
    rate.throttled();
    await clock.sleep(9_999);
    expect(rate.unitsPerSecond()).toBeCloseTo(80);
    await clock.sleep(1);
    expect(rate.unitsPerSecond()).toBeCloseTo(90);
    await clock.sleep(10_000);
    expect(rate.unitsPerSecond()).toBeCloseTo(100);
    await clock.sleep(100_000);
    expect(rate.unitsPerSecond()).toBeCloseTo(100);
  });
});

test("a changed rate applies at once, also for a page that waits", async () => {
  const clock = fakeClock();
  const rate = readRate({ unitsPerSecond: 1, clock });
  (await rate.take(never()))(1_000);
  const waiting = rate.take(never());
  await clock.sleep(10_000);
  rate.setUnitsPerSecond(1_000);
  await waiting;
  expect(clock.now()).toBeLessThan(13_000);
});

test("a wait ends when the signal aborts", async () => {
  const clock = fakeClock();
  const rate = readRate({ unitsPerSecond: 1, clock });
  (await rate.take(never()))(100_000);
  const stop = new AbortController();
  const waiting = rate.take(stop.signal);
  stop.abort();
  await waiting;
  expect(clock.now()).toBeLessThan(2_000);
});

test("a clock that is set back neither stops the rate nor adds to it", async () => {
  const clock = fakeClock(1_000_000);
  let offset = 0;
  const rate = readRate({ unitsPerSecond: 10, clock: { ...clock, now: () => clock.now() + offset } });
  (await rate.take(never()))(20);
  offset = -900_000;
  await rate.take(never());
  expect(clock.now() - 1_000_000).toBeGreaterThan(900);
  expect(clock.now() - 1_000_000).toBeLessThan(2_500);
});

test("items per second are limited, and the limit may change", async () => {
  const clock = fakeClock();
  const rate = itemRate({ itemsPerSecond: 100, clock });
  for (let page = 0; page < 11; page += 1) await rate.take(100, never());
  expect(clock.now()).toBeGreaterThan(9_000);
  expect(clock.now()).toBeLessThan(10_100);
  rate.setItemsPerSecond(1_000);
  const before = clock.now();
  for (let page = 0; page < 11; page += 1) await rate.take(100, never());
  expect(clock.now() - before).toBeLessThan(1_300);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "5"])("the rate %p is refused", (perSecond) => {
  const wrong = perSecond as number;
  expect(() => readRate({ unitsPerSecond: wrong })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  expect(() => itemRate({ itemsPerSecond: wrong })).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  const rate = readRate({ unitsPerSecond: 1 });
  expect(() => rate.setUnitsPerSecond(wrong)).toThrow('option "unitsPerSecond" must be a number');
});

test("a pause saves the units of one second, and no more", async () => {
  const clock = fakeClock();
  const rate = readRate({ unitsPerSecond: 10, clock });
  (await rate.take(never()))(1);
  await clock.sleep(3_600_000);
  const before = clock.now();
  for (let page = 0; page < 31; page += 1) (await rate.take(never()))(1);
  expect(clock.now() - before).toBeGreaterThan(1_700);
});
