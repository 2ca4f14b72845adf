// Collects the metrics of the handler, as CloudWatch would: from the lines in its embedded metric format.

import { emfMetrics, type Observer } from "@sluice/core/metrics";

/** The lines that the pipeline's observer has written. */
export interface MetricLines {
  readonly observer: Observer;
  readonly lines: readonly string[];
}

/** Creates an observer that collects its lines instead of writing them to standard output. */
export const collectMetricLines = (): MetricLines => {
  const lines: string[] = [];
  return { observer: emfMetrics({ functionName: "films", write: (line) => lines.push(line) }), lines };
};

/** The metric `Lag` of a route after one invocation. */
export interface Lag {
  readonly route: string;
  /** End of the invocation, in milliseconds since the epoch. */
  readonly at: number;
  readonly lagMs: number;
}

/** The members of a line that are read here. */
interface MetricLine {
  readonly _aws: { readonly Timestamp: number };
  readonly route: string;
  readonly Lag?: number;
}

/** Returns the lags in the lines. A line without `Lag` is about an invocation in which the route had only filtered changes. */
export const lagsIn = (lines: readonly string[]): Lag[] =>
  lines.flatMap((line) => {
    const { _aws: head, route, Lag: lagMs } = JSON.parse(line) as MetricLine;
    return lagMs === undefined ? [] : [{ route, at: head.Timestamp, lagMs }];
  });
