// Tests of messages with a separate body for each protocol. fauxqs does not support such messages, so moto is used.

import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { drainQueue, engineOrSkip, startMoto } from "@sluice/local";
import { streamChange } from "@sluice/testing";
import { type SnsMessage, snsSink } from "../src/index.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

describeWithMoto("on moto", ({ clientConfig }) => {
  const topics = new SNS(clientConfig);
  const queues = new SQS(clientConfig);
  afterAll(() => {
    for (const client of [topics, queues]) client.destroy();
  });

  test("a subscription gets the body of its protocol, or the default body if its protocol has none", async () => {
    const { TopicArn: topicArn = "" } = await topics.createTopic({ Name: "orders" });
    const { QueueUrl = "" } = await queues.createQueue({ QueueName: "orders" });
    const { Attributes } = await queues.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
    const raw = { RawMessageDelivery: "true" };
    await topics.subscribe({ TopicArn: topicArn, Protocol: "sqs", Endpoint: Attributes?.QueueArn, Attributes: raw });
    const messages: readonly SnsMessage[] = [
      { body: { total: 5 }, bodyFor: { sqs: { five: "é\u0000" }, email: "Five!" } },
      { body: { total: 6 }, bodyFor: { email: "Six!" } },
      { body: { total: 7 } },
    ];
    const deliveries = messages.map((message, index) => ({
      change: streamChange({ after: { pk: String(index), sk: "1" } }),
      message,
      idempotencyKey: `event-${index}:sns`,
    }));
    const context = { signal: new AbortController().signal, remainingMs: () => 10_000 };
    const settled = await snsSink({ topicArn, client: topics }).write(deliveries, context);
    expect(settled.map(({ outcome }) => outcome)).toEqual(messages.map(() => "delivered"));
    const bodies = (await drainQueue(queues, QueueUrl)).map(({ body }) => JSON.parse(body));
    expect(bodies).toEqual([{ five: "é\u0000" }, { total: 6 }, { total: 7 }]);
  });
});
