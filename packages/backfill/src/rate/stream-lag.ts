// Reads how far a live function is behind its stream, from CloudWatch's metric IteratorAge.

const minuteMs = 60_000;
const shownMinutes = 5;

/** The request that asks for the lag. */
export interface StreamLagInput {
  StartTime: Date;
  EndTime: Date;
  ScanBy: "TimestampDescending";
  MetricDataQueries: {
    Id: string;
    MetricStat: {
      Metric: { Namespace: string; MetricName: string; Dimensions: { Name: string; Value: string }[] };
      Period: number;
      Stat: string;
    };
  }[];
}

/** The call of `CloudWatch` from `@aws-sdk/client-cloudwatch` that reads the lag; your own client fits. */
export interface StreamLagClient {
  readonly getMetricData: (
    input: StreamLagInput,
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<{
    readonly MetricDataResults?: readonly { readonly Values?: readonly number[] | undefined }[] | undefined;
  }>;
}

const inputOf = (functionName: string, now: number): StreamLagInput => ({
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

/** Returns the lag of a function in milliseconds; undefined if the function had no invocation in the last minutes. */
export const streamLag = async (
  client: StreamLagClient,
  functionName: string,
  abortSignal: AbortSignal,
): Promise<number | undefined> => {
  const { MetricDataResults } = await client.getMetricData(inputOf(functionName, Date.now()), { abortSignal });
  return MetricDataResults?.[0]?.Values?.[0];
};
