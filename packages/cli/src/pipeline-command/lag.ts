// Reads how far a live function is behind its stream, from CloudWatch's metric IteratorAge.

import { CloudWatch, type GetMetricDataCommandInput } from "@aws-sdk/client-cloudwatch";
import { type AwsOptions, clientConfig } from "../aws/clients.ts";
import { messageOf } from "../terminal/format.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { Resources } from "./resources.ts";

const minuteMs = 60_000;
const shownMinutes = 5;

const inputOf = (functionName: string, now: number): GetMetricDataCommandInput => ({
  StartTime: new Date(now - shownMinutes * minuteMs),
  EndTime: new Date(now),
  ScanBy: "TimestampDescending",
  MetricDataQueries: [
    {
      Id: "lag",
      MetricStat: {
        Metric: {
          Namespace: "AWS/Lambda",
          MetricName: "IteratorAge",
          Dimensions: [{ Name: "FunctionName", Value: functionName }],
        },
        Period: 60,
        Stat: "Maximum",
      },
    },
  ],
});

/** A reader that the command closes, and whose failures the user sees. */
export interface WatchedLag {
  /** Returns milliseconds; undefined if the function had no invocation in the last minutes. */
  readonly read: (signal: AbortSignal) => Promise<number | undefined>;
  /** Says that the lag is unknown, and why; only the first time. */
  readonly report: (error: unknown) => void;
}

/** Opens a reader of a function's lag. */
export const openLagReader = (
  aws: AwsOptions,
  functionName: string,
  opened: Resources,
  { err }: Pick<Notes, "err">,
): WatchedLag => {
  const client = new CloudWatch(clientConfig(aws, "CLOUDWATCH", functionName));
  opened.add({ close: () => client.destroy() });
  let isReported = false;
  return {
    read: async (abortSignal) => {
      const { MetricDataResults } = await client.getMetricData(inputOf(functionName, Date.now()), { abortSignal });
      return MetricDataResults?.[0]?.Values?.[0];
    },
    report: (error) => {
      if (!isReported) err(`the lag of ${functionName} is unknown: ${messageOf(error)}`);
      isReported = true;
    },
  };
};
