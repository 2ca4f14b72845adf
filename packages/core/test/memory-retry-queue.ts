// A FIFO queue in memory that behaves like SQS, with ordered groups, messages in flight and visibility timeouts.

import { type Envelope, encodeEnvelope } from "../src/envelope.ts";
import type { RetryQueue } from "../src/index.ts";

interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly group: string;
  visibleAt: number;
  receives: number;
}

export interface MemoryRetryQueue extends RetryQueue {
  /** Number of messages in the queue, visible or not. */
  readonly size: () => number;
  /** Receives messages as an event, and hides them for a minute. Returns undefined if no message is visible. */
  readonly receive: (max: number) => { readonly Records: readonly object[] } | undefined;
  /** Deletes the messages of the event, except the messages whose ids are in `failed`. */
  readonly acknowledge: (event: { readonly Records: readonly object[] }, failed: ReadonlySet<string>) => void;
  /** Milliseconds until the next message is visible; 0 if a message is visible now. */
  readonly waitMs: () => number;
}

export interface MemoryRetryQueueOptions {
  readonly now: () => number;
  readonly maxAgeMs?: number;
  readonly keepsOrder?: boolean;
  /** Whether the queue accepts an envelope. */
  readonly accepts?: (envelope: Envelope) => boolean;
}

const visibilityMs = 60_000;
const longestDelayMs = 30_000;
const arn = "arn:aws:sqs:us-east-1:123456789012:retries.fifo";

const messageIdIn = (record: object): string => (record as { messageId: string }).messageId;

export const memoryRetryQueue = (options: MemoryRetryQueueOptions): MemoryRetryQueue => {
  const { now, maxAgeMs = 86_400_000, keepsOrder = true, accepts = () => true } = options;
  const messages: StoredMessage[] = [];
  let count = 0;
  const isVisible = (index: number): boolean => {
    const { group, visibleAt } = messages[index] as StoredMessage;
    if (visibleAt > now()) return false;
    return !keepsOrder || messages.slice(0, index).every((other) => other.group !== group || other.visibleAt <= now());
  };
  const remove = (isRemoved: (message: StoredMessage) => boolean): void => {
    for (let index = messages.length - 1; index >= 0; index -= 1) {
      if (isRemoved(messages[index] as StoredMessage)) messages.splice(index, 1);
    }
  };
  return {
    keepsOrder,
    maxAgeMs,
    isSource: (eventSourceArn) => eventSourceArn === arn,
    write: async (batch) => {
      const stored = new Set<Envelope>();
      const refusedGroups = new Set<string>();
      for (const { envelope, group } of batch) {
        if (refusedGroups.has(group) || !accepts(envelope)) refusedGroups.add(group);
        else {
          count += 1;
          messages.push({ id: `m${count}`, body: encodeEnvelope(envelope), group, visibleAt: now(), receives: 0 });
          stored.add(envelope);
        }
      }
      const refused = new Set(batch.map(({ envelope }) => envelope).filter((envelope) => !stored.has(envelope)));
      return { stored, refused, errors: refusedGroups.size === 0 ? [] : [new Error("the queue is full")] };
    },
    postpone: async (failed, random) => {
      for (const { receiptHandle, ageMs } of failed) {
        const message = messages.find(({ id }) => id === receiptHandle);
        if (message !== undefined) message.visibleAt = now() + Math.min(longestDelayMs, 1_000 + ageMs) * (1 + random());
      }
    },
    remove: async (receiptHandles) => remove(({ id }) => receiptHandles.includes(id)),
    size: () => messages.length,
    receive: (max) => {
      const visible = messages.filter((_, index) => isVisible(index)).slice(0, max);
      if (visible.length === 0) return undefined;
      return {
        Records: visible.map((message) => {
          message.visibleAt = now() + visibilityMs;
          message.receives += 1;
          return {
            messageId: message.id,
            receiptHandle: message.id,
            body: message.body,
            attributes: { ApproximateReceiveCount: String(message.receives), MessageGroupId: message.group },
            eventSource: "aws:sqs",
            eventSourceARN: arn,
          };
        }),
      };
    },
    acknowledge: ({ Records }, failed) => {
      const done = new Set(Records.map(messageIdIn).filter((id) => !failed.has(id)));
      remove(({ id }) => done.has(id));
    },
    waitMs: () => Math.max(0, Math.min(...messages.map(({ visibleAt }) => visibleAt - now()))),
  };
};
