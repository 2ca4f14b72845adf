// The retry queue: where deliveries go that a few quick attempts did not bring home, so that the stream and the other sinks
// move on. The same function consumes it; what is too old there becomes a dead letter.

import { checkWhole, invalidOption } from "../sink/option.ts";
import type { EnvelopeMessage } from "./envelope-message.ts";
import { type EnvelopeReceipt, envelopeQueue } from "./envelope-queue.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { SqsSender } from "./sqs-client.ts";

/** A message of the queue that failed once more. */
export interface FailedMessage {
  readonly receiptHandle: string;
  /** How often it was received, this time included. */
  readonly receiveCount: number;
}

/** Keeps deliveries until their sink takes them, or they are too old. */
export interface RetryQueue {
  /** Whether it brings the messages of a group in order, and none before the one before it is settled. */
  readonly keepsOrder: boolean;
  /** Milliseconds from its first failure after which a delivery becomes a dead letter. */
  readonly maxAgeMs: number;
  /** Whether messages of an SQS event with this `eventSourceARN` come from here. */
  readonly isSource: (eventSourceArn: string | undefined) => boolean;
  /** Stores messages, those of a group in order: none after one that was not stored. */
  readonly write: (messages: readonly EnvelopeMessage[]) => Promise<EnvelopeReceipt>;
  /** Lets messages that failed wait for longer than the last time. Rejects when one of them will not. */
  readonly postpone: (messages: readonly FailedMessage[], random: () => number) => Promise<void>;
  /** Takes messages out of the queue, before what they url is removed. */
  readonly remove: (receiptHandles: readonly string[]) => Promise<void>;
  readonly payloadStore?: PayloadStore;
}

export interface SqsRetryQueueOptions {
  /**
   * A queue of its own, with the function as its consumer. Pipelines with append routes need a FIFO queue, whose
   * messages SQS brings in order; for others either will do.
   */
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first delivery is spilled. */
  readonly client?: SqsSender;
  /** Where records go that no message can hold, even compressed: `s3PayloadStore({ bucket })`. Default: the stream. */
  readonly payloadStore?: PayloadStore;
  /** Seconds before the second try; it doubles from try to try. On a FIFO queue the first follows at once. Default 15. */
  readonly firstDelaySeconds?: number;
  /** Most seconds between two attempts. Default 900. */
  readonly maxDelaySeconds?: number;
  /** Seconds from its first failure after which a delivery becomes a dead letter. Default 86,400: a day. */
  readonly maxAgeSeconds?: number;
}

/**
 * A message's delay, its visibility timeout, and a day less than its retention, in seconds.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html (read 2026-11-25)
 */
const limits = { delay: 900, visibility: 43_200, age: 13 * 86_400 };

/** The last seconds before the delay are chance's, so that what failed together does not come back together. */
const delayOf = (firstSeconds: number, maxSeconds: number, receiveCount: number, random: () => number): number => {
  const longest = Math.min(maxSeconds, firstSeconds * 2 ** Math.min(receiveCount, 30));
  return Math.ceil(longest / 2 + (random() * longest) / 2);
};

/**
 * A retry queue on SQS. The function needs `sqs:SendMessage`, `sqs:ChangeMessageVisibility` and, as its consumer,
 * `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:GetQueueAttributes` on it. Its retention must be longer than
 * `maxAgeSeconds`, its visibility timeout six times the function's timeout, and it must have no `maxReceiveCount`: age
 * is what ends a delivery's time there.
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
    postpone: (messages, random) =>
      queue.postpone(
        messages.map(({ receiptHandle, receiveCount }) => ({
          receiptHandle,
          delaySeconds: delayOf(firstDelaySeconds, maxDelaySeconds, receiveCount, random),
        })),
      ),
    remove: queue.remove,
    ...(payloadStore && { payloadStore }),
  };
};
