// Waits for requests that a sink has started, and counts them. Whoever counts them counts at the target, so they arrive a little later.

import { setImmediate, setTimeout } from "node:timers/promises";
import { expectEqual } from "./expectation.ts";
import type { Harness } from "./harness.ts";

/** Time in which a request usually reaches the target. */
const requestMs = 30;

/** If the sink never stops sending requests, the wait ends after this many times. */
const mostWaits = 20;

/** After a pause of the whole process, timers come first. A target in this process reads its requests afterwards. */
const readWhatArrived = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
};

/** Resolves when the requests that the sink has started have reached the target. */
export const untilQuiet = async (harness: Pick<Harness, "requests">): Promise<void> => {
  for (let wait = 0; wait < mostWaits; wait += 1) {
    const before = harness.requests();
    await setTimeout(requestMs);
    await readWhatArrived();
    if (harness.requests() === before) return;
  }
};

/** Asserts that no request has followed the first `before` requests. `when` ends the subject of the error. */
export const expectNoRequests = async (
  harness: Pick<Harness, "requests">,
  before: number,
  when: string,
): Promise<void> => {
  await untilQuiet(harness);
  expectEqual(harness.requests() - before, 0, `requests ${when}`);
};

/** The sink must send its first request within this time. */
const firstRequestMs = 30_000;

/** Resolves when there are more requests than `before`, and no more arrive. Waits 30 seconds for the first one. */
export const untilRequested = async (harness: Pick<Harness, "requests">, before: number): Promise<void> => {
  const until = Date.now() + firstRequestMs;
  while (harness.requests() === before && Date.now() < until) await setTimeout(5);
  await untilQuiet(harness);
};
