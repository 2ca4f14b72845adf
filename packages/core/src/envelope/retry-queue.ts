// Retry queue: for deliveries that still fail after a few quick attempts, so that the stream and the other sinks move on.
// The same function consumes the queue. A message that is too old becomes a dead letter.

import { checkWhole, invalidOption } from "../sink/option.ts";
import type { EnvelopeMessage } from "./envelope-message.ts";
import { envelopeQueue } from "./envelope-queue.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { SqsSender } from "./sqs-client.ts";
import type { StoreResult } from "./store-result.ts";

/** A message of the queue whose delivery failed again. */
export interface FailedMessage {
  readonly receiptHandle: string;
  /** How often it was received, this time included. */
  readonly receiveCount: number;
}

/** Keeps deliveries until their sink takes them, or they expire. */
export interface RetryQueue {
  /** Whether the queue delivers the messages of a group in order, each after the one before is settled. */
  readonly keepsOrder: boolean;
  /** Milliseconds after its first failure at which a delivery becomes a dead letter. */
  readonly maxAgeMs: number;
  /** Whether messages of an SQS event with this `eventSourceARN` come from this queue. */
  readonly isSource: (eventSourceArn: string | undefined) => boolean;
  /** Stores messages, those of a group in order. After one that was not stored, no other of its group is. */
  readonly write: (messages: readonly EnvelopeMessage[]) => Promise<StoreResult>;
  /** Delays messages that failed, for longer than the last time. Rejects unless all were delayed. */
  readonly postpone: (messages: readonly FailedMessage[], random: () => number) => Promise<void>;
  /** Deletes messages from the queue, before the records that they point to are deleted. */
  readonly remove: (receiptHandles: readonly string[]) => Promise<void>;
  readonly payloadStore?: PayloadStore;
}

/** Options of `sqsRetryQueue`. */
export interface SqsRetryQueueOptions {
  /**
   * URL of a queue that has no other use, with the function as its consumer. Append routes need a FIFO queue, which keeps
   * order; other routes may use either kind.
   */
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first delivery is queued. */
  readonly client?: SqsSender;
  /** Where records go that no message can hold, even compressed: `s3PayloadStore({ bucket })`. Default: the stream retries them. */
  readonly payloadStore?: PayloadStore;
  /** Seconds before the second attempt; doubles with each attempt. On a FIFO queue the first follows at once. Default 15. */
  readonly firstDelaySeconds?: number;
  /** Longest delay between two attempts, in seconds. Default 900. */
  readonly maxDelaySeconds?: number;
  /** Seconds after its first failure at which a delivery becomes a dead letter. Default 86,400: a day. */
  readonly maxAgeSeconds?: number;
}

/**
 * Limits of SQS in seconds: delay, visibility timeout, and a day less than the longest retention.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html (read 2026-11-25)
 */
const limits = { delay: 900, visibility: 43_200, age: 13 * 86_400 };

/** Equal jitter: the second half of the delay is random, so that deliveries that failed together are not retried together. */
const delayOf = (firstSeconds: number, maxSeconds: number, receiveCount: number, random: () => number): number => {
  const longest = Math.min(maxSeconds, firstSeconds * 2 ** Math.min(receiveCount, 30));
  return Math.ceil(longest / 2 + (random() * longest) / 2);
};

/**
 * A retry queue on SQS. The function needs `sqs:SendMessage`, `sqs:ChangeMessageVisibility` and, as its consumer,
 * `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:GetQueueAttributes` on it. Its retention must be longer than
 * `maxAgeSeconds`, its visibility timeout six times the function's timeout, and it must have no `maxReceiveCount`: a
 * delivery leaves the queue by age.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name.
 */
export const sqsRetryQueue = (options: SqsRetryQueueOptions): RetryQueue => {
  const { queueUrl, client, payloadStore, firstDelaySeconds = 15 } = options;
  const { maxDelaySeconds = 900, maxAgeSeconds = 86_400 } = options;
  checkWhole("firstDelaySeconds", firstDelaySeconds, [0, limits.delay]);
  checkWhole("maxDelaySeconds", maxDelaySeconds, [0, limits.visibility]);
  checkWhole("maxAgeSeconds", maxAgeSeconds, [60, limits.age]);
  if (maxDelaySeconds < firstDelaySeconds) {
    throw invalidOption("maxDelaySeconds", `must be at least firstDelaySeconds, ${firstDelaySeconds}`);
  }
  const queue = envelopeQueue({ user: "sqsRetryQueue", name: "retry queue", queueUrl, client, payloadStore });
  return {
    keepsOrder: queue.isFifo,
    maxAgeMs: maxAgeSeconds * 1_000,
    isSource: queue.isSource,
    write: (messages) => queue.send(messages, firstDelaySeconds),
    postpone: (messages, random) => {
      const secondsOf = ({ receiveCount }: FailedMessage): number =>
        delayOf(firstDelaySeconds, maxDelaySeconds, receiveCount, random);
      return queue.postpone(messages, secondsOf);
    },
    remove: queue.remove,
    ...(payloadStore && { payloadStore }),
  };
};
