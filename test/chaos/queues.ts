// Creates the queues of a pipeline for a chaos test.

import type { SQS } from "@aws-sdk/client-sqs";
import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import { drainQueue } from "@sluice/local";

export interface Queues {
  readonly deadLetterUrl: string;
  /** URL of a FIFO queue whose visibility timeout is the timeout of the function. */
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

/** Receives and deletes all messages of a dead-letter queue. Returns their envelopes. */
export const drainDeadLetters = async (sqs: SQS, queueUrl: string): Promise<Envelope[]> => {
  const messages = await drainQueue(sqs, queueUrl);
  return messages.map(({ body }) => decodeEnvelope(body) as Envelope);
};
