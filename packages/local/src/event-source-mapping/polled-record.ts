// A record on its way through the mapping.

import { createHash } from "node:crypto";
import type { StreamRecord } from "@sluice/core/envelope";
import type { RecordText } from "../lambda/batch.ts";

/** A record that was read and is not yet done with. */
export interface Entry extends RecordText {
  readonly sequenceNumber: string;
  readonly createdAtMs: number;
  readonly queuedAtMs: number;
}

export const entryOf = (record: StreamRecord, nowMs: number): Entry => {
  const text = JSON.stringify(record);
  return {
    sequenceNumber: record.dynamodb?.SequenceNumber ?? "",
    text,
    bytes: Buffer.byteLength(text),
    createdAtMs: (record.dynamodb?.ApproximateCreationDateTime ?? nowMs / 1000) * 1000,
    queuedAtMs: nowMs,
  };
};

/** Which of `count` lanes the item of a record belongs to: always the same for one item. */
export const laneOf = (record: StreamRecord, count: number): number => {
  if (count === 1) return 0;
  const keys = Object.entries(record.dynamodb?.Keys ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha1").update(JSON.stringify(keys)).digest().readUInt32BE() % count;
};
