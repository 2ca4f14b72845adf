// What a pipeline's function reported of some invocations, as the metrics that CloudWatch makes of its lines; and what
// the overview must show of them.

import type { CloudWatch, MetricDatum } from "@aws-sdk/client-cloudwatch";
import { emfMetrics } from "@sluice/core/metrics";

/** One invocation's report about a route. */
export interface Reported {
  readonly route: string;
  /** Whole minutes before the overview: 1 is the newest whole minute. */
  readonly minutesAgo: number;
  readonly delivered: number;
  readonly superseded: number;
  readonly filtered: number;
  readonly rejected: number;
  readonly retried: number;
  readonly lagMs: number;
  readonly pending: number;
  readonly pendingAgeMs: number;
}

const minuteMs = 60_000;

/** Begin of the minute after the newest whole one. */
export const minuteOf = (now: number): number => Math.floor(now / minuteMs) * minuteMs;

const receivedOf = ({ delivered, superseded, filtered, rejected, retried }: Reported): number =>
  delivered + superseded + filtered + rejected + retried;

/** The lines of the function. */
const linesOf = (functionName: string, reports: readonly Reported[], now: number): readonly string[] => {
  const lines: string[] = [];
  const observer = emfMetrics({ functionName, write: (line) => void lines.push(line) });
  for (const report of reports) {
    const { route, minutesAgo, pending, pendingAgeMs, ...rest } = report;
    observer.onInvocation?.({
      pipeline: "orders",
      origin: "stream",
      records: 1,
      reported: 0,
      queued: 0,
      endedAt: minuteOf(now) - minutesAgo * minuteMs + 1_000,
      durationMs: 12,
      routes: {
        [route]: {
          ...rest,
          received: receivedOf(report),
          queued: 0,
          durationMs: 5,
          ...(pending > 0 && { pending, pendingAgeMs }),
        } as never,
      },
      failures: {},
    });
  }
  return lines;
};

interface EmfLine {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: "Count" | "Milliseconds" }[];
    }[];
  };
  readonly [member: string]: unknown;
}

const dataOf = (text: string): readonly MetricDatum[] => {
  const line = JSON.parse(text) as EmfLine;
  return line._aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name, Unit }) =>
      Dimensions.map((names) => ({
        MetricName: Name,
        Unit,
        Value: Number(line[Name]),
        Timestamp: new Date(line._aws.Timestamp),
        Dimensions: names.map((name) => ({ Name: name, Value: String(line[name]) })),
      })),
    ),
  );
};

const mostData = 500;

/** Puts the metrics of the function's lines, as CloudWatch Logs would. */
export const putReports = async (
  cloudwatch: CloudWatch,
  functionName: string,
  reports: readonly Reported[],
  now: number,
): Promise<void> => {
  const data = linesOf(functionName, reports, now).flatMap(dataOf);
  for (let from = 0; from < data.length; from += mostData) {
    await cloudwatch.putMetricData({ Namespace: "Sluice", MetricData: data.slice(from, from + mostData) });
  }
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const newest = (reports: readonly Reported[], ago: number): readonly Reported[] => {
  const recent = reports.filter(({ minutesAgo }) => minutesAgo <= ago);
  const minute = Math.min(...recent.map(({ minutesAgo }) => minutesAgo));
  return recent.filter(({ minutesAgo }) => minutesAgo === minute);
};

const highest = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : Math.max(...values);

/** What the overview must show of a route: computed from the reports, and from no metric. */
export const expectedRoute = (route: string, all: readonly Reported[], now: number) => {
  const reports = all.filter((one) => one.route === route && one.minutesAgo <= 180 && receivedOf(one) > 0);
  const last = newest(reports, 15);
  const pending = highest(last.map((one) => one.pending));
  const at = (step: number): readonly Reported[] => reports.filter(({ minutesAgo }) => minutesAgo === 180 - step);
  const steps = Array.from({ length: 180 }, (_, step) => at(step));
  const countOf = (name: "delivered" | "superseded" | "filtered" | "rejected" | "retried"): number =>
    sum(reports.map((one) => one[name]));
  const aged = newest(
    reports.filter((one) => one.pending > 0),
    15,
  );
  return {
    pipeline: "orders",
    route,
    lagMs: highest(last.map(({ lagMs }) => lagMs)),
    pending,
    pendingAgeMs: pending === 0 ? undefined : highest(aged.map(({ pendingAgeMs }) => pendingAgeMs)),
    counts: {
      delivered: countOf("delivered"),
      superseded: countOf("superseded"),
      filtered: countOf("filtered"),
      rejected: countOf("rejected"),
      retried: countOf("retried"),
    },
    perSecond: sum(reports.filter(({ minutesAgo }) => minutesAgo <= 5).map(receivedOf)) / 300,
    series: {
      from: minuteOf(now) - 180 * minuteMs,
      stepMs: minuteMs,
      settled: steps.map((step) => sum(step.map((one) => one.delivered + one.superseded + one.filtered))),
      failed: steps.map((step) => sum(step.map((one) => one.rejected + one.retried))),
      lagMs: steps.map((step) => highest(step.map(({ lagMs }) => lagMs)) ?? null),
    },
  };
};
