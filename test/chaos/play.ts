// Plays one chaos run. Lambda's event source mappings of the stream and of the retry queue deliver a history to two
// targets. One target fails during a batch. The fault must not affect the other target, which is named the witness.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { SQS } from "@aws-sdk/client-sqs";
import { type InvocationReport, pipeline, reportChannel, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import type { Sink, StreamRecord } from "@sluice/core/sink-kit";
import { memoryDedupe, memoryUpsertSink } from "@sluice/testing";
import { type Comparison, compareWithStream } from "./comparison.ts";
import { eventSources } from "./event-sources.ts";
import type { ChaosItem } from "./history.ts";
import { createQueues, drainDeadLetters } from "./queues.ts";
import type { ChaosTarget, Fault, WrapSink } from "./target.ts";

export interface ChaosRun {
  readonly name: string;
  readonly records: readonly StreamRecord[];
  readonly target: ChaosTarget;
  readonly fault: Fault;
  /** The fault begins during the write with this number. The sink's first write has the number 1. */
  readonly atWrite: number;
  readonly sqs: SQS;
}

export interface ChaosResult {
  readonly target: Comparison;
  readonly witness: Comparison;
  /** Number of deliveries that were queued for retry. */
  readonly queued: number;
  /** Number of records that the event source mapping of the stream sent to the function, including repeated records. */
  readonly invoked: number;
}

const silent = { info: () => undefined, warn: () => undefined };

/** Timeout of the function. It is long enough for a slow machine, and short enough for a test. */
const functionTimeoutMs = 15_000;

/** Wraps the target's sink, so that the fault begins during the write with the number `atWrite`. */
const faultDuringWrite = ({ target, fault, atWrite }: ChaosRun) => {
  let writes = 0;
  let begin: Promise<void> | undefined;
  const wrap: WrapSink = (sink) => ({
    ...sink,
    write: (batch, context) => {
      writes += 1;
      if (writes === atWrite) begin = target.begin(fault);
      return sink.write(batch, context);
    },
  });
  return { wrap, begun: () => begin };
};

/** Counts the deliveries that the pipeline queues for retry. `first` resolves when the first delivery is queued. */
const countQueued = (name: string) => {
  let queued = 0;
  let notify: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    notify = resolve;
  });
  const onReport = (message: unknown): void => {
    const report = message as InvocationReport;
    if (report.pipeline !== name || report.queued === 0) return;
    queued += report.queued;
    notify();
  };
  subscribe(reportChannel, onReport);
  return { first, count: () => queued, stop: () => unsubscribe(reportChannel, onReport) };
};

const witnessSink = () => {
  const sink = memoryUpsertSink<ChaosItem>({ name: "witness" });
  const read = () =>
    ({ kind: "rows", rows: new Map([...sink.items().values()].map((item) => [item.pk, item])) }) as const;
  return { sink: sink as Sink<ChaosItem, "upsert">, read };
};

export const play = async (run: ChaosRun): Promise<ChaosResult> => {
  const { name, records, target, fault, sqs } = run;
  const { deadLetterUrl, retryUrl } = await createQueues(sqs, name, functionTimeoutMs);
  const injected = faultDuringWrite(run);
  const witness = witnessSink();
  const base = pipeline(name, {
    deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetterUrl, client: sqs }),
    retryQueue: sqsRetryQueue({ queueUrl: retryUrl, client: sqs, firstDelaySeconds: 1, maxDelaySeconds: 2 }),
    routeTimeoutMs: 600,
    dedupeStore: memoryDedupe(),
    logger: silent,
  });
  const handler = target
    .addTo(base, injected.wrap)
    .to(witness.sink, ({ after }) => after as unknown as ChaosItem)
    .handler();

  const { append, mapping, retries, start, stop } = eventSources({
    handler,
    sqs,
    retryUrl,
    functionTimeoutMs,
    ofStream: { batchSize: 20, parallelizationFactor: 2 },
    ofQueue: { pollIntervalMs: 20 },
  });

  const queuing = countQueued(name);
  const middle = Math.floor(records.length / 2);
  append(records.slice(0, middle));
  await start();
  await Promise.race([queuing.first, mapping.drained()]);
  // The server may take a while to die. Only a restart overlaps with writes.
  if (fault !== "restart") await injected.begun();
  // The second half of the history modifies the same items again, while their earlier changes are in the retry queue.
  append(records.slice(middle));
  // If the first half has fewer than `atWrite` writes, the fault begins only in the second half.
  await Promise.race([queuing.first, mapping.drained()]);
  await injected.begun();
  await target.end(fault);
  await mapping.drained();
  await retries.drained();
  await stop();
  queuing.stop();

  const deadLetters = await drainDeadLetters(sqs, deadLetterUrl);
  return {
    target: compareWithStream(records, target.name, await target.read(), deadLetters),
    witness: compareWithStream(records, "witness", witness.read(), deadLetters),
    queued: queuing.count(),
    invoked: mapping.counters.invokedEventCount,
  };
};
