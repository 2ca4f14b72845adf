// Receives and deletes all messages of a queue, for tests.

import { deleteMessages, maxBatchEntries, type SqsCalls, type SqsReceivedMessage } from "@sluice/core/envelope";

/** A message that was received and deleted. */
export interface DrainedMessage {
  readonly body: string;
  /** String values of the message attributes, by name. */
  readonly attributes: { readonly [name: string]: string };
  /** Attributes that SQS set: `MessageGroupId`, `SequenceNumber` and others. */
  readonly systemAttributes: { readonly [name: string]: string };
}

/** The methods of an SQS client that `drainQueue` calls. You can pass an `SQS` of the AWS SDK. */
export type QueueReader = Pick<SqsCalls, "receiveMessage" | "deleteMessageBatch">;

const texts = (attributes: NonNullable<SqsReceivedMessage["MessageAttributes"]>) =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, { StringValue }]) =>
      StringValue === undefined ? [] : [[name, StringValue]],
    ),
  );

/**
 * Receives and deletes messages until a receive returns none. Returns the messages in the order of the receives. A
 * FIFO queue and a local standard queue return messages in the order in which the messages were sent.
 */
export const drainQueue = async (client: QueueReader, QueueUrl: string): Promise<DrainedMessage[]> => {
  const drained: DrainedMessage[] = [];
  for (;;) {
    const { Messages = [] } = await client.receiveMessage({
      QueueUrl,
      MaxNumberOfMessages: maxBatchEntries,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    });
    if (Messages.length === 0) return drained;
    for (const { Body = "", Attributes = {}, MessageAttributes = {} } of Messages) {
      drained.push({ body: Body, attributes: texts(MessageAttributes), systemAttributes: Attributes });
    }
    const receipts = Messages.map(({ ReceiptHandle = "" }) => ({ receiptHandle: ReceiptHandle }));
    const { errors } = await deleteMessages({ client, queueUrl: QueueUrl, name: "drainQueue" }, receipts);
    if (errors.length > 0) throw errors[0];
  }
};
