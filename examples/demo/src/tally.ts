// Sums up the reports of the handler, and measures the time from each write until its change is delivered.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type InvocationReport, reportChannel } from "@sluice/core";
import type { Outcome, OutcomeCounts, StreamRecord } from "@sluice/core/envelope";

/** The sums over the reports of all invocations. */
export interface Tally {
  /** Number of deliveries with each outcome, over all invocations and routes. */
  readonly outcomes: Record<Outcome, number>;
  /** Number of deliveries that were written or superseded, by the name of the route. */
  readonly written: Map<string, number>;
  /** Number of deliveries that were queued for retry. */
  queued: number;
  invocations: number;
  /** Number of records in batches from the stream, including redelivered records. */
  records: number;
  /** Milliseconds from just before a write until its batch was finished. This process measures both times. */
  readonly latenciesMs: number[];
  readonly stop: () => void;
}

const sum = (tally: Tally, route: string, counts: OutcomeCounts): void => {
  for (const outcome of Object.keys(tally.outcomes) as Outcome[]) tally.outcomes[outcome] += counts[outcome];
  tally.written.set(route, (tally.written.get(route) ?? 0) + counts.delivered + counts.superseded);
};

/** Starts to sum up the reports of every handler in this process. */
export const startTally = (): Tally => {
  const tally: Tally = {
    outcomes: { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 },
    written: new Map(),
    queued: 0,
    invocations: 0,
    records: 0,
    latenciesMs: [],
    stop: () => unsubscribe(reportChannel, onReport),
  };
  const onReport = (message: unknown): void => {
    const report = message as InvocationReport;
    tally.invocations += 1;
    tally.queued += report.queued;
    if (report.origin === "stream") tally.records += report.records;
    for (const [route, counts] of Object.entries(report.routes)) sum(tally, route, counts);
  };
  subscribe(reportChannel, onReport);
  return tally;
};

/** Adds the latency of each record. Ignores records without `updatedAtMs`, the time of the write. */
export const noteLatencies = (tally: Tally, records: readonly StreamRecord[]): void => {
  const now = Date.now();
  for (const { dynamodb } of records) {
    const stamp = dynamodb?.NewImage?.updatedAtMs;
    if (stamp !== undefined && "N" in stamp) tally.latenciesMs.push(now - Number(stamp.N));
  }
};

/** Returns a percentile of the values, or 0 if there are no values. If `share` is 0.5, this is the median. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};
