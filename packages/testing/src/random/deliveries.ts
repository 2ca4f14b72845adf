// Cuts a stream into batches, and delivers them as irregularly as Lambda can: with crashes, redeliveries and redrives.

import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import type { Random } from "./random.ts";

/**
 * One step of a delivery.
 *
 * - `batch`: one invocation.
 * - `crash`: an invocation that ends after it has written `written` records. Lambda delivers all its records again.
 * - `redrive`: another delivery of one record, at any time after its first delivery.
 * - `parallel`: concurrent invocations, some of which are late and still write an old batch.
 */
export type DeliveryStep =
  | { readonly kind: "batch"; readonly records: readonly StreamRecord[] }
  | { readonly kind: "crash"; readonly records: readonly StreamRecord[]; readonly written: number }
  | { readonly kind: "redrive"; readonly record: StreamRecord }
  | { readonly kind: "parallel"; readonly batches: readonly (readonly StreamRecord[])[] };

type RecordBatch = readonly StreamRecord[];

const maxBatchSize = 8;

/** Splits records into queues, as for concurrent batches. All records of an item are in one queue, in order. */
const queuesOf = (random: Random, records: RecordBatch): StreamRecord[][] => {
  const queues: StreamRecord[][] = Array.from({ length: 1 + random.integer(3) }, () => []);
  const queueOf = new Map<string, StreamRecord[]>();
  for (const record of records) {
    const { itemKey } = decodeRecord(record);
    const queue = queueOf.get(itemKey) ?? random.pick(queues);
    queueOf.set(itemKey, queue);
    queue.push(record);
  }
  return queues;
};

/** Earlier deliveries. A late invocation repeats one of the batches, and a redrive repeats one of the records. */
interface EarlierSteps {
  readonly batches: RecordBatch[];
  readonly delivered: StreamRecord[];
}

/** The steps that deliver the next batch of a queue. If `isDone`, Lambda moves its checkpoint past the batch. */
const stepsFor = (
  random: Random,
  batch: RecordBatch,
  past: EarlierSteps,
): { steps: DeliveryStep[]; isDone: boolean } => {
  const roll = random.integer(100);
  if (roll < 15) {
    return { steps: [{ kind: "crash", records: batch, written: random.integer(batch.length + 1) }], isDone: false };
  }
  // The whole batch is written, but its response is lost, so Lambda delivers the batch again.
  if (roll < 25) return { steps: [{ kind: "batch", records: batch }], isDone: false };
  if (roll < 45) {
    const lateBatches = Array.from({ length: 1 + random.integer(2) }, () =>
      random.pick([...past.batches.slice(-6), batch]),
    );
    return { steps: [{ kind: "parallel", batches: random.shuffle([batch, ...lateBatches]) }], isDone: true };
  }
  const steps: DeliveryStep[] = [{ kind: "batch", records: batch }];
  if (roll < 60) steps.push({ kind: "redrive", record: random.pick([...past.delivered, ...batch]) });
  return { steps, isDone: true };
};

/** Random steps that deliver every record at least once. The records of an item are first delivered in order. */
export const randomDeliveries = (random: Random, records: RecordBatch): readonly DeliveryStep[] => {
  const steps: DeliveryStep[] = [];
  const past: EarlierSteps = { batches: [], delivered: [] };
  let queues = queuesOf(random, records).filter((queue) => queue.length > 0);
  while (queues.length > 0) {
    const queue = random.pick(queues);
    const batch = queue.slice(0, 1 + random.integer(maxBatchSize));
    const delivery = stepsFor(random, batch, past);
    steps.push(...delivery.steps);
    past.batches.push(batch);
    if (delivery.isDone) past.delivered.push(...queue.splice(0, batch.length));
    queues = queues.filter((left) => left.length > 0);
  }
  const late = Array.from({ length: random.integer(4) }, () => random.pick(records));
  return [...steps, ...late.map((record): DeliveryStep => ({ kind: "redrive", record }))];
};
