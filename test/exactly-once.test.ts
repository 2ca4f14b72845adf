// Counts the messages that reach an append target despite failures, throttling and crashes, for each dedupe mode. The
// targets are in memory, SQS and SNS. exactly-once-others.test.ts tests the other append sinks.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, jest, test } from "@jest/globals";
import { engineOrSkip, startDynamodb, startSqs } from "@sluice/local";
import { memoryDedupe } from "@sluice/testing";
import type { Target } from "./exactly-once/run.ts";
import { fullLoad, printResults, smallLoad, testScenarios } from "./exactly-once/scenarios.ts";
import { newStores } from "./exactly-once/store.ts";
import { memoryTarget, queueTarget, topicTarget } from "./exactly-once/targets.ts";

printResults();

describe("in memory", () => {
  testScenarios({
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

/** A long timeout, because each change causes two writes to DynamoDB Local, which is slow. */
jest.setTimeout(900_000);

describeWithEngines("on fauxqs and DynamoDB Local", ({ sqs, dynamodb }) => {
  const queues = new SQS(sqs.clientConfig);
  const topics = new SNS(sqs.clientConfig);
  const tables = new DynamoDBClient(dynamodb.clientConfig);
  const store = newStores(tables);
  let targets = 0;
  afterAll(() => {
    for (const client of [queues, topics, tables]) client.destroy();
  });

  const openQueue = async (isFifo: boolean) => {
    targets += 1;
    const QueueName = `exactly-once-${targets}${isFifo ? ".fifo" : ""}`;
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

  const common = { isNative: true, store, load: smallLoad };

  describe("SQS", () => {
    testScenarios({
      ...common,
      name: "sqs",
      open: async (isFifo) => queueTarget(queues, (await openQueue(isFifo)).url),
    });
  });

  describe("SNS", () => {
    testScenarios({ ...common, name: "sns", open: openTopic });
  });
});
