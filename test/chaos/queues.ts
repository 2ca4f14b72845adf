// The queues of a pipeline in a chaos test.

import type { SQS } from "@aws-sdk/client-sqs";
import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import { drainQueue } from "@sluice/local";

export interface Queues {
  readonly deadLetterUrl: string;
  /** A FIFO queue. Its visibility timeout is the function's timeout. */
  readonly retryUrl: string;
}

export const createQueues = async (sqs: SQS, name: string, functionTimeoutMs: number): Promise<Queues> => {
  const { QueueUrl: deadLetterUrl = "" } = await sqs.createQueue({ QueueName: `${name}-dead` });
  const { QueueUrl: retryUrl = "" } = await sqs.createQueue({
    QueueName: `${name}-retry.fifo`,
    Attributes: { FifoQueue: "true", VisibilityTimeout: String(functionTimeoutMs / 1000) },
  });
  return { deadLetterUrl, retryUrl };
};

/** Receives and deletes all dead letters of a queue. */
export const drainDeadLetters = async (sqs: SQS, queueUrl: string): Promise<Envelope[]> => {
  const messages = await drainQueue(sqs, queueUrl);
  return messages.map(({ body }) => decodeEnvelope(body) as Envelope);
};
