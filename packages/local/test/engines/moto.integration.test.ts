import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMoto } from "../../src/index.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

describeWithMoto("moto", (moto) => {
  test("listens on 127.0.0.1 and takes messages", async () => {
    expect(new URL(moto.endpoint).hostname).toBe("127.0.0.1");
    const client = new SQSClient(moto.clientConfig);
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "events" }));
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.map(({ Body }) => Body)).toEqual(["hello"]);
    client.destroy();
  });
});

test("an external moto is used without changes", async () => {
  const engine = await startMoto({ endpoint: "http://127.0.0.1:1" });
  expect(engine.clientConfig.endpoint).toBe("http://127.0.0.1:1");
  await engine.stop();
});
