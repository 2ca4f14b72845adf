// Receives the dead letters of a queue. Stores only what the caller keeps, because all messages together may exceed the
// memory.

import type { Envelope } from "@sluice/core/envelope";
import { type MessageSource, stillHidden } from "@sluice/inspect/queue";
import { s3Client } from "../aws/clients.ts";
import { openPayloads, type Payloads } from "../aws/payloads.ts";
import { readDeadLetters } from "../filter/dead-letter-filter.ts";
import { openQueue } from "../message-source/open-source.ts";
import { type MessageUnit, unitReceiver } from "../message-source/receive-units.ts";
import { resources } from "../pipeline-command/resources.ts";
import { counted } from "../terminal/format.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { DeadLettersOptions } from "./options.ts";

/** A queue of dead letters that is open. */
export interface OpenQueue {
  readonly filter: DeadLettersOptions["filter"];
  readonly terminal: Notes;
  readonly source: MessageSource;
  readonly payloads: Payloads;
  readonly signal: AbortSignal;
}

/** Dead letters, each with what the caller keeps of it. */
export type DeadLetters<Kept> = readonly MessageUnit<Kept>[];

/** The selected dead letters, and what is known about the other messages. */
export interface FoundDeadLetters<Kept> {
  readonly deadLetters: DeadLetters<Kept>;
  readonly unsupportedLines: readonly string[];
  /** Number of dead letters whose record is no longer in S3. Counts only records that were needed. */
  readonly lost: number;
  /** Number of needed records that were not read, because they are outside of the payload store. */
  readonly outside: number;
  /** Number of messages that SQS did not return: hidden or delayed messages, or messages beyond a limit of SQS. */
  readonly notReceived: number;
}

/** What a caller keeps of each message. */
export interface Keeping<Kept> {
  /** Default: true for each dead letter. */
  readonly needsRecord?: (envelope: Envelope) => boolean;
  readonly keep: (envelope: Envelope) => Kept | Promise<Kept>;
  /** If given, only messages without a readable envelope are selected. */
  readonly keepUnsupported?: ((body: string) => Kept | Promise<Kept>) | undefined;
}

/** Receives dead letters. The messages stay hidden until the source releases them. */
export const receiveDeadLetters = async <Kept>(
  { source, filter, payloads, signal, terminal }: OpenQueue,
  { needsRecord = () => true, keep, keepUnsupported }: Keeping<Kept>,
): Promise<FoundDeadLetters<Kept>> => {
  const status = await source.status();
  for (const note of status.notes) terminal.err(`${source.name}: ${note}`);
  let [lost, outside, received] = [0, 0, 0];
  const read = readDeadLetters<Kept>(filter, payloads, {
    needsRecord,
    keep: (envelope, isLost) => {
      if (isLost && payloads.isInside(envelope.recordUrl ?? "")) lost += 1;
      else if (isLost) outside += 1;
      return keep(envelope);
    },
    keepUnsupported,
  });
  const onProgress = (done: number): void =>
    terminal.progress.update({ doing: "receiving", done: received + done, total: status.available });
  const receiver = unitReceiver<Kept>({ source, read, onProgress });
  const deadLetters: MessageUnit<Kept>[] = [];
  for (;;) {
    const { units, size, isFull, failure } = await receiver.receive(signal);
    if (failure !== undefined) throw failure.error;
    deadLetters.push(...units);
    received += size;
    if (source.isFifo && size > 0 && !signal.aborted) continue;
    const rest = isFull || source.isFifo ? ((await source.status()).available ?? 0) : 0;
    const notReceived = stillHidden(status, received) + rest;
    return { deadLetters, unsupportedLines: receiver.unsupportedLines(), lost, outside, notReceived };
  }
};

/** Opens a queue, and closes it when `use` has ended. Messages that are still hidden are then released. */
export const withQueue = async <Result>(
  { queueUrl, payloadStore, aws }: Pick<DeadLettersOptions, "queueUrl" | "payloadStore" | "aws">,
  use: (opened: Pick<OpenQueue, "source" | "payloads">) => Promise<Result>,
): Promise<Result> => {
  const opened = resources();
  try {
    const payloads = opened.add(openPayloads(payloadStore, () => s3Client(aws)));
    return await use({ payloads, source: opened.add(await openQueue(queueUrl, aws)) });
  } finally {
    await opened.close();
  }
};

/** Formats the number of dead letters, and that of their messages if it differs: `3 dead letters in 4 messages`. */
export const sumText = (deadLetters: DeadLetters<unknown>, noun = "dead letter"): string => {
  const messages = deadLetters.reduce((sum, deadLetter) => sum + deadLetter.messages.length, 0);
  const more = messages === deadLetters.length ? "" : ` in ${counted(messages, "message")}`;
  return `${counted(deadLetters.length, noun)}${more}`;
};

/** Describes the messages that are unsupported, and those whose record could not be read. */
export const unreadLines = ({ unsupportedLines, lost, outside }: FoundDeadLetters<unknown>): string[] => [
  ...unsupportedLines,
  ...(lost > 0 ? [`${counted(lost, "record")} not found in S3, at the URL in the dead letter`] : []),
  ...(outside > 0
    ? [`${counted(outside, "record")} in S3 not read: outside of the store that --payload-store names`]
    : []),
];

/** Describes the messages that are unsupported, have lost their record, or were not received. */
export const restLines = (found: FoundDeadLetters<unknown>): string[] => [
  ...unreadLines(found),
  ...(found.notReceived > 0
    ? [`${counted(found.notReceived, "message")} could not be received: in flight, delayed, or behind these`]
    : []),
];
