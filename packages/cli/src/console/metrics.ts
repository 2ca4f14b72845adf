// Reads metrics of the last hours from CloudWatch, and the routes that have some.

import type { CloudWatch, MetricDataQuery, MetricDataResult } from "@aws-sdk/client-cloudwatch";
import { type Answer, ask } from "@sluice/inspect";

/** A metric, and how its values are put together. */
export interface AskedSeries {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: "Maximum" | "Sum" | "p95";
  readonly periodSeconds: number;
}

/** Values of a metric by the begin of their period, in milliseconds since the epoch. */
export type Series = ReadonlyMap<number, number>;

/** A time, in milliseconds since the epoch. `to` is not included. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

const nameOfRoute = "route";

/** Dimensions of the metrics that a pipeline's function writes. */
export const routeDimensions = (functionName: string, route: string): Readonly<Record<string, string>> => ({
  function: functionName,
  [nameOfRoute]: route,
});

/**
 * Below both limits of a request, 500 metrics and 100,800 values, for 180 values each.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html (read 2026-11-28)
 */
const mostInRequest = 400;

const queryOf = (
  { namespace, metric, dimensions, statistic, periodSeconds }: AskedSeries,
  index: number,
): MetricDataQuery => ({
  Id: `m${index}`,
  MetricStat: {
    Metric: {
      Namespace: namespace,
      MetricName: metric,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    },
    Period: periodSeconds,
    Stat: statistic,
  },
});

const readPart = async (
  cloudwatch: CloudWatch,
  queries: readonly MetricDataQuery[],
  { from, to }: TimeSpan,
  abortSignal: AbortSignal,
): Promise<readonly MetricDataResult[]> => {
  const results: MetricDataResult[] = [];
  let token: string | undefined;
  do {
    const page = await cloudwatch.getMetricData(
      {
        StartTime: new Date(from),
        EndTime: new Date(to),
        MetricDataQueries: [...queries],
        ...(token !== undefined && { NextToken: token }),
      },
      { abortSignal },
    );
    results.push(...(page.MetricDataResults ?? []));
    token = page.NextToken;
  } while (token);
  return results;
};

/** Reads metrics. The answer has a series for each metric asked for, in their order; it is empty without data. */
export const readSeries = (
  cloudwatch: CloudWatch,
  asked: readonly AskedSeries[],
  span: TimeSpan,
): Promise<Answer<readonly Series[]>> =>
  ask("cloudwatch:GetMetricData", async (signal) => {
    const queries = asked.map(queryOf);
    const parts = Array.from({ length: Math.ceil(queries.length / mostInRequest) }, (_, part) =>
      queries.slice(part * mostInRequest, (part + 1) * mostInRequest),
    );
    const results = (await Promise.all(parts.map((part) => readPart(cloudwatch, part, span, signal)))).flat();
    const series = new Map(asked.map((_, index) => [`m${index}`, new Map<number, number>()]));
    for (const { Id = "", Timestamps = [], Values = [] } of results) {
      for (const [index, time] of Timestamps.entries()) series.get(Id)?.set(time.getTime(), Values[index] ?? 0);
    }
    return [...series.values()];
  });

/**
 * The routes whose metrics CloudWatch has of the last two weeks, as the dimension names them. A route that receives a change
 * writes the metric `Received`.
 */
export const routesWithMetrics = (
  cloudwatch: CloudWatch,
  namespace: string,
  functionName: string,
): Promise<Answer<readonly string[]>> =>
  ask("cloudwatch:ListMetrics", async (abortSignal) => {
    const routes = new Set<string>();
    let token: string | undefined;
    do {
      const page = await cloudwatch.listMetrics(
        {
          Namespace: namespace,
          MetricName: "Received",
          Dimensions: [{ Name: "function", Value: functionName }, { Name: nameOfRoute }],
          ...(token !== undefined && { NextToken: token }),
        },
        { abortSignal },
      );
      for (const { Dimensions = [] } of page.Metrics ?? []) {
        const route = Dimensions.find(({ Name }) => Name === nameOfRoute)?.Value;
        if (route !== undefined) routes.add(route);
      }
      token = page.NextToken;
    } while (token);
    return [...routes].sort();
  });
