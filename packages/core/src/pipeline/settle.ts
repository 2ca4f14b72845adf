// Sees to what was not delivered: dead letters, deliveries that are too old for the retry queue, and messages that are
// to wait or to go.

import type { FailedMessage } from "../envelope/retry-queue.ts";
import type { QueueRecord } from "../intake/event.ts";
import type { Invocation } from "./invocation.ts";
import { blockRejected, type RouteResult, receiptOf, rejectExpired, writeDeadLetters } from "./report.ts";

/** A dead letter that is rejected once more stays in its queue as it is. */
const staysInItsQueue = ({ origin, received }: Invocation, position: number): boolean =>
  origin === "redrive" && received[position]?.envelope !== undefined;

const isExpired = ({ received, parts }: Invocation, position: number): boolean => {
  const { firstFailedAt } = received[position]?.envelope ?? {};
  if (firstFailedAt === undefined || parts.retryQueue === undefined) return false;
  // A text that is no time counts as too old: else SQS would end the message unseen.
  return !(parts.clock.now() - Date.parse(firstFailedAt) <= parts.retryQueue.maxAgeMs);
};

/** Gives rejected deliveries to the dead letters or, where there are none, lets them come again. */
export const settleRejected = async (invocation: Invocation, routes: readonly RouteResult[]): Promise<void> => {
  const { parts, deadline, origin, envelopeOf } = invocation;
  if (origin === "retry") rejectExpired(routes, (position) => isExpired(invocation, position));
  const isOurs = (position: number): boolean => !staysInItsQueue(invocation, position);
  if (parts.writeDeadLetters === undefined) return blockRejected(routes, isOurs);
  const { lastCall } = deadline;
  tellUnstored(invocation, await writeDeadLetters(parts.writeDeadLetters, routes, { envelopeOf, isOurs, lastCall }));
};

const tellUnstored = ({ parts }: Invocation, errors: readonly unknown[]): void => {
  if (errors.length === 0) return;
  const fields = { pipeline: parts.name, errors: errors.length, first: String(errors[0]) };
  parts.logger.warn("dead letters not stored", fields);
};

/**
 * Gives envelopes that nobody here can read (of a route that is gone, of a record that is kept where nothing answers) to the
 * dead letters as they are, when they are too old for the retry queue: SQS would end them unseen. Answers what stays unread
 * where it is, by its source.
 */
export const settleUnread = async (invocation: Invocation): Promise<ReadonlyMap<number, Error>> => {
  const { parts, deadline, origin, received } = invocation;
  const left = new Map<number, Error>();
  for (const { source, unread } of received) if (unread !== undefined) left.set(source, unread);
  const { writeDeadLetters: write } = parts;
  if (origin !== "retry" || write === undefined) return left;
  const expired = received.flatMap(({ unread, envelope, source }, position) =>
    unread && envelope && isExpired(invocation, position) ? [{ envelope, source }] : [],
  );
  if (expired.length === 0) return left;
  const { stored, errors } = await receiptOf(() => write(expired.map(({ envelope }) => envelope)), deadline.lastCall);
  tellUnstored(invocation, errors);
  for (const { envelope, source } of expired) if (stored.has(envelope)) left.delete(source);
  return left;
};

/** Whether a delivery comes again: from the stream, or with its message. */
export const repeats = (
  invocation: Invocation,
  result: { readonly outcome: string; readonly isQueued?: true },
  position: number,
): boolean => {
  if (result.outcome === "retried") return result.isQueued !== true;
  return result.outcome === "rejected" && staysInItsQueue(invocation, position);
};

const failedMessage = (record: unknown): FailedMessage[] => {
  const { receiptHandle, attributes } = record as QueueRecord;
  if (receiptHandle === undefined) return [];
  return [{ receiptHandle, receiveCount: Number(attributes?.ApproximateReceiveCount ?? 1) }];
};

/** Lets messages of the retry queue that failed wait for longer. One that does not waits as long as its queue says. */
export const postponeFailed = async (
  { event, origin, parts }: Invocation,
  failures: ReadonlyMap<number, Error>,
): Promise<void> => {
  if (origin !== "retry" || failures.size === 0 || parts.retryQueue === undefined) return;
  const messages = [...failures.keys()].flatMap((source) => failedMessage(event.records[source]));
  try {
    await parts.retryQueue.postpone(messages, parts.clock.random);
  } catch (error) {
    const fields = { pipeline: parts.name, messages: messages.length, reason: String(error) };
    parts.logger.warn("messages not postponed, they come again sooner", fields);
  }
};

/** The queue that messages of this event are in, where it is one of the pipeline's. */
const queueOf = ({ event, parts }: Invocation) => {
  const { eventSourceARN } = (event.records[0] ?? {}) as Partial<QueueRecord>;
  if (parts.retryQueue?.isSource(eventSourceARN)) return parts.retryQueue;
  return parts.deadLetterQueue?.isSource?.(eventSourceARN) ? parts.deadLetterQueue : undefined;
};

/**
 * Removes records that were kept for messages which are done with: the message goes first, so that none is ever left
 * without its record. Where that fails Lambda removes the message, and the record is the lifecycle rule's.
 */
export const removeLeases = async (invocation: Invocation, failures: ReadonlyMap<number, Error>): Promise<void> => {
  const { event, received, parts } = invocation;
  if (event.task !== undefined) return;
  const queue = queueOf(invocation);
  for (const { envelope, source, unread } of received) {
    // Its dead letter leases the record now.
    if (unread !== undefined) continue;
    const { receiptHandle } = event.records[source] as Partial<QueueRecord>;
    if (envelope?.recordUrl === undefined || failures.has(source) || receiptHandle === undefined) continue;
    try {
      await queue?.remove?.([receiptHandle]);
      await queue?.payloadStore?.remove(envelope.recordUrl);
    } catch (error) {
      parts.logger.warn("a record that was kept for its message is not removed", { reason: String(error) });
    }
  }
};
