// The dead-letter queue, as the demo looks at it; and the queue's event source mapping, once through.

import { setTimeout as sleep } from "node:timers/promises";
import type { SQS } from "@aws-sdk/client-sqs";
import type { PipelineHandler } from "@sluice/core";
import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import { sqsEventSourceMapping } from "@sluice/local";

/** Longer than looking at a queue takes. */
const holdSeconds = 60;

/** The queue's dead letters, which are put back. A visibility timeout of 0 would show some twice, and others not at all. */
export const dryRun = async (sqs: SQS, queueUrl: string): Promise<Envelope[]> => {
  const QueueUrl = queueUrl;
  const receipts: string[] = [];
  const letters: Envelope[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.receiveMessage({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: holdSeconds,
    });
    if (Messages.length === 0) break;
    for (const { ReceiptHandle = "", Body = "" } of Messages) {
      receipts.push(ReceiptHandle);
      const letter = decodeEnvelope(Body);
      if (letter !== undefined) letters.push(letter);
    }
  }
  for (const ReceiptHandle of receipts) {
    await sqs.changeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
  return letters;
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
