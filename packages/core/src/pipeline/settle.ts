// Steps after the deliveries: write dead letters for rejected deliveries and expired messages, delay failed messages,
// and delete the stored records of finished messages.

import type { StoreDeadLetters } from "../delivery/dead-letters.ts";
import { changeResults, type Outcome, type RouteResult } from "../delivery/delivery-result.ts";
import { failedDelivery } from "../delivery/failed-delivery.ts";
import type { RouteRun } from "../delivery/route-worker.ts";
import type { DeadLetterQueue } from "../envelope/dead-letter-queue.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { FailedMessage, RetryQueue } from "../envelope/retry-queue.ts";
import { type DeliveryError, isTargetDown } from "../errors.ts";
import type { QueueRecord } from "../intake/event.ts";
import { type Invocation, queueArnOf, staysInQueue } from "../intake/invocation.ts";
import type { PipelineSettings } from "./options.ts";
import type { Failures } from "./report.ts";

/** A pipeline's settings, and the function that stores its dead letters. */
export interface Settling extends PipelineSettings {
  /** Undefined if rejected records block the stream. */
  readonly storeDeadLetters: StoreDeadLetters | undefined;
}

const isExpired = ({ retryQueue, clock }: Settling, { received }: Invocation, position: number): boolean => {
  const { firstFailedAt } = received[position]?.envelope ?? {};
  if (firstFailedAt === undefined || retryQueue === undefined) return false;
  // An unreadable time counts as expired. Otherwise SQS would delete the message after its retention, without a trace.
  return !(clock.now() - Date.parse(firstFailedAt) <= retryQueue.maxAgeMs);
};

/** Returns the run of a route with changed outcomes at some positions. */
const change = (
  { worker, result: route }: RouteRun,
  [from, to]: readonly [Outcome, Outcome],
  isChanged: (position: number) => boolean,
): RouteRun => {
  const results = changeResults(route.results, (result, position) =>
    result.outcome === from && isChanged(position) ? { ...result, outcome: to } : undefined,
  );
  return { worker, result: { ...route, results } };
};

const expiry = ["retried", "rejected"] as const;
const retry = ["rejected", "retried"] as const;

/** A rejected delivery on its way to the dead-letter queue. */
interface Rejected {
  readonly run: RouteRun;
  readonly position: number;
  readonly envelope: Envelope;
}

/** Returns the rejected deliveries without a dead letter, in batch order. If time runs out, the stream continues after the settled ones. */
const rejectedIn = (pipeline: string, invocation: Invocation, runs: readonly RouteRun[]): Rejected[] =>
  runs
    .flatMap((run) =>
      [...run.result.results]
        .filter(
          ([position, { outcome, isStored }]) =>
            outcome === "rejected" && !isStored && !staysInQueue(invocation, position),
        )
        .map(([position, result]) => ({
          run,
          position,
          envelope: failedDelivery({ pipeline, route: run.result.route }, invocation, position, result),
        })),
    )
    .sort((a, b) => a.position - b.position);

/** Stores a dead letter for every rejected delivery. If the dead letter cannot be stored, the delivery is retried. */
export const settleRejected = async (
  settling: Settling,
  invocation: Invocation,
  runs: readonly RouteRun[],
): Promise<readonly RouteRun[]> => {
  const { storeDeadLetters, name } = settling;
  const { origin, deadline } = invocation;
  const hasExpired = (position: number): boolean => isExpired(settling, invocation, position);
  const settled = origin === "retry" ? runs.map((run) => change(run, expiry, hasExpired)) : runs;
  if (storeDeadLetters === undefined) {
    return settled.map((run) => change(run, retry, (position) => !staysInQueue(invocation, position)));
  }
  const rejected = rejectedIn(name, invocation, settled);
  if (rejected.length === 0) return settled;
  const stored = await storeDeadLetters(rejected, deadline.lastCall);
  const unstored = rejected.filter((letter) => !stored.has(letter));
  return settled.map((run) => {
    const positions = new Set(unstored.filter((rejected) => rejected.run === run).map(({ position }) => position));
    return positions.size === 0 ? run : change(run, retry, (position) => positions.has(position));
  });
};

/**
 * Returns the messages that stay unread in their queue: the position in the event, and the reason. Possible reasons:
 * the envelope's route no longer exists, or the record cannot be fetched. If such an envelope is too old for the retry
 * queue, the envelope becomes a dead letter, because SQS would delete the message without a trace.
 */
