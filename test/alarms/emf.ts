// Puts the lines of CloudWatch's embedded metric format into the store of metrics, as CloudWatch Logs does.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

import type { Metrics } from "./metrics.ts";

interface EmfLine {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

const membersOf = (line: EmfLine, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, String(line[name])]));

/** Extracts the metrics of a line, for each of its sets of dimensions. */
export const putEmfLine = (metrics: Metrics, text: string): void => {
  const line = JSON.parse(text) as EmfLine;
  for (const { Namespace: namespace, Dimensions, Metrics: named } of line._aws.CloudWatchMetrics) {
    for (const names of Dimensions) {
      const dimensions = membersOf(line, names);
      for (const { Name: metric } of named) {
        metrics.put({ namespace, metric, dimensions }, Number(line[metric]), line._aws.Timestamp);
      }
    }
  }
};
