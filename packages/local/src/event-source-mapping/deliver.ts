// What happens to a batch until each of its records is done with: repeats, bisecting, age, the on-failure destination.

import type { Counters } from "./counters.ts";
import { type Invocation, invoke } from "./invoke.ts";
import { type DiscardCondition, discardedBatch, objectKey } from "./on-failure.ts";
import type { Settings } from "./options.ts";
import type { Entry } from "./polled-record.ts";

/** What the delivery of a batch depends on. */
export interface DeliverContext {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly mappingId: string;
  readonly shardId: string;
  readonly signal: AbortSignal;
  /** Told of records that are done with, in order. */
  readonly settle: (entries: readonly Entry[]) => void;
}

/** A batch that still has to succeed, with its history. A batch that changes is a new one: its attempts start at 0. */
interface Pending {
  readonly entries: readonly Entry[];
  readonly attempts: number;
  readonly last: Invocation | undefined;
}

const fresh = (entries: readonly Entry[]): Pending => ({ entries, attempts: 0, last: undefined });

const discard = async (context: DeliverContext, batch: Pending, condition: DiscardCondition): Promise<void> => {
  const { settings, counters, shardId } = context;
  const [first, ...others] = batch.entries;
  if (!first) return;
  const nowMs = settings.clock.now();
  const discarded = discardedBatch(
    {
      entries: [first, ...others],
      condition,
      invokeCount: batch.attempts,
      requestId: batch.last?.requestId,
      functionError: batch.last?.functionError ?? null,
      shardId,
      streamArn: settings.streamArn,
      functionArn: settings.functionArn,
      nowMs,
    },
    settings.onFailure?.kind ?? "sqs",
  );
  try {
    await settings.onFailure?.send(discarded, { key: objectKey(context.mappingId, shardId, nowMs) });
    if (settings.onFailure) counters.onFailureDestinationDeliveredEventCount += batch.entries.length;
    else counters.droppedEventCount += batch.entries.length;
  } catch (error) {
    // AWS drops the records; only the metrics tell.
    counters.destinationDeliveryFailures += 1;
    counters.droppedEventCount += batch.entries.length;
    settings.onProblem(error);
  }
  context.settle(batch.entries);
};

/** How many records at the head are older than the limit. */
const olderThan = (entries: readonly Entry[], limitMs: number, nowMs: number): number => {
  const young = entries.findIndex(({ createdAtMs }) => nowMs - createdAtMs <= limitMs);
  return young === -1 ? entries.length : young;
};

/** Takes off the head what the stream has forgotten, and what is past the maximum age. */
const withoutOld = async (context: DeliverContext, batch: Pending): Promise<Pending> => {
  const { settings, counters } = context;
  const nowMs = settings.clock.now();
  const trimmed = olderThan(batch.entries, settings.trimHorizonMs, nowMs);
  counters.trimmedEventCount += trimmed;
  context.settle(batch.entries.slice(0, trimmed));
  const readable = batch.entries.slice(trimmed);
  const expired = olderThan(readable, settings.maxAgeMs, nowMs);
  await discard(context, { ...batch, entries: readable.slice(0, expired) }, "RecordAgeExceeded");
  return trimmed + expired === 0 ? batch : fresh(readable.slice(expired));
};

const invokeCounted = async (context: DeliverContext, entries: readonly Entry[]): Promise<Invocation> => {
  const { settings, counters } = context;
  counters.invocations += 1;
  counters.invokedEventCount += entries.length;
  counters.iteratorAgeMs = settings.clock.now() - (entries.at(-1)?.createdAtMs ?? 0);
  const invocation = await invoke(settings, entries);
  if (invocation.failedFrom !== undefined) counters.failedInvokeEventCount += entries.length;
  return invocation;
};

/** What follows a failure that made no progress: halves (free of quota), the end, or the same batch again. */
const afterFailure = async (context: DeliverContext, batch: Pending): Promise<readonly Pending[]> => {
  const { settings } = context;
  const { entries, attempts } = batch;
  if (settings.bisects && entries.length > 1) {
    const middle = Math.ceil(entries.length / 2);
    return [fresh(entries.slice(0, middle)), fresh(entries.slice(middle))];
  }
  if (attempts > settings.maxRepeats) {
    await discard(context, batch, "RetryAttemptsExhausted");
    return [];
  }
  await settings.clock.sleep(settings.retryDelayMs(attempts), context.signal);
  return [batch];
};

/** One attempt; returns what still has to be done, in order. */
const attempt = async (context: DeliverContext, before: Pending): Promise<readonly Pending[]> => {
  const { entries, attempts } = await withoutOld(context, before);
  if (entries.length === 0) return [];
  const invocation = await invokeCounted(context, entries);
  const { failedFrom } = invocation;
  context.settle(entries.slice(0, failedFrom));
  if (failedFrom === undefined) return [];
  if (failedFrom > 0) return [fresh(entries.slice(failedFrom))];
  return afterFailure(context, { entries, attempts: attempts + 1, last: invocation });
};

/** Delivers a batch until all its records are settled, or the signal aborts. */
export const deliver = async (context: DeliverContext, entries: readonly Entry[]): Promise<void> => {
  const pending: Pending[] = [fresh(entries)];
  while (!context.signal.aborted) {
    const next = pending.shift();
    if (!next) return;
    pending.unshift(...(await attempt(context, next)));
  }
};
