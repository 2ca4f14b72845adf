// Publishes every change of every film to a FIFO topic. A subscribed queue receives the messages.

import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import type { SqsEngine } from "@sluice/local";
import { snsSink } from "@sluice/sink-sns";
import { type Feed, filmChange } from "./feed.ts";
import { queueArrivals } from "./queue-arrivals.ts";

const subscribedQueue = async (topics: SNS, queues: SQS, topicArn: string, name: string): Promise<string> => {
  const { QueueUrl = "" } = await queues.createQueue({ QueueName: name, Attributes: { FifoQueue: "true" } });
  const { Attributes } = await queues.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
  await topics.subscribe({
    TopicArn: topicArn,
    Protocol: "sqs",
    Endpoint: Attributes?.QueueArn,
    Attributes: { RawMessageDelivery: "true" },
  });
  return QueueUrl;
};

/** Opens the feed, and creates a topic for it. */
export const snsFeed = async ({ clientConfig }: SqsEngine): Promise<Feed> => {
  const topics = new SNS(clientConfig);
  const queues = new SQS(clientConfig);
  const name = `sluice-demo-topic-${Date.now()}.fifo`;
  const { TopicArn: topicArn = "" } = await topics.createTopic({ Name: name, Attributes: { FifoTopic: "true" } });
  const queueUrl = await subscribedQueue(topics, queues, topicArn, name);
  const sink = snsSink({ topicArn, client: topics });
  const map = (body: ReturnType<typeof filmChange>) => (body === undefined ? undefined : { body });
  return {
    name: sink.name,
    about: "FIFO topic, which discards duplicates itself",
    interest: undefined,
    addTo: (pipeline, { unreliable }) =>
      pipeline.to(unreliable(sink), (change) => map(filmChange(change, undefined)), { dedupe: "native" }),
    received: () => queueArrivals(queues, queueUrl),
    close: async () => {
      topics.destroy();
      queues.destroy();
    },
  };
};
