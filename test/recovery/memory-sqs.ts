// An SQS queue in memory, for tests in which only a fake clock tells the time: delays, visibility timeouts and groups.

import type { sqsRetryQueue } from "@sluice/core";

type Client = NonNullable<Parameters<typeof sqsRetryQueue>[0]["client"]>;

interface Stored {
  readonly id: string;
  readonly body: string;
  readonly group: string | undefined;
  readonly sentAt: number;
  visibleAt: number;
  receives: number;
}

/** A message as Lambda passes it to the function. */
export interface ReceivedRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: { readonly ApproximateReceiveCount: string; readonly SentTimestamp: string };
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
}

/** A queue in memory, and the client that core calls. */
export interface MemorySqs {
  readonly client: Client;
  readonly queueUrl: string;
  /** Number of messages, visible or not. */
  readonly size: () => number;
  /** Number of times that messages were received, over all messages. */
  readonly receives: () => number;
  /** Receives up to `most` messages, which stay hidden for five minutes. */
  readonly receive: (most: number) => readonly ReceivedRecord[];
  /** Deletes messages. */
  readonly remove: (records: readonly ReceivedRecord[]) => void;
}

const visibilityMs = 300_000;

/** Creates an empty queue. */
export const memorySqs = (name: string, now: () => number): MemorySqs => {
  const messages = new Map<string, Stored>();
  let [sent, receives] = [0, 0];
  const client = {
    sendMessageBatch: async ({ Entries }: Parameters<Client["sendMessageBatch"]>[0]) => {
      for (const { MessageBody: body, MessageGroupId: group, DelaySeconds = 0 } of Entries) {
        sent += 1;
        const visibleAt = now() + DelaySeconds * 1_000;
        messages.set(`m${sent}`, { id: `m${sent}`, body, group, sentAt: now(), visibleAt, receives: 0 });
      }
      return { Successful: Entries };
    },
    deleteMessageBatch: async ({ Entries }: { readonly Entries: { Id: string; ReceiptHandle: string }[] }) => {
      for (const { ReceiptHandle } of Entries) messages.delete(ReceiptHandle);
      return { Successful: Entries };
    },
    changeMessageVisibilityBatch: async (input: {
      readonly Entries: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
    }) => {
      for (const { ReceiptHandle, VisibilityTimeout } of input.Entries) {
        const message = messages.get(ReceiptHandle);
        if (message !== undefined) message.visibleAt = now() + VisibilityTimeout * 1_000;
      }
      return { Successful: input.Entries };
    },
  };
  const recordOf = ({ id, body, receives: count, sentAt }: Stored): ReceivedRecord => ({
    messageId: id,
    receiptHandle: id,
    body,
    attributes: { ApproximateReceiveCount: String(count), SentTimestamp: String(sentAt) },
    eventSource: "aws:sqs",
    eventSourceARN: `arn:aws:sqs:us-east-1:123456789012:${name}`,
  });
  return {
    client,
    queueUrl: `https://sqs.us-east-1.amazonaws.com/123456789012/${name}`,
    size: () => messages.size,
    receives: () => receives,
    receive: (most) => {
      const blocked = new Set<string>();
      const taken: ReceivedRecord[] = [];
      for (const message of messages.values()) {
        if (taken.length >= most) break;
        const { group } = message;
        const isVisible = message.visibleAt <= now() && !(group !== undefined && blocked.has(group));
        if (!isVisible && group !== undefined) blocked.add(group);
        if (!isVisible) continue;
        message.visibleAt = now() + visibilityMs;
        message.receives += 1;
        receives += 1;
        taken.push(recordOf(message));
      }
      return taken;
    },
    remove: (records) => {
      for (const { messageId } of records) messages.delete(messageId);
    },
  };
};
