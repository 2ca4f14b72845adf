import { afterEach, expect, jest, test } from "@jest/globals";
import type { Overview } from "../src/index.ts";
import { watchOverview } from "../src/server/overview-watch.ts";

afterEach(() => {
  jest.useRealTimers();
});

test("pages that come one after another share one timer", async () => {
  jest.useFakeTimers();
  let asked = 0;
  const overview = async (): Promise<Overview> => {
    asked += 1;
    return { at: asked, pipelines: [], routes: [], queues: [], problems: [] };
  };
  const ending = new AbortController();
  const watch = watchOverview({ host: { overview }, closing: ending.signal, onError: () => {} });
  const heard: number[] = [];
  const leave = [0, 1, 2, 3].map(() => watch.onOverview(() => {}));
  await jest.advanceTimersByTimeAsync(500);
  leave.push(watch.onOverview(({ at }) => heard.push(at)));
  expect(heard).toEqual([1]);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(asked).toBe(11);
  expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  for (const end of leave) end();
  await jest.advanceTimersByTimeAsync(10_000);
  expect(asked).toBe(11);
  ending.abort();
});
