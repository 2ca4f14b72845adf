// Plays an outage by a fake clock: pipelines in several environments, one target, one retry queue. No real time passes.

import { pipeline, sqsRetryQueue } from "@sluice/core";
import { type Clock, SinkError } from "@sluice/core/sink-kit";
import { lambdaContext, memoryDedupe, streamEvent, tableHistory } from "@sluice/testing";
import { memorySqs } from "./memory-sqs.ts";

/** An outage to play. */
export interface Outage {
  readonly seconds: number;
  readonly isFifo: boolean;
  /** Number of environments. Each has its own circuit breaker. */
  readonly environments: number;
  /** Seconds from one batch of the stream to the next. */
  readonly batchEvery: number;
  readonly itemsPerBatch: number;
  readonly random: () => number;
}

/** The events that were seen after the target was back. */
export interface Recovery {
  /** Fake seconds from the recovery of the target until the retry queue was empty. */
  readonly emptyAfter: number;
  /** Fake seconds from the recovery of the target until a change of the stream was first written to it. */
  readonly writtenAfter: number;
  /** How often a message was received on average. */
  readonly receives: number;
  /** Lines of the log about the circuit breakers, in order. */
  readonly lines: readonly (readonly [message: string, fields: Record<string, unknown>])[];
  /** Items whose last change the target does not have. */
  readonly missing: number;
}

/** A clock on which time passes only by `advance`. A sleep lasts until its signal aborts. */
const steppedClock = (random: () => number) => {
  let nowMs = 1_767_323_045_000;
  const clock: Clock = {
    now: () => nowMs,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      }),
    random,
  };
  const advance = (ms: number): void => {
    nowMs += ms;
  };
  return { clock, advance };
};

const mostSecondsToRecover = 86_400;
const messagesPerBatch = 10;

/** Plays the outage, second by second, until the queue is empty. */
export const playOutage = async (outage: Outage): Promise<Recovery> => {
  const { seconds, isFifo, environments, batchEvery, itemsPerBatch, random } = outage;
  const { clock, advance } = steppedClock(random);
  const sqs = memorySqs(isFifo ? "retries.fifo" : "retries", clock.now);
  const lines: [string, Record<string, unknown>][] = [];
  const held = new Map<string, string>();
  const dedupeStore = memoryDedupe({ now: clock.now });
  let isDown = true;
  let streamWrite = false;
  const target = {
    name: "target",
    supports: { writes: isFifo ? ("append" as const) : ("upsert" as const) },
    write: async (batch: readonly { readonly change: { itemKey: string; version: string; origin: string } }[]) => {
      if (isDown) throw new SinkError("SINK_UNAVAILABLE", "[target] connection refused");
      for (const { change } of batch) {
        if (change.origin === "stream") streamWrite = true;
        if (change.version > (held.get(change.itemKey) ?? "")) held.set(change.itemKey, change.version);
      }
      return batch.map((delivery) => ({ delivery, outcome: "delivered" }) as const);
    },
  };
  const log = (message: string, fields: Record<string, unknown>): void => {
    if (message.startsWith("circuit breaker")) lines.push([message, fields]);
  };
  const handlers = Array.from({ length: environments }, () =>
    pipeline("recovery", {
      deadLetterQueue: { write: async () => ({ stored: new Set(), errors: [new Error("unexpected")] }) },
      retryQueue: sqsRetryQueue({ queueUrl: sqs.queueUrl, client: sqs.client }),
      dedupeStore,
      clock,
      retry: { maxAttempts: 1 },
      logger: { info: log, warn: log },
    })
      .to(target as never, () => 1, isFifo ? { dedupe: "none" } : {})
      .handler(),
  );
  let turn = 0;
  const next = () => handlers[turn++ % environments] as (typeof handlers)[number];
  const table = tableHistory({ keyNames: ["pk"] });
  let changes = 0;
  const playStream = async (): Promise<void> => {
    const records = Array.from({ length: itemsPerBatch }, () => {
      changes += 1;
      return table.put({ pk: String(changes), changes });
    });
    const { batchItemFailures } = await next()(streamEvent(records), lambdaContext());
    if (batchItemFailures.length > 0) throw new Error("the stream is blocked");
  };
  const playQueue = async (): Promise<void> => {
    for (let batch = sqs.receive(messagesPerBatch); batch.length > 0; batch = sqs.receive(messagesPerBatch)) {
      const { batchItemFailures } = await next()({ Records: batch }, lambdaContext());
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      sqs.remove(batch.filter(({ messageId }) => !failed.has(messageId)));
    }
  };
  const playSecond = async (second: number): Promise<void> => {
    if (second % batchEvery === 0) await playStream();
    await playQueue();
    advance(1_000);
  };
  for (let second = 0; second < seconds; second += 1) await playSecond(second);
  isDown = false;
  const during = changes;
  const receives = sqs.receives();
  let writtenAfter: number | undefined;
  let after = 0;
  for (; sqs.size() > 0 || writtenAfter === undefined; after += 1) {
    if (after > mostSecondsToRecover) throw new Error("the queue is not empty after a day");
    await playSecond(seconds + after);
    if (streamWrite) writtenAfter ??= after;
  }
  return { emptyAfter: after, writtenAfter, receives: receives / during + 1, lines, missing: changes - held.size };
};
