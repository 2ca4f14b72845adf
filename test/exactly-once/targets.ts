// Append targets for the account: one in memory, queues and topics, standard and FIFO, on a real engine.

import type { SNS } from "@aws-sdk/client-sns";
import type { SQS } from "@aws-sdk/client-sqs";
import { type AppendDelivery, type EntryAnswer, SinkError, writeInRequests } from "@sluice/core/sink-kit";
import { drainQueue } from "@sluice/local";
import { type SnsClient, snsSink } from "@sluice/sink-sns";
import { type SqsClient, sqsSink } from "@sluice/sink-sqs";
import type { Environment } from "./faulty-environments.ts";
import type { Arrival, Target } from "./run.ts";

const throttled = (): SinkError => new SinkError("SINK_THROTTLED", "[memory] the target is throttled");

/** Not healed by a quick try: the batch comes again. */
const denied = (): SinkError => new SinkError("SINK_DENIED", "[memory] the target denied the entry");

/** A target in memory. One that is `native` discards what it has seen. */
export const memoryTarget = (isNative: boolean): Target => {
  const arrived: Arrival[] = [];
  const seen = new Set<string>();
  const take = ({ idempotencyKey, message }: AppendDelivery<unknown>): void => {
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
          const taken = await environment.request(entries.length, async (isSpoilt) => {
            entries.forEach((entry, index) => {
              if (!isSpoilt(index)) take(entry);
            });
          });
          if (taken === "throttled") throw throttled();
          return entries.map((_, index) => (taken[index] ? "taken" : denied()));
        },
        classify: throttled,
      }),
    }),
    toMessage: (arrival) => arrival,
  };
};

const throttling = (): Error => Object.assign(new Error("slow down"), { name: "ThrottlingException" });

/** The answer to a request for these entries, on one of the target's bad days. */
const answering = async <Entry extends { readonly Id: string }>(
  environment: Environment,
  entries: readonly Entry[],
  send: (others: Entry[]) => Promise<unknown>,
) => {
  const taken = await environment.request(entries.length, async (isSpoilt) => {
    const others = entries.filter((_, index) => !isSpoilt(index));
    if (others.length > 0) await send(others);
  });
  if (taken === "throttled") throw throttling();
  return {
    Successful: entries.filter((_, index) => taken[index]),
    Failed: entries.filter((_, index) => !taken[index]).map(({ Id }) => ({ Id, Code: "AccessDenied" })),
  };
};

const bodiesIn = async (client: SQS, queueUrl: string): Promise<readonly Arrival[]> =>
  (await drainQueue(client, queueUrl)).map(({ body }) => JSON.parse(body) as Arrival);

/** A queue on a real engine. */
export const queueTarget = (client: SQS, queueUrl: string): Target => ({
  sink: (environment) => {
    const sendMessageBatch: SqsClient["sendMessageBatch"] = ({ QueueUrl, Entries }) =>
      answering(environment, Entries, (others) => client.sendMessageBatch({ QueueUrl, Entries: others }));
    return sqsSink({ queueUrl, client: { sendMessageBatch }, concurrency: 1 }) as never;
  },
  toMessage: (body) => ({ body }),
  arrived: () => bodiesIn(client, queueUrl),
});

/** A topic on a real engine, and a queue that is sent what is published to it. */
export const topicTarget = (
  client: SNS,
  topicArn: string,
  queue: { readonly client: SQS; readonly url: string },
): Target => ({
  sink: (environment) => {
    const publishBatch: SnsClient["publishBatch"] = ({ TopicArn, PublishBatchRequestEntries }) =>
      answering(environment, PublishBatchRequestEntries, (others) =>
        client.publishBatch({ TopicArn, PublishBatchRequestEntries: others }),
      );
    return snsSink({ topicArn, client: { publishBatch }, concurrency: 1 }) as never;
  },
  toMessage: (body) => ({ body }),
  arrived: () => bodiesIn(queue.client, queue.url),
});
