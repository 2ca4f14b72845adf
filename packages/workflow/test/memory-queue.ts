// A standard SQS queue in memory, with visibility timeouts and a clock that a test advances.

import type { RedriveQueueClient } from "../src/index.ts";

interface Kept {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  visibleAt: number;
  receipt: number;
}

export interface MemoryQueue {
  readonly client: RedriveQueueClient;
  readonly now: () => number;
  readonly advance: (ms: number) => void;
  readonly send: (...bodies: readonly string[]) => void;
  /** Bodies of all messages, visible or hidden, oldest first. */
  readonly bodies: () => string[];
  readonly visible: () => number;
  /** Number of calls by operation. */
  readonly calls: Record<string, number>;
}

export const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dead";

/** The time at which a run starts. The run redrives only messages that were sent before this time. */
export const startMs: number = Date.parse("2026-11-25T12:00:00.000Z");

export const memoryQueue = (startsAt: number = startMs - 1_000): MemoryQueue => {
  let now = startsAt;
  let count = 0;
  const kept = new Map<string, Kept>();
  const calls: Record<string, number> = {};
  const called = (operation: string): void => {
    calls[operation] = (calls[operation] ?? 0) + 1;
  };
  const visibleOnes = (): Kept[] => [...kept.values()].filter(({ visibleAt }) => visibleAt <= now);
  const holder = (handle: string): Kept | undefined => {
    const [id = "", receipt] = handle.split("/");
    const message = kept.get(id);
    return message?.receipt === Number(receipt) ? message : undefined;
  };
  const each = (
    entries: readonly { Id: string; ReceiptHandle: string }[],
    act: (message: Kept, index: number) => void,
  ) => {
    const taken = entries.filter(({ ReceiptHandle }, index) => {
      const message = holder(ReceiptHandle);
      if (message !== undefined) act(message, index);
      return message !== undefined;
    });
    const failed = entries.filter((entry) => !taken.includes(entry));
    return {
      Successful: taken.map(({ Id }) => ({ Id })),
      Failed: failed.map(({ Id }) => ({ Id, Code: "ReceiptHandleIsInvalid", SenderFault: true })),
    };
  };
  const client: RedriveQueueClient = {
    receiveMessage: async ({ MaxNumberOfMessages, VisibilityTimeout = 0, WaitTimeSeconds = 0 }) => {
      called("receiveMessage");
      const found = visibleOnes().slice(0, MaxNumberOfMessages);
      if (found.length === 0) now += WaitTimeSeconds * 1_000;
      return {
        Messages: found.map((message) => {
          message.visibleAt = now + VisibilityTimeout * 1_000;
          message.receipt += 1;
          const { id, body, sentAt, receipt } = message;
          return {
            MessageId: id,
            Body: body,
            ReceiptHandle: `${id}/${receipt}`,
            Attributes: { SentTimestamp: String(sentAt), ApproximateReceiveCount: String(receipt) },
          };
        }),
      };
    },
    deleteMessageBatch: async ({ Entries }) => {
      called("deleteMessageBatch");
      return each(Entries, ({ id }) => kept.delete(id));
    },
    changeMessageVisibilityBatch: async ({ Entries }) => {
      called("changeMessageVisibilityBatch");
      return each(Entries, (message, index) => {
        message.visibleAt = now + (Entries[index]?.VisibilityTimeout ?? 0) * 1_000;
      });
    },
    getQueueAttributes: async () => {
      called("getQueueAttributes");
      const visible = visibleOnes().length;
      return {
        Attributes: {
          ApproximateNumberOfMessages: String(visible),
          ApproximateNumberOfMessagesNotVisible: String(kept.size - visible),
          ApproximateNumberOfMessagesDelayed: "0",
        },
      };
    },
  };
  return {
    client,
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    send: (...bodies) => {
      for (const body of bodies) {
        count += 1;
        const id = `message-${count}`;
        kept.set(id, { id, body, sentAt: now, visibleAt: now, receipt: 0 });
      }
    },
    bodies: () => [...kept.values()].map(({ body }) => body),
    visible: () => visibleOnes().length,
    calls,
  };
};
