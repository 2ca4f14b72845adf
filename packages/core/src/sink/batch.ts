// Steps that sinks share: encoding a batch, sending it in parts, failing all its entries, and stopping at the deadline.

import { type DeliveryError, isDeliveryError, outcomeOf, SinkError } from "../errors.ts";
import { encodingError } from "./encoding-error.ts";
import { type Delivery, failed, type Sink, superseded, type WriteContext, type WriteResult } from "./sink.ts";
import { notStarted } from "./sink-error.ts";

/** The encoded deliveries of a batch, and the results of deliveries that could not be encoded. */
export interface EncodedBatch<Entry> {
  readonly entries: readonly Entry[];
  readonly results: readonly WriteResult[];
}

/**
 * Returns a failed result if the error of a request concerns this delivery, and rethrows any other error. For errors of
 * encoding, use `encodingError`.
 */
export const failedBy = (delivery: Delivery, error: unknown): WriteResult => {
  if (isDeliveryError(error)) return failed(delivery, error);
  throw error;
};

const isPrecaution = (delivery: Delivery): boolean => "isPrecaution" in delivery && delivery.isPrecaution === true;

/**
 * Encodes each delivery. An error fails only its own delivery, whatever the message is. A precaution that cannot be
 * encoded is superseded: a key that the target cannot have has no copy.
 * @throws {ConfigError} the ConfigError of an encoder, because a wrong option concerns every delivery.
 */
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
      const reason = encodingError(error);
      results.push(isPrecaution(delivery) ? superseded(delivery) : failed(delivery, reason));
    }
  }
  return { entries, results };
};

/** Fails every entry with the same error. */
export const failAll = (entries: readonly { readonly delivery: Delivery }[], error: DeliveryError): WriteResult[] =>
  entries.map(({ delivery }) => failed(delivery, error));

/** Splits entries in the middle. If their number is odd, the first half is longer. */
export const halves = <Entry>(entries: readonly Entry[]): [Entry[], Entry[]] => {
  const middle = Math.ceil(entries.length / 2);
  return [entries.slice(0, middle), entries.slice(middle)];
};

/** Resolves with the value of the work. If the work rejects with a SinkError, resolves with that error. */
export const orSinkError = async <Value>(work: Promise<Value>): Promise<Value | SinkError> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
};

/** Settings for sending a batch in parts. */
export interface PartSender<Entry> {
  /** The sink's name, for errors. */
  readonly sink: string;
  readonly signal: AbortSignal;
  /** Sends one part. Rejects with a SinkError if all entries of the part fail for the same reason. */
  readonly send: (part: readonly Entry[]) => Promise<readonly WriteResult[]>;
  readonly split: (part: readonly Entry[]) => readonly (readonly Entry[])[];
}

/**
 * Sends parts one after the other. If the target rejects a part, the part is split and sent again, so that only the bad
 * entry is rejected. After any other failure, the remaining entries fail without a request, because it would fail too.
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

/** The context of calls outside an invocation, such as `ensure` and `purge`. These calls have no deadline. */
export const withoutDeadline: WriteContext = {
  signal: new AbortController().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
};

/**
 * Wraps a `write` or `dryRun` so that the target gets no empty batch, and no batch after the deadline. If the call
 * rejects with SINK_TIMEOUT, only the deliveries of this call fail: the target may be healthy.
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
