// The dead-letter queue, as the demo looks at it; and the queue's event source mapping, once through.

import type { SQS } from "@aws-sdk/client-sqs";
import { decodeEnvelope, type Envelope, type PipelineHandler } from "@sluice/core";

/** Shows the queue's dead letters, and leaves them there. */
export const peek = async (sqs: SQS, queueUrl: string): Promise<Envelope[]> => {
  const { Messages = [] } = await sqs.receiveMessage({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: 10,
    VisibilityTimeout: 0,
  });
  return Messages.flatMap(({ Body = "" }) => decodeEnvelope(Body) ?? []);
};

/**
 * Gives every dead letter to the handler, as Lambda does with the queue as an event source, and deletes those that it
 * does not report.
 * @returns how many were redriven, and how many stay.
 */
export const redrive = async (
  sqs: SQS,
  queueUrl: string,
  handler: PipelineHandler,
): Promise<{ redriven: number; left: number }> => {
  const count = { redriven: 0, left: 0 };
  for (;;) {
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 });
    if (Messages.length === 0) return count;
    const { batchItemFailures } = await handler({
      Records: Messages.map(({ MessageId, Body, ReceiptHandle }) => ({
        messageId: MessageId,
        body: Body,
        receiptHandle: ReceiptHandle,
        eventSource: "aws:sqs",
      })),
    });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { MessageId = "", ReceiptHandle } of Messages) {
      if (failed.has(MessageId)) count.left += 1;
      else {
        await sqs.deleteMessage({ QueueUrl: queueUrl, ReceiptHandle });
        count.redriven += 1;
      }
    }
  }
};
