// A FIFO queue in memory with an SQS event source's view of it: groups in order, in-flight messages, visibility.

import { type Envelope, encodeEnvelope } from "../src/envelope.ts";
import type { RetryQueue } from "../src/index.ts";

interface Held {
  readonly id: string;
  readonly body: string;
  readonly group: string;
  visibleAt: number;
  receives: number;
}

export interface MemoryRetryQueue extends RetryQueue {
  /** Messages in the queue, visible or not. */
  readonly size: () => number;
  /** The event of the next messages, which then are in flight for a minute; undefined where none is visible. */
  readonly receive: (max: number) => { readonly Records: readonly object[] } | undefined;
  /** Deletes what was received and is not named. */
  readonly conclude: (event: { readonly Records: readonly object[] }, failed: ReadonlySet<string>) => void;
  /** Milliseconds until the next message is visible; 0 where one is. */
  readonly waitMs: () => number;
}

export interface MemoryRetryQueueOptions {
  readonly now: () => number;
  readonly maxAgeMs?: number;
  readonly keepsOrder?: boolean;
  /** Whether it takes an envelope. */
  readonly takes?: (envelope: Envelope) => boolean;
}

const visibilityMs = 60_000;
const arn = "arn:aws:sqs:us-east-1:123456789012:retries.fifo";

const messageIdIn = (record: object): string => (record as { messageId: string }).messageId;

export const memoryRetryQueue = (options: MemoryRetryQueueOptions): MemoryRetryQueue => {
  const { now, maxAgeMs = 86_400_000, keepsOrder = true, takes = () => true } = options;
  const messages: Held[] = [];
  let count = 0;
  const isFree = (index: number): boolean => {
    const { group, visibleAt } = messages[index] as Held;
    if (visibleAt > now()) return false;
    return !keepsOrder || messages.slice(0, index).every((other) => other.group !== group || other.visibleAt <= now());
  };
  const remove = (isGone: (held: Held) => boolean): void => {
    for (let index = messages.length - 1; index >= 0; index -= 1) {
      if (isGone(messages[index] as Held)) messages.splice(index, 1);
    }
  };
  return {
    keepsOrder,
    maxAgeMs,
    isSource: (eventSourceArn) => eventSourceArn === arn,
    write: async (letters) => {
      const stored = new Set<Envelope>();
      const closed = new Set<string>();
      for (const { envelope, group } of letters) {
        if (closed.has(group) || !takes(envelope)) closed.add(group);
        else {
          count += 1;
          messages.push({ id: `m${count}`, body: encodeEnvelope(envelope), group, visibleAt: now(), receives: 0 });
          stored.add(envelope);
        }
      }
      return { stored, errors: closed.size === 0 ? [] : [new Error("the queue is full")] };
    },
    postpone: async (failed, random) => {
      for (const { receiptHandle, receiveCount } of failed) {
        const held = messages.find(({ id }) => id === receiptHandle);
        if (held !== undefined) held.visibleAt = now() + 1_000 * receiveCount * (1 + random());
      }
    },
    remove: async (receiptHandles) => remove(({ id }) => receiptHandles.includes(id)),
    size: () => messages.length,
    receive: (max) => {
      const free = messages.filter((_, index) => isFree(index)).slice(0, max);
      if (free.length === 0) return undefined;
      return {
        Records: free.map((held) => {
          held.visibleAt = now() + visibilityMs;
          held.receives += 1;
          return {
            messageId: held.id,
            receiptHandle: held.id,
            body: held.body,
            attributes: { ApproximateReceiveCount: String(held.receives) },
            eventSource: "aws:sqs",
            eventSourceARN: arn,
          };
        }),
      };
    },
    conclude: ({ Records }, failed) => {
      const done = new Set(Records.map(messageIdIn).filter((id) => !failed.has(id)));
      remove(({ id }) => done.has(id));
    },
    waitMs: () => Math.max(0, Math.min(...messages.map(({ visibleAt }) => visibleAt - now()))),
  };
};
