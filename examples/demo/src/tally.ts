// Counts what the handler reports, and how long a write takes to become visible.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type InvocationReport, reportChannel } from "@sluice/core";
import type { Outcome, OutcomeCounts, StreamRecord } from "@sluice/core/envelope";

/** The sum of an invocation's reports. */
export interface Tally {
  /** Counts per outcome, over all invocations and routes. */
  readonly outcomes: Record<Outcome, number>;
  /** Deliveries that a route's target has, or has something newer than, by route. */
  readonly settled: Map<string, number>;
  /** Deliveries that went to the retry queue. */
  spilled: number;
  invocations: number;
  /** Records that came in stream batches, repeats included. */
  records: number;
  /** Milliseconds from just before the write until its batch was done with, by this process' own clock. */
  readonly latenciesMs: number[];
  readonly stop: () => void;
}

const sum = (tally: Tally, route: string, counts: OutcomeCounts): void => {
  for (const outcome of Object.keys(tally.outcomes) as Outcome[]) tally.outcomes[outcome] += counts[outcome];
  tally.settled.set(route, (tally.settled.get(route) ?? 0) + counts.delivered + counts.superseded);
};

/** Listens to the reports of every handler in this process. */
export const startTally = (): Tally => {
  const tally: Tally = {
    outcomes: { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 },
    settled: new Map(),
    spilled: 0,
    invocations: 0,
    records: 0,
    latenciesMs: [],
    stop: () => unsubscribe(reportChannel, onReport),
  };
  const onReport = (message: unknown): void => {
    const report = message as InvocationReport;
    tally.invocations += 1;
    tally.spilled += report.queued;
    if (report.origin === "stream") tally.records += report.records;
    for (const [route, counts] of Object.entries(report.routes)) sum(tally, route, counts);
  };
  subscribe(reportChannel, onReport);
  return tally;
};

/** Notes the latency of each record that carries the time of its write. */
export const noteLatencies = (tally: Tally, records: readonly StreamRecord[]): void => {
  const now = Date.now();
  for (const { dynamodb } of records) {
    const stamp = dynamodb?.NewImage?.updatedAtMs;
    if (stamp !== undefined && "N" in stamp) tally.latenciesMs.push(now - Number(stamp.N));
  }
};

/** The value below which that share of the values lies; 0 without values. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};
