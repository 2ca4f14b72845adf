// The queues and topics of a pipeline.

import { SNS } from "@aws-sdk/client-sns";
import type { SQS } from "@aws-sdk/client-sqs";
import { depthAttributes, type QueueDepth, queueDepth } from "@sluice/core/envelope";
import type { SqsEngine } from "@sluice/local";

/** For how long a received message is hidden, in seconds: while it waits for a process, and is then delivered. */
const visibilityOf = (functionTimeoutMs: number): string =>
  String(Math.min(43_200, Math.ceil((2 * functionTimeoutMs) / 1000) + 5));

/** Creates a queue, or finds the queue of this name. Returns its URL. */
export const createQueue = async (
  sqs: SQS,
  name: string,
  { isFifo, functionTimeoutMs }: { readonly isFifo: boolean; readonly functionTimeoutMs: number },
): Promise<string> => {
  const { QueueUrl = "" } = await sqs.createQueue({
    QueueName: isFifo ? `${name}.fifo` : name,
    Attributes: {
      VisibilityTimeout: visibilityOf(functionTimeoutMs),
      ...(isFifo && { FifoQueue: "true", ContentBasedDeduplication: "false" }),
    },
  });
  return QueueUrl;
};

/** Asks for the numbers of messages. */
export const depthOf = async (sqs: SQS, queueUrl: string): Promise<QueueDepth> => {
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: [...depthAttributes] });
  return queueDepth(Attributes);
};

/** Creates a topic, and a queue that gets its messages, so that they can be seen. Returns the ARN. */
export const createTopic = async (
  sqs: SQS,
  { clientConfig }: SqsEngine,
  { name, isFifo }: { readonly name: string; readonly isFifo: boolean },
  queueUrl: string,
): Promise<string> => {
  const sns = new SNS(clientConfig);
  try {
    const { TopicArn = "" } = await sns.createTopic({
      Name: isFifo ? `${name}.fifo` : name,
      ...(isFifo && { Attributes: { FifoTopic: "true", ContentBasedDeduplication: "false" } }),
    });
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] });
    await sns.subscribe({
      TopicArn,
      Protocol: "sqs",
      Endpoint: Attributes?.QueueArn ?? "",
      Attributes: { RawMessageDelivery: "true" },
    });
    return TopicArn;
  } finally {
    sns.destroy();
  }
};
