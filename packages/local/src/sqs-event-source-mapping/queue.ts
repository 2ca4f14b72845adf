// The queue that a mapping polls: it receives and deletes messages, and counts the messages that are left.

import { deleteMessages, depthAttributes, maxBatchEntries, queueDepth, type SqsCalls } from "@sluice/core/envelope";
import { type ReceivedMessage, receivedMessage } from "./message.ts";

/** The methods of an SQS client that a mapping calls. You can pass an `SQS` of the AWS SDK. */
export type QueueClient = Pick<SqsCalls, "receiveMessage" | "deleteMessageBatch" | "getQueueAttributes">;

/** Maximum number of messages in a receive, and in a batch if there is no batching window. */
export const maxReceived: number = maxBatchEntries;

/** The queue of a mapping. */
export interface Queue {
  readonly visibilityTimeoutMs: number;
  readonly receive: (most: number) => Promise<ReceivedMessage[]>;
  /** Rejects unless SQS deleted all messages. */
  readonly remove: (messages: readonly ReceivedMessage[]) => Promise<void>;
  /** Number of messages that are visible, delayed or in flight. */
  readonly size: () => Promise<number>;
}

/** Opens a queue. @throws when the queue does not answer. */
export const openQueue = async (client: QueueClient, QueueUrl: string): Promise<Queue> => {
  const queue = { client, queueUrl: QueueUrl, name: "sqs event source mapping" };
  const identity = await client.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn", "VisibilityTimeout"] });
  const { QueueArn: queueArn = "", VisibilityTimeout } = identity.Attributes ?? {};
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
      const { errors } = await deleteMessages(queue, messages);
      if (errors.length > 0) throw errors[0];
    },
    size: async () => {
      const { Attributes } = await client.getQueueAttributes({ QueueUrl, AttributeNames: [...depthAttributes] });
      const { visible, inFlight, delayed } = queueDepth(Attributes);
      return visible + inFlight + delayed;
    },
  };
};
