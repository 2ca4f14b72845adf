// Receives batches, and invokes the function with several batches at once. Successful messages are deleted. Failed
// messages stay hidden until their visibility timeout is over. In a FIFO queue, failed messages block their group.

import { cutBatch } from "../lambda/batch.ts";
import { callFunction } from "../lambda/function-call.ts";
import type { ReceivedMessage } from "./message.ts";
import type { SqsMappingSettings } from "./options.ts";
import type { Queue } from "./queue.ts";

/**
 * Running totals, named after Lambda's event source mapping metrics.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
export interface SqsCounters {
  polledEventCount: number;
  /** Messages that were passed to the function. A message that is received again counts again. */
  invokedEventCount: number;
  /** All messages of each invocation that failed or reported a batch item failure. */
  failedInvokeEventCount: number;
  deletedEventCount: number;
  invocations: number;
}

/** Settings, counters and queue of a poller. */
export interface PollerContext {
  readonly settings: SqsMappingSettings;
  readonly counters: SqsCounters;
  readonly queue: Queue;
  readonly signal: AbortSignal;
}

/** Invokes the function and returns the messages that succeeded. */
const invoke = async (
  { settings, counters }: PollerContext,
  batch: readonly ReceivedMessage[],
): Promise<readonly ReceivedMessage[]> => {
  counters.invocations += 1;
  counters.invokedEventCount += batch.length;
  const { failedIds } = await callFunction(settings, batch, new Set(batch.map(({ id }) => id)));
  if (failedIds.size > 0) counters.failedInvokeEventCount += batch.length;
  return batch.filter(({ id }) => !failedIds.has(id));
};

const deliver = async (context: PollerContext, received: readonly ReceivedMessage[]): Promise<void> => {
  const { settings, counters, queue } = context;
  for (let left = received; left.length > 0; ) {
    // The received messages may need several events: ten messages of 1 MiB exceed Lambda's limit for an event.
    const { size } = cutBatch(left, settings.batchSize);
    const done = await invoke(context, left.slice(0, size));
    left = left.slice(size);
    try {
      await queue.remove(done);
      counters.deletedEventCount += done.length;
    } catch (error) {
      settings.onProblem(error);
    }
  }
};

/** Without a batching window, receives once. Otherwise receives until the batch is full or the window is over. */
const collect = async ({ settings, queue, signal }: PollerContext): Promise<ReceivedMessage[]> => {
  const { batchSize, windowMs, pollIntervalMs, clock } = settings;
  const collected = await queue.receive(batchSize);
  const endsAt = clock.now() + (collected.length === 0 ? 0 : windowMs);
  while (!cutBatch(collected, batchSize).isFull && clock.now() < endsAt && !signal.aborted) {
    const more = await queue.receive(batchSize - collected.length);
    collected.push(...more);
    if (more.length === 0) await clock.sleep(Math.min(pollIntervalMs, endsAt - clock.now()), signal);
  }
  return collected;
};

const missingQueueErrors = new Set(["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"]);

/** Receives messages. If a request fails, reports the error and returns `[]`. @throws if the queue does not exist. */
const poll = async (context: PollerContext): Promise<ReceivedMessage[]> => {
  try {
    const received = await collect(context);
    context.counters.polledEventCount += received.length;
    return received;
  } catch (error) {
    if (error instanceof Error && missingQueueErrors.has(error.name)) throw error;
    context.settings.onProblem(error);
    return [];
  }
};

/** Polls until the signal aborts, and then waits for the running invocations. @throws when the queue is gone. */
export const runPoller = async (context: PollerContext): Promise<void> => {
  const { settings, signal } = context;
  const inFlight = new Set<Promise<void>>();
  let pausing = new AbortController();
  const wake = (): void => pausing.abort();
  signal.addEventListener("abort", wake);
  const start = (received: readonly ReceivedMessage[]): void => {
    const running = deliver(context, received).finally(() => {
      inFlight.delete(running);
      // The next poll starts now, because the end of this batch may have unblocked a message group.
      wake();
    });
    inFlight.add(running);
  };
  try {
    while (!signal.aborted) {
      pausing = new AbortController();
      const received = inFlight.size < settings.concurrency ? await poll(context) : [];
      if (received.length > 0) start(received);
      else if (!signal.aborted) await settings.clock.sleep(settings.pollIntervalMs, pausing.signal);
    }
  } finally {
    await Promise.all(inFlight);
  }
};