export const settleUnread = async (settling: Settling, invocation: Invocation): Promise<Failures> => {
  const { deadline, origin, received } = invocation;
  const unread = new Map<number, Error>();
  for (const record of received) if (record.unread !== undefined) unread.set(record.source, record.unread);
  const { storeDeadLetters } = settling;
  if (origin !== "retry" || storeDeadLetters === undefined || unread.size === 0) return unread;
  const expired = received.flatMap(({ unread, envelope, source }, position) =>
    unread && envelope && isExpired(settling, invocation, position) ? [{ envelope, source }] : [],
  );
  if (expired.length === 0) return unread;
  for (const { source } of await storeDeadLetters(expired, deadline.lastCall)) unread.delete(source);
  return unread;
};

/** Milliseconds since the first failure, or since the message was sent. Infinity if both times are unknown. */
const ageOf = (now: number, firstFailedAt: string | undefined, { attributes }: QueueRecord): number => {
  const at = firstFailedAt === undefined ? Number(attributes?.SentTimestamp) : Date.parse(firstFailedAt);
  return Number.isNaN(at) ? Number.POSITIVE_INFINITY : Math.max(0, now - at);
};

/** Positions in the event whose delivery was not attempted. */
const untriedSources = ({ received }: Invocation, routes: readonly RouteResult[]): ReadonlySet<number> => {
  const untried = new Set<number>();
  for (const { results } of routes) {
    for (const [position, { outcome, attempts }] of results) {
      if (outcome === "retried" && attempts === 0) untried.add(received[position]?.source as number);
    }
  }
  return untried;
};

/** The failed messages of the event, for the retry queue. */
const failedMessages = (
  { clock }: Settling,
  invocation: Invocation,
  routes: readonly RouteResult[],
  failures: Failures,
): FailedMessage[] => {
  const { event, received } = invocation;
  const untried = untriedSources(invocation, routes);
  const failedAt = new Map(received.map(({ source, envelope }) => [source, envelope?.firstFailedAt]));
  return [...failures].flatMap(([source, error]) => {
    const record = event.records[source] as QueueRecord;
    const { receiptHandle } = record;
    if (receiptHandle === undefined) return [];
    const { code } = error as Partial<DeliveryError>;
    const isOutage = untried.has(source) || (code !== undefined && isTargetDown(code));
    return [{ receiptHandle, ageMs: ageOf(clock.now(), failedAt.get(source), record), isOutage }];
  });
};

/** Delays failed messages of the retry queue. If this fails, SQS delivers them after the queue's visibility timeout. */
export const postponeFailed = async (
  settling: Settling,
  invocation: Invocation,
  routes: readonly RouteResult[],
  failures: Failures,
): Promise<void> => {
  const { retryQueue, clock, logger, name } = settling;
  if (invocation.origin !== "retry" || failures.size === 0 || retryQueue === undefined) return;
  const messages = failedMessages(settling, invocation, routes, failures);
  try {
    await retryQueue.postpone(messages, clock.random);
  } catch (error) {
    const fields = { pipeline: name, messages: messages.length, reason: String(error) };
    logger.warn("messages not postponed, they are retried sooner", fields);
  }
};

/** The queue of this pipeline from which the messages of the event come. */
const queueOf = (
  { retryQueue, deadLetterQueue }: Settling,
  { event }: Invocation,
): RetryQueue | DeadLetterQueue | undefined => {
  const arn = queueArnOf(event);
  if (retryQueue?.isSource(arn)) return retryQueue;
  return deadLetterQueue?.isSource?.(arn) ? deadLetterQueue : undefined;
};

/**
 * Deletes the stored records of finished messages. Deletes each message before its record, so that no message is left
 * without its record. If this fails, Lambda deletes the message, and the lifecycle rule deletes the record.
 */
export const deletePayloads = async (settling: Settling, invocation: Invocation, failures: Failures): Promise<void> => {
  const { event, received } = invocation;
  if (event.task !== undefined) return;
  const queue = queueOf(settling, invocation);
  for (const { envelope, source, unread } of received) {
    // The dead letter of an expired unread message still points to the record.
    if (unread !== undefined) continue;
    const { receiptHandle } = event.records[source] as Partial<QueueRecord>;
    if (envelope?.recordUrl === undefined || failures.has(source) || receiptHandle === undefined) continue;
    try {
      await queue?.remove?.([receiptHandle]);
      await queue?.payloadStore?.remove(envelope.recordUrl);
    } catch (error) {
      settling.logger.warn("the record of a finished message is not deleted", { reason: String(error) });
    }
  }
};
