import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startElasticmq } from "../../src/index.ts";

const describeWithElasticmq = await engineOrSkip({ describe, test, afterAll }, () => startElasticmq());

describeWithElasticmq("ElasticMQ", (elasticmq) => {
  test("listens on 127.0.0.1 and returns several messages of a group at once, in order", async () => {
    expect(new URL(elasticmq.endpoint).hostname).toBe("127.0.0.1");
    const client = new SQSClient(elasticmq.clientConfig);
    const Attributes = { FifoQueue: "true" };
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "ordered.fifo", Attributes }));
    for (const MessageBody of ["1", "2", "3"]) {
      const ids = { MessageGroupId: "group", MessageDeduplicationId: MessageBody };
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...ids }));
    }
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    expect(Messages?.map(({ Body }) => Body)).toEqual(["1", "2", "3"]);
    client.destroy();
  });
});

test("an external ElasticMQ is used without changes", async () => {
  const engine = await startElasticmq({ endpoint: "http://127.0.0.1:1" });
  expect(engine.clientConfig.endpoint).toBe("http://127.0.0.1:1");
  await engine.stop();
});
