// Steps of a batch that the upsert sinks share: encoding it, failing and splitting it, and stopping at the deadline.

import { DeadlineError, type DeliveryError, SinkError } from "../errors.ts";
import { failed, type Sink, type UpsertDelivery, type WriteContext, type WriteResult } from "./sink.ts";

/** The deliveries of a batch that were encoded, and the results of those that could not be. */
export interface EncodedBatch<Entry> {
  readonly entries: readonly Entry[];
  readonly results: readonly WriteResult[];
}

/** By code and not by class: the error may come from another copy of core, through the user's code. */
const isDeliveryError = (error: unknown): error is DeliveryError =>
  error instanceof Error && "code" in error && /^(SINK|RECORD|MAPPING)_/.test(String(error.code));

/** The failed result for an error that belongs to this delivery. Throws any other error again. */
export const failedBy = (delivery: UpsertDelivery<unknown>, error: unknown): WriteResult => {
  if (isDeliveryError(error)) return failed(delivery, error);
  throw error;
};

/** Encodes each delivery; a SinkError or RecordError fails its delivery alone. */
export const encodeEach = <Message, Entry>(
  batch: readonly UpsertDelivery<Message>[],
  encode: (delivery: UpsertDelivery<Message>) => Entry,
): EncodedBatch<Entry> => {
  const entries: Entry[] = [];
  const results: WriteResult[] = [];
  for (const delivery of batch) {
    try {
      entries.push(encode(delivery));
    } catch (error) {
      results.push(failedBy(delivery, error));
    }
  }
  return { entries, results };
};

/** Fails every entry with the same error. */
export const failAll = (
  entries: readonly { readonly delivery: UpsertDelivery<unknown> }[],
  error: DeliveryError,
): WriteResult[] => entries.map(({ delivery }) => failed(delivery, error));

/** Splits entries in the middle. The first half of an odd number is the longer one. */
export const halves = <Entry>(entries: readonly Entry[]): [Entry[], Entry[]] => {
  const middle = Math.ceil(entries.length / 2);
  return [entries.slice(0, middle), entries.slice(middle)];
};

/** The error of a delivery whose write was not started, because the signal had aborted. */
export const notStarted = (sink: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${sink}] the invocation's time was over before the write was started`);

/** The context of calls outside an invocation, such as `ensure` and `purge`: without a deadline. */
export const withoutDeadline: WriteContext = {
  signal: new AbortController().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
};

/**
 * Wraps a `write` or `dryRun`: an empty batch, and a batch after the deadline, never reach the target. A SINK_TIMEOUT that
 * `write` rejects with fails the deliveries: time ran out, and the target may be well.
 */
export const withinDeadline =
  <Message>(sink: string, write: Sink<Message, "upsert">["write"]): Sink<Message, "upsert">["write"] =>
  async (batch, context) => {
    if (batch.length === 0) return [];
    if (context.signal.aborted) return batch.map((delivery) => failed(delivery, notStarted(sink)));
    try {
      return await write(batch, context);
    } catch (error) {
      if (!(error instanceof SinkError) || error.code !== "SINK_TIMEOUT") throw error;
      return batch.map((delivery) => failed(delivery, error));
    }
  };
