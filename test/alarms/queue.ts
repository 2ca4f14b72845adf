// An SQS standard queue by a fake clock: delays, visibility timeouts, and what CloudWatch measures of a queue.

import type { SqsCalls } from "@sluice/core/envelope";

/** A queue in memory. */
export interface FakeQueue {
  readonly url: string;
  readonly name: string;
  readonly client: SqsCalls;
  /** The bodies of all messages, the oldest first. */
  readonly bodies: () => readonly string[];
  /** Deletes all messages, as a redrive does. */
  readonly clear: () => void;
  /** Adds messages that a consumer has received and not deleted, until `forMs` are over. */
  readonly addHidden: (count: number, forMs: number) => void;
  readonly measure: () => QueueMeasures;
}

/** The metrics of a queue. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
export interface QueueMeasures {
  readonly ApproximateNumberOfMessagesVisible: number;
  readonly ApproximateNumberOfMessagesNotVisible: number;
  readonly ApproximateNumberOfMessagesDelayed: number;
  /** In seconds. */
  readonly ApproximateAgeOfOldestMessage: number;
}

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  visibleAt: number;
  receives: number;
}

/** "After a message is received three times (or more) and not processed", the age of the oldest message leaves it out. */
const receivesWithAge = 3;

const measure = (messages: Iterable<Message>, nowMs: number): QueueMeasures => {
  let [visible, hidden, delayed, oldest] = [0, 0, 0, nowMs];
  for (const { visibleAt, receives, sentAt } of messages) {
    if (visibleAt <= nowMs) visible += 1;
    else if (receives > 0) hidden += 1;
    else delayed += 1;
    if (receives < receivesWithAge) oldest = Math.min(oldest, sentAt);
  }
  return {
    ApproximateNumberOfMessagesVisible: visible,
    ApproximateNumberOfMessagesNotVisible: hidden,
    ApproximateNumberOfMessagesDelayed: delayed,
    ApproximateAgeOfOldestMessage: (nowMs - oldest) / 1_000,
  };
};

const depthOf = (messages: Iterable<Message>, nowMs: number): Record<string, string> => {
  const found = measure(messages, nowMs);
  return {
    ApproximateNumberOfMessages: String(found.ApproximateNumberOfMessagesVisible),
    ApproximateNumberOfMessagesNotVisible: String(found.ApproximateNumberOfMessagesNotVisible),
    ApproximateNumberOfMessagesDelayed: String(found.ApproximateNumberOfMessagesDelayed),
  };
};

const answerOf = (entries: readonly { readonly Id: string }[]) => ({ Successful: entries.map(({ Id }) => ({ Id })) });

/** Creates an empty queue. */
export const fakeQueue = (name: string, now: () => number, visibilitySeconds = 360): FakeQueue => {
  const arn = `arn:aws:sqs:us-east-1:123456789012:${name}`;
  const messages = new Map<string, Message>();
  let sent = 0;
  const add = (body: string, visibleAt: number, receives = 0): void => {
    sent += 1;
    messages.set(`${name}-${sent}`, { id: `${name}-${sent}`, body, sentAt: now(), visibleAt, receives });
  };
  const client: SqsCalls = {
    sendMessageBatch: async ({ Entries }) => {
      for (const { MessageBody, DelaySeconds = 0 } of Entries) add(MessageBody, now() + DelaySeconds * 1_000);
      return answerOf(Entries);
    },
    receiveMessage: async ({ MaxNumberOfMessages, VisibilityTimeout = visibilitySeconds }) => {
      const taken: Message[] = [];
      for (const message of messages.values()) {
        if (taken.length === MaxNumberOfMessages) break;
        if (message.visibleAt <= now()) taken.push(message);
      }
      for (const message of taken) {
        message.visibleAt = now() + VisibilityTimeout * 1_000;
        message.receives += 1;
      }
      return {
        Messages: taken.map(({ id, body, receives, sentAt }) => ({
          MessageId: id,
          ReceiptHandle: id,
          Body: body,
          Attributes: { ApproximateReceiveCount: String(receives), SentTimestamp: String(sentAt) },
        })),
      };
    },
    deleteMessageBatch: async ({ Entries }) => {
      for (const { ReceiptHandle } of Entries) messages.delete(ReceiptHandle);
      return answerOf(Entries);
    },
    changeMessageVisibilityBatch: async ({ Entries }) => {
      for (const { ReceiptHandle, VisibilityTimeout } of Entries) {
        const message = messages.get(ReceiptHandle);
        if (message !== undefined) message.visibleAt = now() + VisibilityTimeout * 1_000;
      }
      return answerOf(Entries);
    },
    getQueueAttributes: async () => ({
      Attributes: { QueueArn: arn, VisibilityTimeout: String(visibilitySeconds), ...depthOf(messages.values(), now()) },
    }),
  };
  return {
    url: `https://sqs.us-east-1.amazonaws.com/123456789012/${name}`,
    name,
    client,
    bodies: () => [...messages.values()].map(({ body }) => body),
    clear: () => messages.clear(),
    addHidden: (count, forMs) => {
      for (let index = 0; index < count; index += 1) add("", now() + forMs, 1);
    },
    measure: () => measure(messages.values(), now()),
  };
};
