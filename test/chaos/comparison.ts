// Compares the content of a target with the records of the stream, change by change. Shares no code with the sinks.

import type { Envelope, StreamRecord } from "@sluice/core/envelope";
import { type ChaosItem, imageOf, itemOf, sequenceOf } from "./history.ts";

/** A change as it arrived at an append target. */
export interface Arrival {
  readonly item: string;
  readonly sequenceNumber: string;
}

/** The rows of an upsert target, or the messages of an append target in order. */
export type TargetContent =
  | { readonly kind: "rows"; readonly rows: ReadonlyMap<string, ChaosItem> }
  | { readonly kind: "arrivals"; readonly arrivals: readonly Arrival[] };

/** Numbers of changes and of errors. All numbers except `changes`, `deadLetters` and `duplicates` must be 0. */
export interface Comparison {
  readonly changes: number;
  /** Number of rejected changes, which are only in the dead-letter queue. */
  readonly deadLetters: number;
  /**
   * Number of changes that are neither at the target nor dead-lettered. For an upsert target: number of missing items.
   */
  readonly lost: number;
  /** Number of items for which the target has an older state. */
  readonly stale: number;
  /** Number of rows of removed items, rows with wrong values, and changes that are not in the stream. */
  readonly wrong: number;
  /** Number of changes that first arrived after a later change of the same item. */
  readonly misordered: number;
  /** Number of dead letters whose record differs from the record of the stream. */
  readonly damaged: number;
  readonly duplicates: number;
}

const zero = { deadLetters: 0, lost: 0, stale: 0, wrong: 0, misordered: 0, damaged: 0, duplicates: 0 };

/** The dead letters of one target, by change. */
const deadLettersByChange = (sink: string, envelopes: readonly Envelope[]): Map<string, StreamRecord> =>
  new Map(envelopes.filter((envelope) => envelope.sink === sink).map(({ record }) => [sequenceOf(record), record]));

const isWhole = (record: StreamRecord, original: StreamRecord | undefined): boolean =>
  JSON.stringify(record.dynamodb) === JSON.stringify(original?.dynamodb) && record.eventID === original?.eventID;

/** Returns the kind of difference between a row and the expected row. */
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
  // For each item, the last of the changes that were not rejected.
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
    // A rejected change arrives by a redrive, after later changes of its item, so its order is not checked.
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

/** The counts that must be 0 for every target. */
export const noErrors = { lost: 0, stale: 0, wrong: 0, misordered: 0, damaged: 0 } as const;
