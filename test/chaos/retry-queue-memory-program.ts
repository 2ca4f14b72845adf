// Simulates an hour in which two targets are down. Every delivery goes to a real retry queue, and every retry is
// postponed. Regularly collects the garbage and prints the size of the heap.

import { SQS } from "@aws-sdk/client-sqs";
import { pipeline, sqsRetryQueue } from "@sluice/core";
import { type Clock, SinkError } from "@sluice/core/sink-kit";
import type { AwsClientConfig } from "@sluice/local";
import { memoryDedupe, streamRecord } from "@sluice/testing";

/** The settings of the program. They are the first argument of the process, as JSON. */
export interface ProgramSettings {
  readonly sqs: AwsClientConfig;
  readonly retryUrl: string;
  readonly retryArn: string;
  readonly batches: number;
  readonly batchSize: number;
  readonly noteBytes: number;
  readonly samples: number;
}

const settings = JSON.parse(process.argv[2] ?? "") as ProgramSettings;
const { batches, batchSize, noteBytes } = settings;

/** A simulated clock. Time passes only between batches. A sleep ends only if its signal aborts. */
let nowMs = 1_795_435_200_000;
const clock: Clock = {
  now: () => nowMs,
  sleep: (_ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    }),
  random: () => 0.5,
};

const down = <Writes extends "upsert" | "append">(name: string, writes: Writes) => ({
  name,
  supports: { writes },
  write: async (): Promise<never> => {
    throw new SinkError("SINK_UNAVAILABLE", `[${name}] down`);
  },
});

const client = new SQS(settings.sqs);
const handler = pipeline("down", {
  deadLetterQueue: {
    write: async () => ({ stored: new Set(), errors: [new Error("no record is rejected in this program")] }),
  },
  retryQueue: sqsRetryQueue({ queueUrl: settings.retryUrl, client }),
  dedupeStore: memoryDedupe(),
  retry: { maxAttempts: 1 },
  logger: { info: () => undefined, warn: () => undefined },
  clock,
})
  .to(down("rows", "upsert"), ({ after }) => after)
  .to(down("messages", "append"), ({ after }) => after)
  .handler();

const context = { getRemainingTimeInMillis: () => 30_000 };

/** The number of items is constant, so the number of pending items cannot grow without limit. */
const itemCount = 200;

const batchAt = (batch: number) => ({
  Records: Array.from({ length: batchSize }, (_, index) => {
    const position = batch * batchSize + index + 1;
    const pk = `item-${position % itemCount}`;
    return streamRecord({ position, keyNames: ["pk"], after: { pk, position, note: "x".repeat(noteBytes) } });
  }),
});

const expectQueued = ({ batchItemFailures }: { readonly batchItemFailures: readonly unknown[] }): void => {
  if (batchItemFailures.length > 0) throw new Error(`the queue refused ${batchItemFailures.length} deliveries`);
};

/** Handles a batch from the retry queue. The deliveries fail, because the targets are still down. */
const retry = async (): Promise<void> => {
  const QueueUrl = settings.retryUrl;
  const MessageSystemAttributeNames = ["All" as const];
  const { Messages = [] } = await client.receiveMessage({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageSystemAttributeNames,
  });
  const Records = Messages.map(({ MessageId, Body, ReceiptHandle, Attributes }) => ({
    messageId: MessageId,
    body: Body,
    receiptHandle: ReceiptHandle,
    attributes: Attributes,
    eventSource: "aws:sqs",
    eventSourceARN: settings.retryArn,
  }));
  const { batchItemFailures } = await handler({ Records }, context);
  if (batchItemFailures.length !== Records.length) throw new Error("a delivery to a target that is down succeeded");
};

const collect = globalThis.gc as () => void;

const heaps: number[] = [];
for (let batch = 0; batch < batches; batch += 1) {
  nowMs += 3_600_000 / batches;
  expectQueued(await handler(batchAt(batch), context));
  if (batch % 10 === 0) await retry();
  if ((batch + 1) % (batches / settings.samples) === 0) {
    collect();
    heaps.push(process.memoryUsage().heapUsed);
  }
}
client.destroy();
process.stdout.write(JSON.stringify(heaps));
