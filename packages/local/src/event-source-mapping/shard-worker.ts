// A lane delivers the records of its items one batch at a time, so that each item keeps its order. A shard has as many
// lanes as its parallelization factor.

import type { Clock } from "../fake-clock.ts";
import { cutBatch } from "../lambda/batch.ts";
import { latch } from "./condition.ts";
import type { Entry } from "./polled-record.ts";

/** A queue with one consumer. */
export interface Lane {
  readonly push: (entry: Entry) => void;
  /** Nothing more will be pushed: what waits for its window goes at once. */
  readonly close: () => void;
  /** Delivers until the lane is closed and empty, or the signal aborts. */
  readonly run: () => Promise<void>;
}

/** What a lane depends on. */
export interface LaneSettings {
  readonly batchSize: number;
  readonly windowMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly deliver: (batch: readonly Entry[]) => Promise<void>;
}

export const createLane = ({ batchSize, windowMs, clock, signal, deliver }: LaneSettings): Lane => {
  const queue: Entry[] = [];
  const arrival = latch();
  let closed = false;
  signal.addEventListener("abort", arrival.notify);
  const waitForMore = async (ms: number): Promise<void> => {
    const timer = new AbortController();
    await Promise.race([arrival.wait(), clock.sleep(ms, timer.signal)]);
    timer.abort();
  };
  /** Milliseconds until the batch at the head has to go; the window opens when its first record arrives. */
  const patience = (isFull: boolean): number => {
    const [first] = queue;
    if (isFull || closed || !first) return 0;
    return first.queuedAtMs + windowMs - clock.now();
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const { size, isFull } = cutBatch(queue, batchSize);
      if (size === 0 && closed) return;
      const waitMs = patience(isFull);
      if (size === 0) await arrival.wait();
      else if (waitMs > 0) await waitForMore(waitMs);
      else await deliver(queue.splice(0, size));
    }
  };
  const push = (entry: Entry): void => {
    queue.push(entry);
    arrival.notify();
  };
  const close = (): void => {
    closed = true;
    arrival.notify();
  };
  return { push, close, run };
};
