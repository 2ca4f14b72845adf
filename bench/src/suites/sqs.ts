// Measures how fast changes are sent to a standard queue. A request has ten messages.

import { SQS } from "@aws-sdk/client-sqs";
import { sqsSink } from "@sluice/sink-sqs";
import type { Suite } from "../suite.ts";
import { type BenchMessage, messagingSuite } from "./messaging.ts";

const entryOf = ({ body, attributes }: BenchMessage) => ({
  MessageBody: body,
  MessageAttributes: Object.fromEntries(
    Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
  ),
});

/** Deletes the messages in a queue, and returns their number. */
export const takeCount = async (client: SQS, QueueUrl: string): Promise<number> => {
  const AttributeNames = ["ApproximateNumberOfMessages" as const];
  const { Attributes } = await client.getQueueAttributes({ QueueUrl, AttributeNames });
  await client.purgeQueue({ QueueUrl });
  return Number(Attributes?.ApproximateNumberOfMessages);
};

/** The suite that compares the pipeline's writes to SQS with Powertools and the raw limit. */
export const sqsSuite: Suite = messagingSuite("sqs", async ({ clientConfig }) => {
  const client = new SQS(clientConfig);
  const { QueueUrl: queueUrl = "" } = await client.createQueue({ QueueName: "films" });
  return {
    sink: sqsSink({ queueUrl }),
    requestOf: (messages) => ({
      QueueUrl: queueUrl,
      Entries: messages.map((message, index) => ({ Id: String(index), ...entryOf(message) })),
    }),
    send: async (request: Parameters<typeof client.sendMessageBatch>[0]) => {
      const { Failed = [] } = await client.sendMessageBatch(request);
      if (Failed.length > 0) throw new Error(`${Failed.length} messages failed`);
    },
    sendOne: async (message) => {
      await client.sendMessage({ QueueUrl: queueUrl, ...entryOf(message) });
    },
    takeCount: () => takeCount(client, queueUrl),
    close: () => client.destroy(),
  };
});
