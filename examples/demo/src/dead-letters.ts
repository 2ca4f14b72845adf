// The dead-letter queue, as the demo looks at it; and the queue's event source mapping, once through.

import { setTimeout as sleep } from "node:timers/promises";
import type { SQS } from "@aws-sdk/client-sqs";
import { decodeEnvelope, type Envelope, type PipelineHandler } from "@sluice/core";
import { sqsEventSourceMapping } from "@sluice/local";

/** The queue's dead letters, which stay there. */
export const peek = async (sqs: SQS, queueUrl: string): Promise<Envelope[]> => {
  const seen = new Map<string, Envelope>();
  for (;;) {
    const { Messages = [] } = await sqs.receiveMessage({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    });
    const known = seen.size;
    for (const { MessageId = "", Body = "" } of Messages) {
      const letter = decodeEnvelope(Body);
      if (letter !== undefined) seen.set(MessageId, letter);
    }
    if (seen.size === known) return [...seen.values()];
  }
};

/**
 * Gives so many dead letters to the handler, each once, as Lambda does with the queue as an event source.
 * @returns how many were redriven, and are gone.
 */
export const redrive = async (
  sqs: SQS,
  queueUrl: string,
  handler: PipelineHandler,
  letters: number,
): Promise<number> => {
  const functionResponseTypes = ["ReportBatchItemFailures"] as const;
  const mapping = sqsEventSourceMapping({ client: sqs, queueUrl, handler, functionResponseTypes });
  await mapping.start();
  // One that fails stays hidden for longer than that takes.
  while (mapping.counters.invokedEventCount < letters) await sleep(20);
  await mapping.stop();
  return mapping.counters.deletedEventCount;
};
