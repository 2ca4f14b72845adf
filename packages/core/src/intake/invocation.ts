// One invocation of the handler, and where its records come from.

import type { Deadline } from "../async/deadline.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import type { Origin } from "../record/change.ts";
import type { QueueRecord, RecognisedEvent } from "./event.ts";
import type { Received } from "./received.ts";

/** One invocation of the handler. */
export interface Invocation {
  readonly event: RecognisedEvent;
  /** The source of the event's records. */
  readonly origin: Origin;
  /** The decoded records, in the order of the event. */
  readonly received: readonly Received[];
  readonly deadline: Deadline;
  /** Start of the invocation, in milliseconds since the epoch. */
  readonly startedAt: number;
}

/** Returns the ARN of the queue that the event's messages come from. An event has messages of only one queue. */
export const queueArnOf = ({ records }: RecognisedEvent): string | undefined =>
  (records[0] as Partial<QueueRecord> | undefined)?.eventSourceARN;

/** Returns the source of an event's records. */
export const originOf = (event: RecognisedEvent, retryQueue: RetryQueue | undefined): Origin => {
  const { task } = event.task ?? {};
  if (task === "backfill" || task === "replay") return task;
  if (event.kind === "stream") return "stream";
  return event.task === undefined && retryQueue?.isSource(queueArnOf(event)) ? "retry" : "redrive";
};

/** Identifies one receive of an SQS message. */
export const receiptOf = (record: unknown): string =>
  `${(record as Partial<QueueRecord> | undefined)?.messageId ?? ""}/${receiveCountOf(record)}`;

/** Returns how often an SQS message was received, including this time. Returns 1 for other event records. */
export const receiveCountOf = (record: unknown): number =>
  Number((record as Partial<QueueRecord> | undefined)?.attributes?.ApproximateReceiveCount ?? 1);

/** Whether the record came from the dead-letter queue. If it is rejected again, its message stays there unchanged. */
export const staysInQueue = ({ origin, received }: Invocation, position: number): boolean =>
  origin === "redrive" && received[position]?.envelope !== undefined;
