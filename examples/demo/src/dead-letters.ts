// Reads the dead-letter queue without deleting messages, and redrives the messages through an event source mapping.

import { setTimeout as sleep } from "node:timers/promises";
import type { SQS } from "@aws-sdk/client-sqs";
import type { PipelineHandler } from "@sluice/core";
import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import { sqsEventSourceMapping } from "@sluice/local";

/** Visibility timeout of the received messages in seconds. The demo needs less time to read the queue. */
const hiddenSeconds = 60;

/**
 * Reads all dead letters, and then makes them visible again. The messages stay hidden while the demo reads, because
 * otherwise the demo would receive some messages twice and miss others.
 */
export const readDeadLetters = async (sqs: SQS, queueUrl: string): Promise<Envelope[]> => {
  const QueueUrl = queueUrl;
  const receipts: string[] = [];
  const deadLetters: Envelope[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.receiveMessage({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: hiddenSeconds,
    });
    if (Messages.length === 0) break;
    for (const { ReceiptHandle = "", Body = "" } of Messages) {
      receipts.push(ReceiptHandle);
      const envelope = decodeEnvelope(Body);
      if (envelope !== undefined) deadLetters.push(envelope);
    }
  }
  for (const ReceiptHandle of receipts) {
    await sqs.changeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
  return deadLetters;
};

/**
 * Delivers each dead letter once to the handler, as Lambda does when the queue is an event source.
 * @returns the number of messages that the handler processed successfully. The mapping has deleted these messages.
 */
export const redrive = async (sqs: SQS, queueUrl: string, handler: PipelineHandler, count: number): Promise<number> => {
  const functionResponseTypes = ["ReportBatchItemFailures"] as const;
  const mapping = sqsEventSourceMapping({ client: sqs, queueUrl, handler, functionResponseTypes });
  await mapping.start();
  // A message that the handler reports as failed stays hidden until this loop has ended, so it is delivered only once.
  while (mapping.counters.invokedEventCount < count) await sleep(20);
  await mapping.stop();
  return mapping.counters.deletedEventCount;
};
