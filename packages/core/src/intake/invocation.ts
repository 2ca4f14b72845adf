// One run of the handler: what it was called with.

import type { Deadline } from "../async/deadline.ts";
import type { RetryQueue } from "../envelope/retry-queue.ts";
import type { Origin } from "../record/change.ts";
import type { QueueRecord, RecognisedEvent } from "./event.ts";
import type { Received } from "./received.ts";

/** One run of the handler. */
export interface Invocation {
  readonly event: RecognisedEvent;
  /** Where the records of the event come from. */
  readonly origin: Origin;
  /** The records, decoded, in the order of the event. */
  readonly received: readonly Received[];
  readonly deadline: Deadline;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** ARN of the queue that the event's messages come from. Lambda delivers messages of one queue in an event. */
export const queueArnOf = ({ records }: RecognisedEvent): string | undefined =>
  (records[0] as Partial<QueueRecord> | undefined)?.eventSourceARN;

/** Where the records of an event come from. */
export const originOf = (event: RecognisedEvent, retryQueue: RetryQueue | undefined): Origin => {
  if (event.kind === "stream") return "stream";
  return event.task === undefined && retryQueue?.isSource(queueArnOf(event)) ? "retry" : "redrive";
};

/** How often the message that brought a record was received, this time included. */
export const receiveCountOf = (record: unknown): number =>
  Number((record as Partial<QueueRecord> | undefined)?.attributes?.ApproximateReceiveCount ?? 1);
