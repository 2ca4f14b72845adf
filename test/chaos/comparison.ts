// Compares the content of a target with the records of the stream, change by change. Shares no code with the sinks.

import type { Envelope, StreamRecord } from "@sluice/core/envelope";
import { type ChaosItem, imageOf, itemOf, sequenceOf } from "./history.ts";

/** A change that arrived at an append target. */
export interface Arrival {
  readonly item: string;
  readonly sequenceNumber: string;
}

/** The rows of an upsert target, or the messages that arrived at an append target, in order. */
export type TargetContent =
  | { readonly kind: "rows"; readonly rows: ReadonlyMap<string, ChaosItem> }
  | { readonly kind: "arrivals"; readonly arrivals: readonly Arrival[] };

/** Counts of changes and of errors. Every count except `changes`, `deadLetters` and `duplicates` must be 0. */
export interface Comparison {
  readonly changes: number;
  /** Number of changes that were rejected and are only in the dead-letter queue. */
  readonly deadLetters: number;
  /**
   * Number of changes that did not arrive and have no dead letter. For an upsert target: number of missing rows.
   */
  readonly lost: number;
  /** Number of rows with an older state of their item. */
  readonly stale: number;
  /** Number of wrong rows, rows of removed items, and arrivals of changes that are not in the stream. */
  readonly wrong: number;
  /** Number of changes that arrived for the first time after a later change of the same item. */
  readonly misordered: number;
  /** Number of dead letters whose record differs from the record of the stream. */
  readonly damaged: number;
  readonly duplicates: number;
}

const zero = { deadLetters: 0, lost: 0, stale: 0, wrong: 0, misordered: 0, damaged: 0, duplicates: 0 };

/** Returns the records in the dead letters of one target, by sequence number. */
const deadLettersByChange = (sink: string, envelopes: readonly Envelope[]): Map<string, StreamRecord> =>
  new Map(envelopes.filter((envelope) => envelope.sink === sink).map(({ record }) => [sequenceOf(record), record]));

const isWhole = (record: StreamRecord, original: StreamRecord | undefined): boolean =>
  JSON.stringify(record.dynamodb) === JSON.stringify(original?.dynamodb) && record.eventID === original?.eventID;

/** Returns how a row differs from the expected row. */
const differenceOf = (
  expected: ChaosItem | undefined,
  row: ChaosItem | undefined,
): "lost" | "stale" | "wrong" | undefined => {
  if (row === undefined) return expected === undefined ? undefined : "lost";
  if (expected === undefined || row.revision > expected.revision) return "wrong";
  if (row.revision < expected.revision) return "stale";
  return row.note === expected.note ? undefined : "wrong";
};

const compareRows = (
  records: readonly StreamRecord[],
  rows: ReadonlyMap<string, ChaosItem>,
  deadLetters: ReadonlyMap<string, unknown>,
) => {
  // Finds the last change of each item. Rejected changes do not count.
  const last = new Map<string, StreamRecord>();
  for (const record of records) if (!deadLetters.has(sequenceOf(record))) last.set(itemOf(record), record);
  const count = { lost: 0, stale: 0, wrong: 0 };
  for (const item of new Set([...last.keys(), ...rows.keys()])) {
    const record = last.get(item);
    const difference = differenceOf(record && imageOf(record), rows.get(item));
    if (difference !== undefined) count[difference] += 1;
  }
  return count;
};

const compareArrivals = (
  records: readonly StreamRecord[],
  arrivals: readonly Arrival[],
  deadLetters: ReadonlyMap<string, unknown>,
) => {
  const itemOfChange = new Map(records.map((record) => [sequenceOf(record), itemOf(record)]));
  const seen = new Set<string>();
  const latest = new Map<string, bigint>();
  const count = { lost: 0, wrong: 0, misordered: 0, duplicates: 0 };
  for (const { item, sequenceNumber } of arrivals) {
    if (itemOfChange.get(sequenceNumber) !== item) count.wrong += 1;
    else if (seen.has(sequenceNumber)) count.duplicates += 1;
    // Rejected changes arrive through a redrive, after later changes of the same item, so their order is not checked.
    else if (!deadLetters.has(sequenceNumber)) {
      const number = BigInt(sequenceNumber);
      if (number < (latest.get(item) ?? 0n)) count.misordered += 1;
      latest.set(item, number);
    }
    seen.add(sequenceNumber);
  }
  count.lost = [...itemOfChange.keys()].filter((change) => !seen.has(change) && !deadLetters.has(change)).length;
  return count;
};

/** Compares the content and the dead letters of one target with the stream. */
export const compareWithStream = (
  records: readonly StreamRecord[],
  sink: string,
  content: TargetContent,
  envelopes: readonly Envelope[],
): Comparison => {
  const deadLetters = deadLettersByChange(sink, envelopes);
  const originals = new Map(records.map((record) => [sequenceOf(record), record]));
  const damaged = [...deadLetters].filter(([change, record]) => !isWhole(record, originals.get(change))).length;
  const counts =
    content.kind === "rows"
      ? compareRows(records, content.rows, deadLetters)
      : compareArrivals(records, content.arrivals, deadLetters);
  return { ...zero, changes: records.length, deadLetters: deadLetters.size, damaged, ...counts };
};

/** The counts of errors. All of them must be 0 for every target. */
export const noErrors = { lost: 0, stale: 0, wrong: 0, misordered: 0, damaged: 0 } as const;
