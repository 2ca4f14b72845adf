import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "../../src/index.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

describeWithSqs("SQS", (sqs) => {
  test("listens on 127.0.0.1 and takes messages under the queue URL that it returned", async () => {
    expect(new URL(sqs.endpoint).hostname).toBe("127.0.0.1");
    const client = new SQSClient(sqs.clientConfig);
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "dead-letters" }));
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.map(({ Body }) => Body)).toEqual(["hello"]);
    client.destroy();
  });
});

describe("an external SQS", () => {
  test("is used without changes", async () => {
    const engine = await startSqs({ endpoint: "http://127.0.0.1:1" });
    expect(engine.clientConfig.endpoint).toBe("http://127.0.0.1:1");
    await engine.stop();
  });
});

describe("stopping SQS", () => {
  test("closes the port, and may be repeated", async () => {
    const engine = await startSqs();
    await engine.stop();
    await engine.stop();
    await expect(fetch(engine.endpoint)).rejects.toThrow();
  });
});
