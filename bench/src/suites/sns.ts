// Measures how fast changes are published to a standard topic with one subscribed queue. A request has ten messages.

import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { snsSink } from "@sluice/sink-sns";
import type { Suite } from "../suite.ts";
import { type BenchMessage, messagingSuite } from "./messaging.ts";
import { takeCount } from "./sqs.ts";

const entryOf = ({ body, attributes }: BenchMessage) => ({
  Message: body,
  MessageAttributes: Object.fromEntries(
    Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
  ),
});

const subscribedTopic = async (client: SNS, queues: SQS) => {
  const { TopicArn: topicArn = "" } = await client.createTopic({ Name: "films" });
  const { QueueUrl: queueUrl = "" } = await queues.createQueue({ QueueName: "films" });
  const { Attributes } = await queues.getQueueAttributes({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] });
  await client.subscribe({
    TopicArn: topicArn,
    Protocol: "sqs",
    Endpoint: Attributes?.QueueArn,
    Attributes: { RawMessageDelivery: "true" },
  });
  return { topicArn, queueUrl };
};

/** The suite that compares the pipeline's writes to SNS with Powertools and the raw limit. */
export const snsSuite: Suite = messagingSuite("sns", async ({ clientConfig }) => {
  const client = new SNS(clientConfig);
  const queues = new SQS(clientConfig);
  const { topicArn, queueUrl } = await subscribedTopic(client, queues);
  return {
    sink: snsSink({ topicArn }),
    requestOf: (messages) => ({
      TopicArn: topicArn,
      PublishBatchRequestEntries: messages.map((message, index) => ({ Id: String(index), ...entryOf(message) })),
    }),
    send: async (request: Parameters<typeof client.publishBatch>[0]) => {
      const { Failed = [] } = await client.publishBatch(request);
      if (Failed.length > 0) throw new Error(`${Failed.length} messages failed`);
    },
    sendOne: async (message) => {
      await client.publish({ TopicArn: topicArn, ...entryOf(message) });
    },
    takeCount: () => takeCount(queues, queueUrl),
    close: () => {
      client.destroy();
      queues.destroy();
    },
  };
});
