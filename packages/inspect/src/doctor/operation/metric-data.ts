// Reads metrics of CloudWatch, all in one request.

import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import { type Answer, ask } from "../../aws/answer.ts";
import type { Clients } from "../../aws/clients.ts";

const dayMs = 86_400_000;

/** A metric with one dimension. */
export interface AskedMetric {
  readonly namespace: string;
  readonly metric: string;
  readonly dimension: string;
  readonly value: string;
  readonly statistic: "Maximum" | "SampleCount";
}

const queryOf = (
  { namespace, metric, dimension, value, statistic }: AskedMetric,
  index: number,
  Period: number,
): MetricDataQuery => ({
  Id: `m${index}`,
  MetricStat: {
    Metric: { Namespace: namespace, MetricName: metric, Dimensions: [{ Name: dimension, Value: value }] },
    Period,
    Stat: statistic,
  },
});

/** The time for which metrics are read, up to now. */
export interface Window {
  readonly days: number;
  readonly periodSeconds: number;
}

/** The values of each metric by period, the latest first; empty without data. */
export const readMetrics = (
  { cloudwatch }: Clients,
  asked: readonly AskedMetric[],
  { days, periodSeconds }: Window,
): Promise<Answer<readonly (readonly number[])[]>> =>
  ask("cloudwatch:GetMetricData", async (abortSignal) => {
    const now = Date.now();
    const values = new Map<string, number[]>();
    let token: string | undefined;
    do {
      const page = await cloudwatch.getMetricData(
        {
          StartTime: new Date(now - days * dayMs),
          EndTime: new Date(now),
          ScanBy: "TimestampDescending",
          MetricDataQueries: asked.map((metric, index) => queryOf(metric, index, periodSeconds)),
          ...(token !== undefined && { NextToken: token }),
        },
        { abortSignal },
      );
      for (const { Id = "", Values = [] } of page.MetricDataResults ?? []) {
        values.set(Id, [...(values.get(Id) ?? []), ...Values]);
      }
      token = page.NextToken;
    } while (token);
    return asked.map((_, index) => values.get(`m${index}`) ?? []);
  });
