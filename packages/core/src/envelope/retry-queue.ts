// Retry queue for deliveries that still fail after a few quick attempts, so that the stream and the other sinks
// continue. The same function consumes the queue. A message that is too old becomes a dead letter.

import { retryDays } from "../sink/maintenance.ts";
import { checkOptionNames, checkWhole, invalidOption, type OptionNames } from "../sink/option.ts";
import type { EnvelopeMessage } from "./envelope-message.ts";
import { envelopeQueue } from "./envelope-queue.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { SqsSender } from "./sqs-client.ts";
import type { StoreResult } from "./store-result.ts";

/** A message of the retry queue whose delivery failed again. */
export interface FailedMessage {
  readonly receiptHandle: string;
  /** Milliseconds since the delivery first failed. Infinity if this time is unknown. */
  readonly ageMs: number;
  /**
   * Whether the delivery waits for its target to be back: it was not attempted, or the target did not take any delivery.
   * Otherwise the target answered, so that the delivery itself, or too many requests, were the reason.
   */
  readonly isOutage: boolean;
}

/** Stores deliveries until their sink accepts them, or until they are too old. */
export interface RetryQueue {
  /** The queue's address. A pipeline refuses a dead-letter queue with the same address. */
  readonly queueUrl?: string;
  /** Whether the queue keeps order within a group: it delivers a message only after the previous one is deleted. */
  readonly keepsOrder: boolean;
  /** Milliseconds from a delivery's first failure until the delivery becomes a dead letter. */
  readonly maxAgeMs: number;
  /** Shortest and longest delay between two attempts, in milliseconds. Default 5,000 and 900,000. */
  readonly delaysMs?: readonly [shortest: number, longest: number];
  /** Whether messages of an SQS event with this `eventSourceARN` come from this queue. */
  readonly isSource: (eventSourceArn: string | undefined) => boolean;
  /** Stores messages, in order within each group. After a failed message, stores no other message of its group. */
  readonly write: (messages: readonly EnvelopeMessage[]) => Promise<StoreResult>;
  /** Delays failed messages, each in proportion to its age. Rejects unless all messages were delayed. */
  readonly postpone: (messages: readonly FailedMessage[], random: () => number) => Promise<void>;
  /** Deletes messages from the queue. Called before the records that the messages point to are deleted. */
  readonly remove: (receiptHandles: readonly string[]) => Promise<void>;
  readonly payloadStore?: PayloadStore;
  /** Loads the client. Core calls it in the first invocation of an environment, and logs the error if it rejects. */
  readonly prepare?: () => Promise<void>;
}

/** Options of `sqsRetryQueue`. */
export interface SqsRetryQueueOptions {
  /**
   * URL of a queue for retries only. The function must be its consumer. Append routes need a FIFO queue, which delivers
   * in order. Other routes may use either kind of queue.
   */
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first delivery is queued. */
  readonly client?: SqsSender;
  /** Store for records too large even if compressed: `s3PayloadStore({ bucket })`. Default: the stream retries them. */
  readonly payloadStore?: PayloadStore;
  /** Shortest delay between two attempts, in seconds. A FIFO queue does not delay the first retry. Default 5. */
  readonly firstDelaySeconds?: number;
  /** Longest delay between two attempts, in seconds. Default 900. */
  readonly maxDelaySeconds?: number;
  /** Seconds from a delivery's first failure until the delivery becomes a dead letter. Default 86,400: a day. */
  readonly maxAgeSeconds?: number;
}

const optionNames: OptionNames<SqsRetryQueueOptions> = {
  queueUrl: true,
  client: true,
  payloadStore: true,
  firstDelaySeconds: true,
  maxDelaySeconds: true,
  maxAgeSeconds: true,
};

/**
 * Limits in seconds: SQS' maximum delay, SQS' maximum visibility timeout, and the longest time in a retry queue.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html (read 2026-11-25)
 */
const limits = { delay: 900, visibility: 43_200, age: retryDays * 86_400 };

/**
 * The longest delay before the next attempt of a delivery, in the unit of its age and of the limits. It is a share of the age. So an
 * outage is over in the queue within a quarter of its duration, but the delay of a delivery that its target refuses
 * doubles: docs/decisions/0043-recovery-after-an-outage.md.
 */
export const longestDelay = (
  { age, isOutage }: { readonly age: number; readonly isOutage: boolean },
  [shortest, longest]: readonly [number, number],
): number => Math.min(longest, Math.max(shortest, isOutage ? age / 4 : age));

/** Equal jitter: the second half of the delay is random, so that failed deliveries are not all retried together. */
const delayOf = (
  { ageMs, isOutage }: FailedMessage,
  [minSeconds, maxSeconds]: readonly [number, number],
  random: () => number,
): number => {
  const longest = longestDelay({ age: ageMs / 1_000, isOutage }, [minSeconds, maxSeconds]);
  return Math.ceil(longest / 2 + (random() * longest) / 2);
};

/**
 * Creates a retry queue on SQS. The function needs `sqs:SendMessage`, `sqs:ChangeMessageVisibility` and, as its
 * consumer, `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:GetQueueAttributes` on the queue. The queue's retention
 * must be longer than `maxAgeSeconds`, and its visibility timeout six times the function's timeout. The queue must not
 * have a `maxReceiveCount`, because core limits the age of a delivery instead.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const sqsRetryQueue = (options: SqsRetryQueueOptions): RetryQueue => {
  checkOptionNames("sqsRetryQueue", options, optionNames);
  const { queueUrl, client, payloadStore, firstDelaySeconds = 5 } = options;
  const { maxDelaySeconds = 900, maxAgeSeconds = 86_400 } = options;
  checkWhole("firstDelaySeconds", firstDelaySeconds, [0, limits.delay]);
  checkWhole("maxDelaySeconds", maxDelaySeconds, [0, limits.visibility]);
  checkWhole("maxAgeSeconds", maxAgeSeconds, [60, limits.age]);
  if (maxDelaySeconds < firstDelaySeconds) {
    throw invalidOption("maxDelaySeconds", `must be at least firstDelaySeconds, ${firstDelaySeconds}`);
  }
  const queue = envelopeQueue({ user: "sqsRetryQueue", name: "retry queue", queueUrl, client, payloadStore });
  return {
    queueUrl,
    keepsOrder: queue.isFifo,
    maxAgeMs: maxAgeSeconds * 1_000,
    delaysMs: [firstDelaySeconds * 1_000, maxDelaySeconds * 1_000],
    isSource: queue.isSource,
    write: (messages) => queue.send(messages, firstDelaySeconds),
    postpone: (messages, random) => {
      const secondsOf = (message: FailedMessage): number =>
        delayOf(message, [firstDelaySeconds, maxDelaySeconds], random);
      return queue.postpone(messages, secondsOf);
    },
    remove: queue.remove,
    prepare: queue.prepare,
    ...(payloadStore && { payloadStore }),
  };
};
