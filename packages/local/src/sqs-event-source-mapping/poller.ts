// Receives batches and invokes the function with them, several at once. What succeeded is deleted; what failed stays
// hidden until its visibility timeout is over, and of a FIFO queue its whole group with it.

import { cutBatch, eventText } from "../lambda/batch.ts";
import { callFunction, reportedIds } from "../lambda/function-call.ts";
import type { ReceivedMessage } from "./message.ts";
import type { SqsSettings } from "./options.ts";
import type { Queue } from "./queue.ts";

/**
 * Running totals, named after Lambda's event source mapping metrics.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
export interface SqsCounters {
  polledEventCount: number;
  /** Repeats count again. */
  invokedEventCount: number;
  /** Events of the invocations that failed, or that reported any batch item failure. */
  failedInvokeEventCount: number;
  deletedEventCount: number;
  invocations: number;
}

/** What a poller depends on. */
export interface PollerContext {
  readonly settings: SqsSettings;
  readonly counters: SqsCounters;
  readonly queue: Queue;
  readonly signal: AbortSignal;
}

/** The messages that did not fail. */
const succeeded = async (
  { settings, counters }: PollerContext,
  batch: readonly ReceivedMessage[],
): Promise<readonly ReceivedMessage[]> => {
  counters.invocations += 1;
  counters.invokedEventCount += batch.length;
  const ids = new Set(batch.map(({ id }) => id));
  const { threw, response } = await callFunction(settings, eventText(batch));
  const reported = settings.reportsBatchItemFailures ? reportedIds(response, (id) => ids.has(id)) : [];
  const failed = threw ? "all" : reported;
  if (failed.length > 0) counters.failedInvokeEventCount += batch.length;
  return failed === "all" ? [] : batch.filter(({ id }) => !failed.includes(id));
};

const deliver = async (context: PollerContext, received: readonly ReceivedMessage[]): Promise<void> => {
  const { settings, counters, queue } = context;
  for (let left = received; left.length > 0; ) {
    // Ten messages of a MiB are more than an event may hold.
    const { size } = cutBatch(left, settings.batchSize);
    const done = await succeeded(context, left.slice(0, size));
    left = left.slice(size);
    try {
      await queue.remove(done);
      counters.deletedEventCount += done.length;
    } catch (error) {
      settings.onProblem(error);
    }
  }
};

/** One receive, or all until the batch is full or its window over. */
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

const missing = new Set(["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"]);

/** @throws when the queue is gone. Any other failure is reported, and tried again. */
const poll = async (context: PollerContext): Promise<ReceivedMessage[]> => {
  try {
    const received = await collect(context);
    context.counters.polledEventCount += received.length;
    return received;
  } catch (error) {
    if (error instanceof Error && missing.has(error.name)) throw error;
    context.settings.onProblem(error);
    return [];
  }
};

/** Polls until the signal aborts, and then lets the invocations come to their end. @throws when the queue is gone. */
export const runPoller = async (context: PollerContext): Promise<void> => {
  const { settings, signal } = context;
  const inFlight = new Set<Promise<void>>();
  let pausing = new AbortController();
  const wake = (): void => pausing.abort();
  signal.addEventListener("abort", wake);
  const start = (received: readonly ReceivedMessage[]): void => {
    const running = deliver(context, received).finally(() => {
      inFlight.delete(running);
      // That may have freed a group.
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
