// A record that the mapping has polled, and the choice of a worker for it.

import { createHash } from "node:crypto";
import type { StreamRecord } from "@sluice/core/envelope";
import type { RecordText } from "../lambda/batch.ts";

/** A record that was polled and is not finished yet. */
export interface PolledRecord extends RecordText {
  readonly sequenceNumber: string;
  readonly createdAtMs: number;
  readonly queuedAtMs: number;
}

/** Creates the entry for a record. `nowMs` is the time at which the mapping queues the record. */
export const polledRecord = (record: StreamRecord, nowMs: number): PolledRecord => {
  const text = JSON.stringify(record);
  return {
    sequenceNumber: record.dynamodb?.SequenceNumber ?? "",
    text,
    bytes: Buffer.byteLength(text),
    createdAtMs: (record.dynamodb?.ApproximateCreationDateTime ?? nowMs / 1000) * 1000,
    queuedAtMs: nowMs,
  };
};

/** Index of a worker, from 0 to `count` - 1. All records of an item have the same worker. */
export const workerIndexOf = (record: StreamRecord, count: number): number => {
  if (count === 1) return 0;
  const keys = Object.entries(record.dynamodb?.Keys ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha1").update(JSON.stringify(keys)).digest().readUInt32BE() % count;
};
