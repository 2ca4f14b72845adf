// A shard worker delivers the records of its items one batch at a time, so that the changes of an item stay in order. A
// shard has as many workers as its parallelization factor.

import { atMost } from "../lambda/at-most.ts";
import { cutBatch } from "../lambda/batch.ts";
import { notifier } from "./notifier.ts";
import type { StreamMappingSettings } from "./options.ts";
import type { PolledRecord } from "./polled-record.ts";

/** A queue of records, and the loop that delivers them. */
export interface ShardWorker {
  readonly push: (record: PolledRecord) => void;
  /** Closes the queue. Records that wait for a full batch are then delivered immediately. */
  readonly close: () => void;
  /** Delivers until the queue is closed and empty, or the signal aborts. */
  readonly run: () => Promise<void>;
}

/** Creates a worker with an empty queue. */
export const createShardWorker = (
  { batchSize, windowMs, clock }: StreamMappingSettings,
  signal: AbortSignal,
  deliver: (batch: readonly PolledRecord[]) => Promise<void>,
): ShardWorker => {
  const queue: PolledRecord[] = [];
  const arrival = notifier();
  let closed = false;
  signal.addEventListener("abort", arrival.notify);
  /** Milliseconds for which the next batch may still wait. The batching window begins with the batch's first record. */
  const remainingWindowMs = (isFull: boolean): number => {
    const [first] = queue;
    if (isFull || closed || !first) return 0;
    return first.queuedAtMs + windowMs - clock.now();
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const { size, isFull } = cutBatch(queue, batchSize);
      if (size === 0 && closed) return;
      const waitMs = remainingWindowMs(isFull);
      if (size === 0) await arrival.wait();
      else if (waitMs > 0) await atMost(clock, waitMs, arrival.wait());
      else await deliver(queue.splice(0, size));
    }
  };
  const push = (record: PolledRecord): void => {
    queue.push(record);
    arrival.notify();
  };
  const close = (): void => {
    closed = true;
    arrival.notify();
  };
  return { push, close, run };
};
