// Sends every change of every film to a FIFO queue.

import { SQS } from "@aws-sdk/client-sqs";
import type { SqsEngine } from "@sluice/local";
import { sqsSink } from "@sluice/sink-sqs";
import { type Feed, filmChange } from "./feed.ts";
import { queueArrivals } from "./queue-arrivals.ts";

/** Opens the feed, and creates a queue for it. */
export const sqsFeed = async ({ clientConfig }: SqsEngine): Promise<Feed> => {
  const client = new SQS(clientConfig);
  const { QueueUrl: queueUrl = "" } = await client.createQueue({
    QueueName: `sluice-demo-changes-${Date.now()}.fifo`,
    Attributes: { FifoQueue: "true" },
  });
  const sink = sqsSink({ queueUrl, client });
  const map = (body: ReturnType<typeof filmChange>) => (body === undefined ? undefined : { body });
  return {
    name: sink.name,
    about: "FIFO queue, which discards duplicates itself",
    interest: undefined,
    addTo: (pipeline, { unreliable }) =>
      pipeline.to(unreliable(sink), (change) => map(filmChange(change, undefined)), { dedupe: "native" }),
    received: () => queueArrivals(client, queueUrl),
    close: async () => client.destroy(),
  };
};
