// Steps of a batch that sinks share: encoding it, sending it in parts, failing it, and stopping at the deadline.

import { type DeliveryError, outcomeOf, SinkError } from "../errors.ts";
import { type Delivery, failed, type Sink, type WriteContext, type WriteResult } from "./sink.ts";
import { notStarted } from "./sink-error.ts";

/** The deliveries of a batch that were encoded, and the results of those that could not be. */
export interface EncodedBatch<Entry> {
  readonly entries: readonly Entry[];
  readonly results: readonly WriteResult[];
}

/** By code and not by class: the error may come from another copy of core, through the user's code. */
const isDeliveryError = (error: unknown): error is DeliveryError =>
  error instanceof Error && "code" in error && /^(SINK|RECORD|MAPPING)_/.test(String(error.code));

/** The failed result for an error that belongs to this delivery. Throws any other error again. */
export const failedBy = (delivery: Delivery, error: unknown): WriteResult => {
  if (isDeliveryError(error)) return failed(delivery, error);
  throw error;
};

/** Encodes each delivery; a SinkError or RecordError fails its delivery alone. */
export const encodeEach = <Given extends Delivery, Entry>(
  batch: readonly Given[],
  encode: (delivery: Given) => Entry,
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
export const failAll = (entries: readonly { readonly delivery: Delivery }[], error: DeliveryError): WriteResult[] =>
  entries.map(({ delivery }) => failed(delivery, error));

/** Splits entries in the middle. The first half of an odd number is the longer one. */
export const halves = <Entry>(entries: readonly Entry[]): [Entry[], Entry[]] => {
  const middle = Math.ceil(entries.length / 2);
  return [entries.slice(0, middle), entries.slice(middle)];
};

/** Resolves as the work does, or with the SinkError that the work rejects with. */
export const orSinkError = async <Value>(work: Promise<Value>): Promise<Value | SinkError> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
};

/** How a batch is sent in parts. */
export interface PartSender<Entry> {
  /** The sink's name, for errors. */
  readonly sink: string;
  readonly signal: AbortSignal;
  /** Sends one part. Rejects with a SinkError that all of its entries share. */
  readonly send: (part: readonly Entry[]) => Promise<readonly WriteResult[]>;
  readonly split: (part: readonly Entry[]) => readonly (readonly Entry[])[];
}

/**
 * Sends parts one after the other. A part that the target rejects is split and sent again, so that only the bad entry is
 * rejected. Any other failure ends the call, because the next part would fail too: it fails the entries that are left.
 */
export const sendInParts = async <Entry extends { readonly delivery: Delivery }>(
  parts: readonly (readonly Entry[])[],
  { sink, signal, send, split }: PartSender<Entry>,
): Promise<WriteResult[]> => {
  const results: WriteResult[] = [];
  const left = [...parts];
  for (let part = left[0]; part !== undefined; part = left[0]) {
    const sent = signal.aborted ? notStarted(sink) : await orSinkError(send(part));
    if ("code" in sent && outcomeOf(sent.code) === "retry") return [...results, ...failAll(left.flat(), sent)];
    left.shift();
    if (!("code" in sent)) results.push(...sent);
    else if (part.length > 1) left.unshift(...split(part));
    else results.push(...failAll(part, sent));
  }
  return results;
};

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
    const results = await orSinkError(write(batch, context));
    if (!(results instanceof SinkError)) return results;
    if (results.code !== "SINK_TIMEOUT") throw results;
    return batch.map((delivery) => failed(delivery, results));
  };
