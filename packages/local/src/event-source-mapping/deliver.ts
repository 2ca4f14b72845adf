// Delivers a batch until all its records are finished. Uses retries, bisection, age limits and a failure destination.

import { type DeliverContext, discard, type PendingBatch } from "./discard.ts";
import { type InvocationResult, invoke } from "./invoke.ts";
import type { PolledRecord } from "./polled-record.ts";

const newBatch = (records: readonly PolledRecord[]): PendingBatch => ({ records, attempts: 0, last: undefined });

/** Number of records at the head of a batch that are older than the limit. */
const olderThan = (records: readonly PolledRecord[], limitMs: number, nowMs: number): number => {
  const young = records.findIndex(({ createdAtMs }) => nowMs - createdAtMs <= limitMs);
  return young === -1 ? records.length : young;
};

/** Removes trimmed records, and records above the maximum age, from the head of the batch. */
const withoutOld = async (context: DeliverContext, batch: PendingBatch): Promise<PendingBatch> => {
  const { settings, counters } = context;
  const nowMs = settings.clock.now();
  const trimmed = olderThan(batch.records, settings.trimHorizonMs, nowMs);
  counters.trimmedEventCount += trimmed;
  context.finish(batch.records.slice(0, trimmed));
  const readable = batch.records.slice(trimmed);
  const expired = olderThan(readable, settings.maxAgeMs, nowMs);
  await discard(context, { ...batch, records: readable.slice(0, expired) }, "RecordAgeExceeded");
  return trimmed + expired === 0 ? batch : newBatch(readable.slice(expired));
};

const invokeCounted = async (context: DeliverContext, records: readonly PolledRecord[]): Promise<InvocationResult> => {
  const { settings, counters } = context;
  counters.invocations += 1;
  counters.invokedEventCount += records.length;
  counters.iteratorAgeMs = settings.clock.now() - (records.at(-1)?.createdAtMs ?? 0);
  const result = await invoke(settings, records);
  if (result.failedFrom !== undefined) counters.failedInvokeEventCount += records.length;
  return result;
};

/** Returns the batches to deliver after the first record failed: both halves, the whole batch, or none if discarded. */
const afterFailure = async (context: DeliverContext, batch: PendingBatch): Promise<readonly PendingBatch[]> => {
  const { settings } = context;
  const { records, attempts } = batch;
  if (settings.bisects && records.length > 1) {
    const middle = Math.ceil(records.length / 2);
    return [newBatch(records.slice(0, middle)), newBatch(records.slice(middle))];
  }
  if (attempts > settings.maxRetries) {
    await discard(context, batch, "RetryAttemptsExhausted");
    return [];
  }
  await settings.clock.sleep(settings.retryDelayMs(attempts), context.signal);
  return [batch];
};

/** Makes one attempt. Returns the batches that must still be delivered, in order. */
const attempt = async (context: DeliverContext, before: PendingBatch): Promise<readonly PendingBatch[]> => {
  const { records, attempts } = await withoutOld(context, before);
  if (records.length === 0) return [];
  const result = await invokeCounted(context, records);
  const { failedFrom } = result;
  context.finish(records.slice(0, failedFrom));
  if (failedFrom === undefined) return [];
  if (failedFrom > 0) return [newBatch(records.slice(failedFrom))];
  return afterFailure(context, { records, attempts: attempts + 1, last: result });
};

/** Delivers a batch until all its records are finished, or the signal aborts. */
export const deliver = async (context: DeliverContext, records: readonly PolledRecord[]): Promise<void> => {
  const pending: PendingBatch[] = [newBatch(records)];
  while (!context.signal.aborted) {
    const next = pending.shift();
    if (!next) return;
    pending.unshift(...(await attempt(context, next)));
  }
};
