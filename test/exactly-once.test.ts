// The exactly-once account: what an append target is sent on the worst of days, under each mode. In memory, on SQS and on
// SNS; exactly-once-others.test.ts has the other sinks.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, jest, test } from "@jest/globals";
import { engineOrSkip, startDynamodb, startSqs } from "@sluice/local";
import { memoryDedupe } from "@sluice/testing";
import type { Target } from "./exactly-once/run.ts";
import { fullLoad, playsDays, printAccounts } from "./exactly-once/scenarios.ts";
import { freshStores } from "./exactly-once/store.ts";
import { memoryTarget, queueTarget, topicTarget } from "./exactly-once/targets.ts";

printAccounts();

describe("in memory", () => {
  playsDays({
    name: "memory",
    open: async (isNative) => memoryTarget(isNative),
    isNative: true,
    store: async (now) => memoryDedupe({ now }),
    load: fullLoad,
  });
});

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, async () => {
  const [sqs, dynamodb] = await Promise.all([startSqs(), startDynamodb()]);
  const stop = async (): Promise<void> => {
    await Promise.all([sqs.stop(), dynamodb.stop()]);
  };
  return { sqs, dynamodb, stop };
});

/** DynamoDB Local takes most of it: two writes a change, on the cores that all of this shares. */
jest.setTimeout(900_000);

describeWithEngines("on fauxqs and DynamoDB Local", ({ sqs, dynamodb }) => {
  const queues = new SQS(sqs.clientConfig);
  const topics = new SNS(sqs.clientConfig);
  const tables = new DynamoDBClient(dynamodb.clientConfig);
  const store = freshStores(tables);
  let targets = 0;
  afterAll(() => {
    for (const client of [queues, topics, tables]) client.destroy();
  });

  const openQueue = async (isFifo: boolean) => {
    targets += 1;
    const QueueName = `account-${targets}${isFifo ? ".fifo" : ""}`;
    const created = await queues.createQueue({ QueueName, Attributes: isFifo ? { FifoQueue: "true" } : {} });
    return { QueueName, url: created.QueueUrl ?? "" };
  };

  const openTopic = async (isFifo: boolean): Promise<Target> => {
    const { QueueName, url } = await openQueue(isFifo);
    const created = await topics.createTopic({ Name: QueueName, Attributes: isFifo ? { FifoTopic: "true" } : {} });
    const { Attributes } = await queues.getQueueAttributes({ QueueUrl: url, AttributeNames: ["QueueArn"] });
    await topics.subscribe({
      TopicArn: created.TopicArn,
      Protocol: "sqs",
      Endpoint: Attributes?.QueueArn,
      Attributes: { RawMessageDelivery: "true" },
    });
    return topicTarget(topics, created.TopicArn ?? "", { client: queues, url });
  };

  const common = { isNative: true, store, load: fullLoad };

  describe("SQS", () => {
    playsDays({ ...common, name: "sqs", open: async (isFifo) => queueTarget(queues, (await openQueue(isFifo)).url) });
  });

  describe("SNS", () => {
    playsDays({ ...common, name: "sns", open: openTopic });
  });
});
