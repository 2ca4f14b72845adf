// A record on its way through the mapping.

import { createHash } from "node:crypto";
import type { StreamRecord } from "@sluice/core/envelope";
import type { RecordText } from "../lambda/batch.ts";

/** A record that was polled and is not finished yet. */
export interface PolledRecord extends RecordText {
  readonly sequenceNumber: string;
  readonly createdAtMs: number;
  readonly queuedAtMs: number;
}

/** The record as the mapping queues it at this time. */
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

/** Index of the worker, out of `count`, that takes all records of this record's item. */
export const workerIndexOf = (record: StreamRecord, count: number): number => {
  if (count === 1) return 0;
  const keys = Object.entries(record.dynamodb?.Keys ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha1").update(JSON.stringify(keys)).digest().readUInt32BE() % count;
};
