// The queue that a mapping polls: receives, deletions, and how much is left.

import { type QueueMessage, type ReceivedMessage, receivedMessage } from "./message.ts";

/** The calls of `SQS` from `@aws-sdk/client-sqs` that are used; your own client fits. */
export interface QueueClient {
  readonly receiveMessage: (input: {
    QueueUrl: string;
    MaxNumberOfMessages: number;
    MessageAttributeNames: string[];
    MessageSystemAttributeNames: ["All"];
  }) => Promise<{ readonly Messages?: readonly QueueMessage[] | undefined }>;
  readonly deleteMessageBatch: (input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string }[];
  }) => Promise<{
    readonly Failed?: readonly { readonly Code?: string | undefined }[] | undefined;
  }>;
  readonly getQueueAttributes: (input: {
    QueueUrl: string;
    AttributeNames: QueueAttribute[];
  }) => Promise<{ readonly Attributes?: Readonly<Partial<Record<string, string>>> | undefined }>;
}

type QueueAttribute =
  | "QueueArn"
  | "VisibilityTimeout"
  | "ApproximateNumberOfMessages"
  | "ApproximateNumberOfMessagesNotVisible"
  | "ApproximateNumberOfMessagesDelayed";

const counts = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
] as const satisfies QueueAttribute[];

/** Messages of a receive or a deletion, and of a batch without a window. */
export const maxReceived = 10;

/** A queue that exists. */
export interface Queue {
  readonly visibilityTimeoutMs: number;
  readonly receive: (most: number) => Promise<ReceivedMessage[]>;
  /** Rejects unless all were. */
  readonly remove: (messages: readonly ReceivedMessage[]) => Promise<void>;
  /** Messages that are visible, delayed, or in flight. */
  readonly size: () => Promise<number>;
}

const inTens = <Value>(values: readonly Value[]): Value[][] =>
  Array.from({ length: Math.ceil(values.length / maxReceived) }, (_, index) =>
    values.slice(index * maxReceived, (index + 1) * maxReceived),
  );

/** @throws when the queue does not answer. */
export const openQueue = async (client: QueueClient, QueueUrl: string): Promise<Queue> => {
  const read = async (AttributeNames: QueueAttribute[]): Promise<Readonly<Partial<Record<string, string>>>> =>
    (await client.getQueueAttributes({ QueueUrl, AttributeNames })).Attributes ?? {};
  const { QueueArn: queueArn = "", VisibilityTimeout } = await read(["QueueArn", "VisibilityTimeout"]);
  return {
    visibilityTimeoutMs: Number(VisibilityTimeout) * 1000,
    receive: async (most) => {
      const { Messages = [] } = await client.receiveMessage({
        QueueUrl,
        MaxNumberOfMessages: Math.min(most, maxReceived),
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["All"],
      });
      return Messages.map((message) => receivedMessage(message, queueArn));
    },
    remove: async (messages) => {
      for (const ten of inTens(messages)) {
        const Entries = ten.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
        const { Failed = [] } = await client.deleteMessageBatch({ QueueUrl, Entries });
        if (Failed[0] !== undefined) throw new Error(`SQS deleted not all messages: ${Failed[0].Code}`);
      }
    },
    size: async () => {
      const attributes = await read([...counts]);
      return counts.reduce((sum, name) => sum + Number(attributes[name] ?? 0), 0);
    },
  };
};
