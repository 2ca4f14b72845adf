// One chaos run: a history through Lambda's event source mappings, of the stream and of the retry queue, into a target
// that falls ill in the midst of a batch, and into a witness that must not notice.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { SQS } from "@aws-sdk/client-sqs";
import { type InvocationReport, pipeline, reportChannel, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import type { Sink, StreamRecord } from "@sluice/core/sink-kit";
import { memoryDedupe, memoryUpsertSink } from "@sluice/testing";
import { type Account, accountOf } from "./comparison.ts";
import { eventSources } from "./event-sources.ts";
import type { ChaosItem } from "./history.ts";
import { createQueues, drainLetters } from "./queues.ts";
import type { Between, ChaosTarget, Fault } from "./target.ts";

export interface Play {
  readonly name: string;
  readonly records: readonly StreamRecord[];
  readonly target: ChaosTarget;
  readonly fault: Fault;
  /** The write of the target's sink in which the fault begins; the first is 1. */
  readonly atWrite: number;
  readonly sqs: SQS;
}

export interface Played {
  readonly target: Account;
  readonly witness: Account;
  readonly spilled: number;
  /** Records that the function was invoked with by the stream, repeats included. */
  readonly invoked: number;
}

const silent = { info: () => undefined, warn: () => undefined };

/** Long enough for a slow machine, and short enough for a test: a message that was never answered for waits as long. */
const functionTimeoutMs = 5_000;

/** Begins the fault beside one write of the sink, and keeps what came of it. */
const illness = ({ target, fault, atWrite }: Play) => {
  let writes = 0;
  let begun: Promise<void> | undefined;
  const between: Between = (sink) => ({
    ...sink,
    write: (batch, context) => {
      writes += 1;
      if (writes === atWrite) begun = target.begin(fault);
      return sink.write(batch, context);
    },
  });
  return { between, begun: () => begun };
};

/** Resolves when a report of this pipeline says that something was spilled; counts how much. */
const spills = (name: string) => {
  let spilled = 0;
  let notify: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    notify = resolve;
  });
  const onReport = (message: unknown): void => {
    const report = message as InvocationReport;
    if (report.pipeline !== name || report.queued === 0) return;
    spilled += report.queued;
    notify();
  };
  subscribe(reportChannel, onReport);
  return { first, count: () => spilled, stop: () => unsubscribe(reportChannel, onReport) };
};

const witnessSink = () => {
  const sink = memoryUpsertSink<ChaosItem>({ name: "witness" });
  const read = () =>
    ({ kind: "rows", rows: new Map([...sink.items().values()].map((item) => [item.pk, item])) }) as const;
  return { sink: sink as Sink<ChaosItem, "upsert">, read };
};

export const play = async (run: Play): Promise<Played> => {
  const { name, records, target, fault, sqs } = run;
  const { deadLetterUrl, retryUrl } = await createQueues(sqs, name, functionTimeoutMs);
  const ill = illness(run);
  const witness = witnessSink();
  const base = pipeline(name, {
    deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetterUrl, client: sqs }),
    retryQueue: sqsRetryQueue({ queueUrl: retryUrl, client: sqs, firstDelaySeconds: 1, maxDelaySeconds: 2 }),
    routeTimeoutMs: 600,
    dedupeStore: memoryDedupe(),
    logger: silent,
  });
  const handler = target
    .addTo(base, ill.between)
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

  const spilling = spills(name);
  const middle = Math.floor(records.length / 2);
  append(records.slice(0, middle));
  await start();
  await Promise.race([spilling.first, mapping.drained()]);
  // Later changes of items that have earlier ones in the retry queue.
  append(records.slice(middle));
  // Where the first half went by in fewer writes, the fault begins in the second.
  await Promise.race([spilling.first, mapping.drained()]);
  await ill.begun();
  await target.end(fault);
  await mapping.drained();
  await retries.drained();
  await stop();
  spilling.stop();

  const letters = await drainLetters(sqs, deadLetterUrl);
  return {
    target: accountOf(records, target.name, await target.read(), letters),
    witness: accountOf(records, "witness", witness.read(), letters),
    spilled: spilling.count(),
    invoked: mapping.counters.invokedEventCount,
  };
};
