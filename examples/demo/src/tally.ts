// Counts what the handler reports, and how long a write takes to become visible.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type InvocationReport, type Outcome, reportChannel, type StreamRecord } from "@sluice/core";

/** The sum of an invocation's reports. */
export interface Tally {
  /** Counts per outcome, over all invocations and routes. */
  readonly outcomes: Record<Outcome, number>;
  invocations: number;
  /** Records that came in stream batches, repeats included. */
  records: number;
  /** Milliseconds from just before the write until its batch was committed, by this process' own clock. */
  readonly latenciesMs: number[];
  readonly stop: () => void;
}

/** Listens to the reports of every handler in this process. */
export const startTally = (): Tally => {
  const outcomes: Record<Outcome, number> = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
  const tally: Tally = {
    outcomes,
    invocations: 0,
    records: 0,
    latenciesMs: [],
    stop: () => unsubscribe(reportChannel, onReport),
  };
  const onReport = (message: unknown): void => {
    const report = message as InvocationReport;
    tally.invocations += 1;
    if (report.origin === "stream") tally.records += report.records;
    for (const counts of Object.values(report.routes)) {
      for (const outcome of Object.keys(outcomes) as Outcome[]) outcomes[outcome] += counts[outcome];
    }
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
