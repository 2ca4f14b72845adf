// Cuts a stream into batches, and delivers them as badly as Lambda, redrives and crashes can together.

import { decodeRecord, type StreamRecord } from "@sluice/core/sink-kit";
import type { Random } from "./random.ts";

/**
 * One step of a delivery.
 *
 * - `batch`: one invocation.
 * - `crash`: an invocation that dies when it has written its first `written` records; they come again.
 * - `redrive`: one record, any time after its first delivery.
 * - `parallel`: invocations at the same time: two lanes of a shard, or a zombie that still writes an old batch.
 */
export type DeliveryStep =
  | { readonly kind: "batch"; readonly records: readonly StreamRecord[] }
  | { readonly kind: "crash"; readonly records: readonly StreamRecord[]; readonly written: number }
  | { readonly kind: "redrive"; readonly record: StreamRecord }
  | { readonly kind: "parallel"; readonly batches: readonly (readonly StreamRecord[])[] };

type Batch = readonly StreamRecord[];

const mostPerBatch = 8;

/** Records of one item stay in one lane, in order, as with Lambda's parallelization factor. */
const itemQueuesOf = (random: Random, records: Batch): StreamRecord[][] => {
  const lanes: StreamRecord[][] = Array.from({ length: 1 + random.integer(3) }, () => []);
  const laneOf = new Map<string, StreamRecord[]>();
  for (const record of records) {
    const { itemKey } = decodeRecord(record);
    const lane = laneOf.get(itemKey) ?? random.pick(lanes);
    laneOf.set(itemKey, lane);
    lane.push(record);
  }
  return lanes;
};

/** What has happened so far: zombies come of the batches, redrives of the records that were delivered. */
interface Past {
  readonly batches: Batch[];
  readonly delivered: StreamRecord[];
}

/** The steps that deliver the next batch of a lane; `isDone` says whether Lambda moves its checkpoint behind it. */
const stepsFor = (random: Random, batch: Batch, past: Past): { steps: DeliveryStep[]; isDone: boolean } => {
  const roll = random.integer(100);
  if (roll < 15) {
    return { steps: [{ kind: "crash", records: batch, written: random.integer(batch.length + 1) }], isDone: false };
  }
  // Delivered in full, but the answer was lost: Lambda sends it again.
  if (roll < 25) return { steps: [{ kind: "batch", records: batch }], isDone: false };
  if (roll < 45) {
    const zombies = Array.from({ length: 1 + random.integer(2) }, () =>
      random.pick([...past.batches.slice(-6), batch]),
    );
    return { steps: [{ kind: "parallel", batches: random.shuffle([batch, ...zombies]) }], isDone: true };
  }
  const steps: DeliveryStep[] = [{ kind: "batch", records: batch }];
  if (roll < 60) steps.push({ kind: "redrive", record: random.pick([...past.delivered, ...batch]) });
  return { steps, isDone: true };
};

/** Every record is delivered at least once, in order per item but for repeats, which may come at any time. */
export const randomDeliveries = (random: Random, records: Batch): readonly DeliveryStep[] => {
  const steps: DeliveryStep[] = [];
  const past: Past = { batches: [], delivered: [] };
  let lanes = itemQueuesOf(random, records).filter((lane) => lane.length > 0);
  while (lanes.length > 0) {
    const lane = random.pick(lanes);
    const batch = lane.slice(0, 1 + random.integer(mostPerBatch));
    const delivery = stepsFor(random, batch, past);
    steps.push(...delivery.steps);
    past.batches.push(batch);
    if (delivery.isDone) past.delivered.push(...lane.splice(0, batch.length));
    lanes = lanes.filter((left) => left.length > 0);
  }
  const late = Array.from({ length: random.integer(4) }, () => random.pick(records));
  return [...steps, ...late.map((record): DeliveryStep => ({ kind: "redrive", record }))];
};
