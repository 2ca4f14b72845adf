import { expect, test } from "@jest/globals";
import { rateLimiter, semaphore } from "../src/async/rate-limiter.ts";
import { manualClock, settle } from "./clocks.ts";

test("rateLimiter come as evenly as the rate asks, in the order of asking", async () => {
  const { clock, advance } = manualClock();
  const startedAt = clock.now();
  const turn = rateLimiter(10, clock);
  const log: string[] = [];
  for (const name of ["a", "b", "c"])
    void turn(new AbortController().signal).then(() => log.push(`${name} ${clock.now() - startedAt}`));
  for (let tenth = 0; tenth < 3; tenth += 1) await advance(100);
  expect(log).toEqual(["a 0", "b 100", "c 200"]);
});

test("a pause is not made up for by a burst", async () => {
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

test("the turn of one that gave up is the next one's", async () => {
  const { clock, advance, sleepers } = manualClock();
  const startedAt = clock.now();
  const turn = rateLimiter(1, clock);
  await turn(new AbortController().signal);
  const given = new AbortController();
  const gaveUp = turn(given.signal);
  const next = turn(new AbortController().signal).then(() => clock.now() - startedAt);
  await settle();
  given.abort();
  await gaveUp;
  await advance(1_000);
  expect(await next).toBe(1_000);
  expect(sleepers()).toBe(0);
});

test("without a limit nobody waits", async () => {
  const { clock } = manualClock();
  const startedAt = clock.now();
  const turn = rateLimiter(Number.POSITIVE_INFINITY, clock);
  for (let count = 0; count < 50; count += 1) await turn(new AbortController().signal);
  expect(clock.now()).toBe(startedAt);
});

test("semaphore are taken up to their number, and handed on in the order of asking", async () => {
  const { take, give } = semaphore(2);
  const log: number[] = [];
  for (const name of [1, 2, 3, 4]) void take().then(() => log.push(name));
  await settle();
  expect(log).toEqual([1, 2]);
  give();
  await settle();
  expect(log).toEqual([1, 2, 3]);
  give();
  give();
  give();
  await settle();
  expect(log).toEqual([1, 2, 3, 4]);
});
