import { describe, expect, test } from "@jest/globals";
import { rateLimiter, semaphore } from "../src/async/rate-limiter.ts";
import { manualClock, settle } from "./clocks.ts";

describe("rateLimiter", () => {
  test("starts requests at even intervals and in order", async () => {
    const { clock, advance } = manualClock();
    const startedAt = clock.now();
    const turn = rateLimiter(10, clock);
    const log: string[] = [];
    for (const name of ["a", "b", "c"])
      void turn(new AbortController().signal).then(() => log.push(`${name} ${clock.now() - startedAt}`));
    for (let tenth = 0; tenth < 3; tenth += 1) await advance(100);
    expect(log).toEqual(["a 0", "b 100", "c 200"]);
  });

  test("does not send a burst after a pause", async () => {
    const { clock, advance } = manualClock();
    const startedAt = clock.now();
    const turn = rateLimiter(10, clock);
    const signal = new AbortController().signal;
    await turn(signal);
    await advance(5_000);
    await turn(signal);
    const third = turn(signal).then(() => clock.now() - startedAt);
    await advance(100);
    expect(await third).toBe(5_100);
  });

  test("waits at most one interval if the clock is set back", async () => {
    const { clock, advance } = manualClock();
    let setBackMs = 0;
    const turn = rateLimiter(10, { now: () => clock.now() - setBackMs, sleep: clock.sleep });
    const { signal } = new AbortController();
    await turn(signal);
    setBackMs = 3_600_000;
    let isDone = false;
    void turn(signal).then(() => {
      isDone = true;
    });
    await advance(100);
    expect(isDone).toBe(true);
  });

  test("gives the place of an aborted request to the next request", async () => {
    const { clock, advance, sleepers } = manualClock();
    const startedAt = clock.now();
    const turn = rateLimiter(1, clock);
    await turn(new AbortController().signal);
    const controller = new AbortController();
    const aborted = turn(controller.signal);
    const next = turn(new AbortController().signal).then(() => clock.now() - startedAt);
    await settle();
    controller.abort();
    await aborted;
    await advance(1_000);
    expect(await next).toBe(1_000);
    expect(sleepers()).toBe(0);
  });

  test("starts the next request at once if the clock is set back, and later requests at the usual intervals", async () => {
    const { clock } = manualClock();
    let setBackMs = 0;
    const slept: number[] = [];
    const turn = rateLimiter(10, {
      now: () => clock.now() - setBackMs,
      sleep: async (ms) => void slept.push(ms),
    });
    const { signal } = new AbortController();
    await turn(signal);
    setBackMs = 3_600_000;
    await turn(signal);
    await turn(signal);
    expect(slept).toEqual([100]);
  });

  test("does not delay requests if there is no limit", async () => {
    const { clock } = manualClock();
    const startedAt = clock.now();
    const turn = rateLimiter(Number.POSITIVE_INFINITY, clock);
    for (let count = 0; count < 50; count += 1) await turn(new AbortController().signal);
    expect(clock.now()).toBe(startedAt);
  });
});

describe("semaphore", () => {
  test("runs as many calls at once as it has permits, and the other calls later in their order", async () => {
    const run = semaphore(2);
    const started: number[] = [];
    const endings: (() => void)[] = [];
    const work = (name: number) => () => {
      started.push(name);
      return new Promise<void>((resolve) => endings.push(resolve));
    };
    const all = [1, 2, 3, 4].map((name) => run(work(name)));
    await settle();
    expect(started).toEqual([1, 2]);
    endings.shift()?.();
    await settle();
    expect(started).toEqual([1, 2, 3]);
    for (const end of endings) end();
    await settle();
    expect(started).toEqual([1, 2, 3, 4]);
    for (const end of endings) end();
    await Promise.all(all);
  });

  test("releases its permit when the work rejects", async () => {
    const run = semaphore(1);
    await expect(run(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await run(async () => "done")).toBe("done");
  });
});
