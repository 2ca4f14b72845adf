// The books of a chaos test: what became of every change at every target. Made of the raw records; shares no code with
// the sinks.

import type { Envelope, StreamRecord } from "@sluice/core/envelope";
import { type ChaosItem, imageOf, itemOf, sequenceOf } from "./history.ts";

/** A change as it came to an append target. */
export interface Arrival {
  readonly item: string;
  readonly sequenceNumber: string;
}

/** What a target holds, or was sent, in order. */
export type Holding =
  | { readonly kind: "rows"; readonly rows: ReadonlyMap<string, ChaosItem> }
  | { readonly kind: "arrivals"; readonly arrivals: readonly Arrival[] };

/** All but `changes`, `letters` and `duplicates` must be 0. */
export interface Account {
  readonly changes: number;
  /** Changes that are in the dead letters and nowhere else: rejected. */
  readonly letters: number;
  /** Changes that are nowhere; of an upsert target items that should be there. */
  readonly lost: number;
  /** Items of which an older state is held. */
  readonly stale: number;
  /** Rows of removed items, other values, changes that nobody made. */
  readonly wrong: number;
  /** Changes that arrived for the first time after a later one of their item. */
  readonly misordered: number;
  /** Dead letters whose record is not the one of the stream. */
  readonly maimed: number;
  readonly duplicates: number;
}

const none = { letters: 0, lost: 0, stale: 0, wrong: 0, misordered: 0, maimed: 0, duplicates: 0 };

/** Dead letters of one target, by the change. */
const letterMap = (sink: string, letters: readonly Envelope[]): Map<string, StreamRecord> =>
  new Map(letters.filter((letter) => letter.sink === sink).map(({ record }) => [sequenceOf(record), record]));

const isWhole = (record: StreamRecord, original: StreamRecord | undefined): boolean =>
  JSON.stringify(record.dynamodb) === JSON.stringify(original?.dynamodb) && record.eventID === original?.eventID;

/** How a row differs from what it should be. */
const faultOf = (
  expected: ChaosItem | undefined,
  row: ChaosItem | undefined,
): "lost" | "stale" | "wrong" | undefined => {
  if (row === undefined) return expected === undefined ? undefined : "lost";
  if (expected === undefined || row.revision > expected.revision) return "wrong";
  if (row.revision < expected.revision) return "stale";
  return row.note === expected.note ? undefined : "wrong";
};

const ofRows = (
  records: readonly StreamRecord[],
  rows: ReadonlyMap<string, ChaosItem>,
  letters: ReadonlyMap<string, unknown>,
) => {
  // The last change of each item that was not rejected.
  const last = new Map<string, StreamRecord>();
  for (const record of records) if (!letters.has(sequenceOf(record))) last.set(itemOf(record), record);
  const count = { lost: 0, stale: 0, wrong: 0 };
  for (const item of new Set([...last.keys(), ...rows.keys()])) {
    const record = last.get(item);
    const fault = faultOf(record && imageOf(record), rows.get(item));
    if (fault !== undefined) count[fault] += 1;
  }
  return count;
};

const ofArrivals = (
  records: readonly StreamRecord[],
  arrivals: readonly Arrival[],
  letters: ReadonlyMap<string, unknown>,
) => {
  const made = new Map(records.map((record) => [sequenceOf(record), itemOf(record)]));
  const seen = new Set<string>();
  const latest = new Map<string, bigint>();
  const count = { lost: 0, wrong: 0, misordered: 0, duplicates: 0 };
  for (const { item, sequenceNumber } of arrivals) {
    if (made.get(sequenceNumber) !== item) count.wrong += 1;
    else if (seen.has(sequenceNumber)) count.duplicates += 1;
    // A rejected change comes by a redrive, when its item has gone on.
    else if (!letters.has(sequenceNumber)) {
      const number = BigInt(sequenceNumber);
      if (number < (latest.get(item) ?? 0n)) count.misordered += 1;
      latest.set(item, number);
    }
    seen.add(sequenceNumber);
  }
  count.lost = [...made.keys()].filter((change) => !seen.has(change) && !letters.has(change)).length;
  return count;
};

/** Balances the books of one target. */
export const accountOf = (
  records: readonly StreamRecord[],
  sink: string,
  holding: Holding,
  envelopes: readonly Envelope[],
): Account => {
  const letters = letterMap(sink, envelopes);
  const originals = new Map(records.map((record) => [sequenceOf(record), record]));
  const maimed = [...letters].filter(([change, record]) => !isWhole(record, originals.get(change))).length;
  const found =
    holding.kind === "rows" ? ofRows(records, holding.rows, letters) : ofArrivals(records, holding.arrivals, letters);
  return { ...none, changes: records.length, letters: letters.size, maimed, ...found };
};

/** What must be true of every account. */
export const balanced = { lost: 0, stale: 0, wrong: 0, misordered: 0, maimed: 0 } as const;
