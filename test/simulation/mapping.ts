// Lambda's event source mappings: the stream's shards and the retry queue invoke a pipeline's function.

import type { StreamRecord } from "@sluice/core/envelope";
import type { Queue, QueueMessage } from "./queue.ts";
import type { Arrival } from "./table.ts";
import type { FunctionAnswer, World } from "./world.ts";

/** An event of SQS for these messages. */
export const queueEvent = (messages: readonly QueueMessage[], arn: string) => ({
  Records: messages.map(({ id, body, receipt, receives, group }) => ({
    messageId: id,
    body,
    receiptHandle: receipt,
    attributes: {
      ApproximateReceiveCount: String(receives),
      ...(arn.endsWith(".fifo") && { MessageGroupId: group }),
    },
    eventSource: "aws:sqs",
    eventSourceARN: arn,
  })),
});

/** Resolves after a time of the simulation, in milliseconds. */
export const sleep = (world: World, ms: number): Promise<void> =>
  new Promise((resolve) => world.scheduler.after(ms, resolve));

/** The mapping that reads one shard of the stream for one pipeline. */
export interface ShardReader {
  readonly isAtEnd: () => boolean;
}

/** Repeats some records within the event. */
const withRepeats = (world: World, batch: readonly Arrival[]): StreamRecord[] => {
  const { random, plan } = world;
  return batch.flatMap(({ record }) => (random.chance(plan.twice) ? [record, record] : [record]));
};

/** Returns how many records of a batch are done: those before the lowest reported record. */
const doneOf = (batch: readonly Arrival[], answer: NonNullable<FunctionAnswer>): number => {
  const reported = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const first = batch.findIndex(({ record }) => reported.has(record.dynamodb?.SequenceNumber ?? ""));
  return first < 0 ? batch.length : first;
};

/** Whether the mapping of a region is enabled when a record arrives. */
const isRead = ({ plan, start }: World, region: number, { at }: Arrival): boolean => {
  const { failover } = plan;
  if (region === 0 || failover === undefined || !failover.isReadMeanwhile) return true;
  return at >= start + failover.away && at < start + failover.back;
};

/** Reads a shard: batches of random sizes, halved after a failure, and again from the lowest reported record. */
export const readShard = (world: World, pipeline: number, shard: number, region: number): ShardReader => {
  const { random, plan, scheduler } = world;
  const changes = world.changes
    .filter((change) => change.shard === shard)
    .map(({ arrivals }) => arrivals[region] as Arrival)
    .filter((arrival) => isRead(world, region, arrival));
  let position = 0;
  const run = async (): Promise<void> => {
    let most = plan.maxBatch;
    let pauseMs = 0;
    while (position < changes.length && !world.isOver) {
      const next = changes[position] as Arrival;
      await sleep(world, Math.max(random.between(50, 1_500) + pauseMs, next.at - scheduler.now));
      // Without progress, the mapping calls the function less and less often.
      pauseMs = Math.min(60_000, 2 * pauseMs + 500);
      const ready = changes.slice(position).filter(({ at }) => at <= scheduler.now);
      const batch = ready.slice(0, random.between(1, most));
      const answer = await world.invoke(pipeline, { Records: withRepeats(world, batch) });
      if (answer === undefined) {
        most = Math.max(1, Math.ceil(batch.length / 2));
        continue;
      }
      most = plan.maxBatch;
      const done = doneOf(batch, answer);
      // The service may deliver a batch again although the function has succeeded.
      if (scheduler.now < world.calmAt && random.chance(plan.redelivery)) continue;
      position += done;
      if (done > 0) pauseMs = 0;
    }
  };
  void run();
  return { isAtEnd: () => position >= changes.length };
};

/** Deletes the messages that a function has finished. If the invocation failed, all messages stay. */
const acknowledge = (queue: Queue, messages: readonly QueueMessage[], answer: FunctionAnswer): void => {
  if (answer === undefined) return;
  const reported = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  for (const { id, receipt = "" } of messages) if (!reported.has(id)) queue.remove(receipt);
};

/** Consumes the retry queue for one pipeline. */
export const consumeRetries = (world: World, pipeline: number): void => {
  const { random, plan, scheduler, retries } = world;
  let wake: () => void = () => undefined;
  const before = retries.onChange;
  retries.onChange = () => {
    before();
    wake();
  };
  const arrival = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      const at = retries.nextReceiveAt();
      if (at !== undefined) scheduler.after(Math.max(500, at - scheduler.now), resolve);
    });
  const run = async (): Promise<void> => {
    while (!world.isOver) {
      await arrival();
      await sleep(world, random.between(100, 2_000));
      const messages = retries.receive(random.between(1, 10), plan.timeoutMs * 6);
      if (messages.length === 0) continue;
      acknowledge(retries, messages, await world.invoke(pipeline, queueEvent(messages, retries.arn)));
    }
  };
  void run();
};
