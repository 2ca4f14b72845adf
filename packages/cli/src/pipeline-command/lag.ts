// Reads how far a live function is behind its stream, from CloudWatch's metric IteratorAge.

import { type AwsOptions, clientConfig } from "../aws/clients.ts";
import { messageOf } from "../terminal/format.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Resources } from "./resources.ts";

/** The part of CloudWatch's answer that is read. */
interface MetricData {
  readonly MetricDataResults?: readonly { readonly Values?: readonly number[] | undefined }[] | undefined;
}

/** The method of the SDK's client `CloudWatch` that reads a metric. */
interface MetricClient {
  readonly getMetricData: (input: object, options: { readonly abortSignal: AbortSignal }) => Promise<MetricData>;
  readonly destroy: () => void;
}

/** Reads the lag. */
export interface LagReader {
  /** Returns milliseconds; undefined if the function had no invocation in the last minutes. */
  readonly read: (signal: AbortSignal) => Promise<number | undefined>;
  readonly close: () => void;
}

const minuteMs = 60_000;
const shownMinutes = 5;

const inputOf = (functionName: string, now: number) => ({
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

/** The package is optional: who does not watch the lag need not install it. The name is no literal, so that no type is needed. */
const cloudWatchPackage: string = "@aws-sdk/client-cloudwatch";

/** A reader that the command closes, and whose failures the user sees. */
export interface WatchedLag extends Pick<LagReader, "read"> {
  /** Says that the lag is unknown, and why; only the first time. */
  readonly report: (error: unknown) => void;
}

/** Opens a reader of a function's lag. If its package is not installed, says so, and returns undefined. */
export const openLagReader = async (
  aws: AwsOptions,
  functionName: string,
  opened: Resources,
  { err }: Terminal,
): Promise<WatchedLag | undefined> => {
  const reader = await lagReader(aws, functionName);
  if (reader === undefined) {
    err("the lag of the live function is not watched; npm install @aws-sdk/client-cloudwatch to watch it");
    return undefined;
  }
  opened.add(reader);
  let isReported = false;
  return {
    read: reader.read,
    report: (error) => {
      if (!isReported) err(`the lag of ${functionName} is unknown: ${messageOf(error)}`);
      isReported = true;
    },
  };
};

/** Creates a reader of a function's lag; undefined if `@aws-sdk/client-cloudwatch` is not installed. */
const lagReader = async (aws: AwsOptions, functionName: string): Promise<LagReader | undefined> => {
  const sdk: { readonly CloudWatch: new (config: object) => MetricClient } | undefined = await import(
    cloudWatchPackage
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  });
  if (sdk === undefined) return undefined;
  const client = new sdk.CloudWatch(clientConfig(aws, "CLOUDWATCH", functionName));
  return {
    read: async (signal) => {
      const { MetricDataResults } = await client.getMetricData(inputOf(functionName, Date.now()), {
        abortSignal: signal,
      });
      return MetricDataResults?.[0]?.Values?.[0];
    },
    close: () => client.destroy(),
  };
};
