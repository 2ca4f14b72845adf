// Append targets: one in memory, and standard and FIFO variants of SQS queues and SNS topics on a real engine.

import type { SNS } from "@aws-sdk/client-sns";
import type { SQS } from "@aws-sdk/client-sqs";
import { type AppendDelivery, type EntryAnswer, SinkError, writeInRequests } from "@sluice/core/sink-kit";
import { drainQueue } from "@sluice/local";
import { type SnsClient, snsSink } from "@sluice/sink-sns";
import { type SqsClient, sqsSink } from "@sluice/sink-sqs";
import type { Environment } from "./faulty-environments.ts";
import type { Arrival, Target } from "./run.ts";

const throttled = (): SinkError => new SinkError("SINK_THROTTLED", "[memory] the target is throttled");

/** An error that core does not retry within an invocation, so that Lambda must retry the batch. */
const denied = (): SinkError => new SinkError("SINK_DENIED", "[memory] the target denied the entry");

/** A target in memory. If `isNative`, the target discards repeated messages. */
export const memoryTarget = (isNative: boolean): Target => {
  const arrived: Arrival[] = [];
  const seen = new Set<string>();
  const accept = ({ idempotencyKey, message }: AppendDelivery<unknown>): void => {
    if (isNative && seen.has(idempotencyKey)) return;
    seen.add(idempotencyKey);
    arrived.push(message as Arrival);
  };
  return {
    arrived: async () => arrived,
    sink: (environment) => ({
      name: "memory",
      supports: { writes: "append", maxEntries: 10, ...(isNative && { dedupesForMs: 300_000 }) },
      ...writeInRequests<unknown, AppendDelivery<unknown>>({
        sink: "memory",
        maxEntries: 10,
        maxBytes: Number.MAX_SAFE_INTEGER,
        encode: (entry) => ({ entry, bytes: 1 }),
        send: async (entries): Promise<EntryAnswer[]> => {
          const accepted = await environment.request(entries.length, async (isFailing) => {
            entries.forEach((entry, index) => {
              if (!isFailing(index)) accept(entry);
            });
          });
          if (accepted === "throttled") throw throttled();
          return entries.map((_, index) => (accepted[index] ? "taken" : denied()));
        },
        classify: throttled,
      }),
    }),
    toMessage: (arrival) => arrival,
  };
};

const throttling = (): Error => Object.assign(new Error("slow down"), { name: "ThrottlingException" });

/** Returns the response to a request with these entries. The plan of the environment decides which entries fail. */
const respond = async <Entry extends { readonly Id: string }>(
  environment: Environment,
  entries: readonly Entry[],
  send: (others: Entry[]) => Promise<unknown>,
) => {
  const accepted = await environment.request(entries.length, async (isFailing) => {
    const others = entries.filter((_, index) => !isFailing(index));
    if (others.length > 0) await send(others);
  });
  if (accepted === "throttled") throw throttling();
  return {
    Successful: entries.filter((_, index) => accepted[index]),
    Failed: entries.filter((_, index) => !accepted[index]).map(({ Id }) => ({ Id, Code: "AccessDenied" })),
  };
};

const bodiesIn = async (client: SQS, queueUrl: string): Promise<readonly Arrival[]> =>
  (await drainQueue(client, queueUrl)).map(({ body }) => JSON.parse(body) as Arrival);

/** A target that is a queue on a real engine. */
export const queueTarget = (client: SQS, queueUrl: string): Target => ({
  sink: (environment) => {
    const sendMessageBatch: SqsClient["sendMessageBatch"] = ({ QueueUrl, Entries }) =>
      respond(environment, Entries, (others) => client.sendMessageBatch({ QueueUrl, Entries: others }));
    return sqsSink({ queueUrl, client: { sendMessageBatch }, concurrency: 1 }) as never;
  },
  toMessage: (body) => ({ body }),
  arrived: () => bodiesIn(client, queueUrl),
});

/** A target that is a topic on a real engine. The test reads the messages from a queue that subscribes to the topic. */
export const topicTarget = (
  client: SNS,
  topicArn: string,
  queue: { readonly client: SQS; readonly url: string },
): Target => ({
  sink: (environment) => {
    const publishBatch: SnsClient["publishBatch"] = ({ TopicArn, PublishBatchRequestEntries }) =>
      respond(environment, PublishBatchRequestEntries, (others) =>
        client.publishBatch({ TopicArn, PublishBatchRequestEntries: others }),
      );
    return snsSink({ topicArn, client: { publishBatch }, concurrency: 1 }) as never;
  },
  toMessage: (body) => ({ body }),
  arrived: () => bodiesIn(queue.client, queue.url),
});
