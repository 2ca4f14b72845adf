// Receives the dead letters of a queue that a filter selects, each of them once.

import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import type { Payloads } from "../aws/payloads.ts";
import { type DeadLetterFilter, isSelected } from "../filter/dead-letter-filter.ts";
import {
  type MessageSource,
  type SourceMessage,
  type SourceStatus,
  stillHidden,
} from "../message-source/message-source.ts";
import { unsupportedMessages } from "../message-source/unsupported-messages.ts";

/** A dead letter, and the messages that contain it. */
export interface FoundDeadLetter<Kept> {
  /** What the command keeps of the dead letter. */
  readonly kept: Kept;
  readonly messages: string[];
  readonly recordUrls: string[];
}

/** Dead letters that were received. */
export interface FoundDeadLetters<Kept> {
  readonly deadLetters: readonly FoundDeadLetter<Kept>[];
  /** A line for each kind of unsupported message. */
  readonly unsupported: readonly string[];
  /** Dead letters whose records were needed and are lost. */
  readonly lost: number;
  /** Messages that could not be received: in flight, delayed, too many, or behind others of a FIFO queue's group. */
  readonly notReceived: number;
}

/** What receiving needs. */
export interface ReceiveOptions<Kept> {
  readonly source: MessageSource;
  readonly status: SourceStatus;
  readonly filter: DeadLetterFilter;
  readonly payloads: Payloads;
  /** Whether the record is needed, which may be stored in S3. */
  readonly needsRecord: (envelope: Envelope) => boolean;
  /** Returns what is kept of a dead letter: a queue may contain more than fits into memory. */
  readonly keep: (envelope: Envelope) => Promise<Kept>;
  readonly signal: AbortSignal;
  readonly onProgress: (received: number) => void;
}

/** Receives the available messages. They stay hidden until the caller removes or releases them. */
export const receiveDeadLetters = async <Kept>(options: ReceiveOptions<Kept>): Promise<FoundDeadLetters<Kept>> => {
  const { source, status, filter, payloads, needsRecord, keep, signal, onProgress } = options;
  const found = new Map<string, FoundDeadLetter<Kept>>();
  const unsupported = unsupportedMessages();
  let [lost, received] = [0, 0];

  const wholeOf = async (envelope: Envelope): Promise<Envelope> => {
    const isFetched = envelope.recordUrl !== undefined && (filter.keys !== undefined || needsRecord(envelope));
    const whole = isFetched ? await payloads.fetch(envelope) : envelope;
    if (whole === undefined) lost += 1;
    return whole ?? envelope;
  };

  const newDeadLetter = async (envelope: Envelope): Promise<FoundDeadLetter<Kept> | undefined> => {
    if (!isSelected({ ...filter, keys: undefined }, envelope)) return undefined;
    const whole = await wholeOf(envelope);
    return isSelected(filter, whole) ? { kept: await keep(whole), messages: [], recordUrls: [] } : undefined;
  };

  const sort = async (message: SourceMessage): Promise<void> => {
    const envelope = decodeEnvelope(message.body);
    if (envelope === undefined) return unsupported.add(message);
    const deadLetter = found.get(envelope.id) ?? (await newDeadLetter(envelope));
    if (deadLetter === undefined) return;
    found.set(envelope.id, deadLetter);
    deadLetter.messages.push(message.id);
    if (envelope.recordUrl !== undefined) deadLetter.recordUrls.push(envelope.recordUrl);
  };

  const pass = async (message: SourceMessage): Promise<void> => {
    received += 1;
    await sort(message);
    onProgress(received);
  };
  let [isFull, before] = [false, -1];
  while (!signal.aborted && received > before && (before < 0 || source.isFifo)) {
    before = received;
    isFull = (await source.receiveAll(pass, signal)).isFull;
  }
  const rest = isFull || source.isFifo ? ((await source.status()).available ?? 0) : 0;
  const notReceived = stillHidden(status, received) + rest;
  return { deadLetters: [...found.values()], unsupported: unsupported.lines(), lost, notReceived };
};
