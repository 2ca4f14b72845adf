// The gate that is closed while the live stream is behind.

import { expect, test } from "@jest/globals";
import { type ItemSource, itemRate, type LagGateOptions, lagGate, pacedSource } from "@sluice/backfill";
import { fakeClock } from "@sluice/local";

const never = (): AbortSignal => new AbortController().signal;

/** A gate whose lag depends on the time. */
const gateWith = (lagAt: (ms: number) => number | undefined | Error, options: Partial<LagGateOptions> = {}) => {
  const clock = fakeClock();
  const reads: number[] = [];
  const gate = lagGate({
    read: async () => {
      reads.push(clock.now());
      const lag = lagAt(clock.now());
      if (lag instanceof Error) throw lag;
      return lag;
    },
    aboveMs: 60_000,
    everyMs: 5_000,
    clock,
    ...options,
  });
  return { gate, clock, reads };
};

test("is open while the lag is at most the limit", async () => {
  const { gate, clock } = gateWith(() => 60_000);
  await gate.pass(never());
  expect(clock.now()).toBe(0);
  expect([gate.isClosed(), gate.lagMs()]).toEqual([false, 60_000]);
});

test("opens again when the lag has fallen", async () => {
  const { gate, clock, reads } = gateWith((ms) => (ms < 12_000 ? 60_001 : 0));
  const passing = gate.pass(never());
  await clock.sleep(1);
  expect(gate.isClosed()).toBe(true);
  await passing;
  expect(clock.now()).toBe(15_000);
  expect(reads).toEqual([0, 5_000, 10_000, 15_000]);
});

test("reads the lag once for all units, and not at every page", async () => {
  const { gate, clock, reads } = gateWith(() => 0);
  for (let page = 0; page < 20; page += 1) {
    await Promise.all([gate.pass(never()), gate.pass(never())]);
    await clock.sleep(500);
  }
  expect(reads).toEqual([0, 5_000]);
});

test("is open while the lag is unknown", async () => {
  const { gate, clock } = gateWith(() => undefined);
  await gate.pass(never());
  expect([clock.now(), gate.lagMs(), gate.isClosed()]).toEqual([0, undefined, false]);
});

test("is open when the lag cannot be read, and says why", async () => {
  const errors: unknown[] = [];
  const denied = new Error("denied");
  const { gate, clock } = gateWith(() => denied, { onReadError: (error) => errors.push(error) });
  await gate.pass(never());
  expect([clock.now(), errors]).toEqual([0, [denied]]);
});

test("lets a unit go at once when its signal aborts, while it waits and while the lag is read", async () => {
  const waiting = gateWith(() => 1_000_000);
  const stop = new AbortController();
  const passing = waiting.gate.pass(stop.signal);
  await waiting.clock.sleep(1);
  stop.abort();
  await passing;
  expect(waiting.clock.now()).toBeLessThan(5_000);

  const reading = lagGate({ read: () => new Promise(() => undefined), aboveMs: 1, everyMs: 1_000 });
  const abort = new AbortController();
  const stuck = reading.pass(abort.signal);
  abort.abort();
  await stuck;
  expect(reading.isClosed()).toBe(false);
});

const sourceOf = (pages: number): ItemSource => ({
  name: "pages",
  units: async () => [],
  pages: async function* () {
    for (let page = 1; page <= pages; page += 1) {
      yield { records: [{}, {}], cursor: page < pages ? String(page) : undefined, readUnits: 1 };
    }
  },
});

test("a paced source waits for the gate and for the limit of items before each page", async () => {
  const { gate, clock } = gateWith((ms) => (ms < 20_000 ? 100_000 : 0));
  const items = itemRate({ itemsPerSecond: 1, clock });
  const source = pacedSource(sourceOf(3), { lag: gate, items });
  const times: number[] = [];
  for await (const _ of source.pages({ kind: "segment", segment: 0, segments: 1 }, undefined, never())) {
    times.push(Math.floor(clock.now() / 1_000));
  }
  expect(source.name).toBe("pages");
  expect(times).toEqual([20, 21, 23]);
});

test("a paced source without limits has the same pages, and ends early when the signal aborts", async () => {
  const stop = new AbortController();
  const cursors: unknown[] = [];
  const pages = pacedSource(sourceOf(3), {}).pages(
    { kind: "segment", segment: 0, segments: 1 },
    undefined,
    stop.signal,
  );
  for await (const { cursor } of pages) {
    cursors.push(cursor);
    if (cursors.length === 2) stop.abort();
  }
  expect(cursors).toEqual(["1", "2"]);
});
