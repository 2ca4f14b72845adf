// Metrics in CloudWatch's embedded metric format: a line of JSON on standard output, which CloudWatch Logs turns into
// metrics. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

import { isThenable } from "../async/thenable.ts";
import { isLive } from "../delivery/route-lag.ts";
import { checkOptionNames, checkText, invalidOption } from "../sink/option.ts";
import type { Observer } from "./observer.ts";
import { busyRoutes } from "./outcomes.ts";
import type { InvocationReport, RouteReport } from "./report.ts";

/** Options of `emfMetrics`. */
export interface EmfOptions {
  /** Namespace of the metrics. The alarms of `@sluice/cdk` and `sluice doctor` look in `Sluice`, the default. */
  readonly namespace?: string;
  /** Value of the dimension `function`. Default: the name of the Lambda function; outside Lambda, that of the pipeline. */
  readonly functionName?: string;
  /** Writes a line. Default: to standard output; `console.log` would wrap the line if the function logs JSON. */
  readonly write?: (line: string) => void;
}

/** A metric of a route. */
export interface RouteMetric {
  readonly name: string;
  readonly unit: "Milliseconds" | "Count";
  readonly value: number;
}

const counts = [
  ["Pending", "pending"],
  ["Received", "received"],
  ["Delivered", "delivered"],
  ["Superseded", "superseded"],
  ["Filtered", "filtered"],
  ["Rejected", "rejected"],
  ["Retried", "retried"],
  ["Queued", "queued"],
] as const;

const times = [
  ["Lag", "lagMs"],
  ["PendingAge", "pendingAgeMs"],
  ["Duration", "durationMs"],
] as const;

/** Names of the metrics that a route may have. */
export const routeMetricNames: readonly string[] = [...times, ...counts].map(([name]) => name);

/**
 * The metrics of a route. Counts that are 0 are left out, because a metric costs money for each hour in which it has a
 * value, and alarms treat a missing count as 0.
 */
export const routeMetrics = (report: RouteReport): readonly RouteMetric[] => {
  const metrics: RouteMetric[] = [];
  for (const [name, member] of times) {
    const value = report[member];
    if (value !== undefined) metrics.push({ name, unit: "Milliseconds", value });
  }
  for (const [name, member] of counts) {
    const value = report[member] ?? 0;
    if (value > 0) metrics.push({ name, unit: "Count", value });
  }
  return metrics;
};

/** The longest value of a dimension. */
const longestValue = 1_024;

const percentEncoded = (character: string): string =>
  Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("");

/** A dimension's value must be printable ASCII, and more than spaces. Other characters are percent-encoded. */
export const dimensionValue = (text: string): string => {
  const isBlank = text.trim() === "";
  const encoded = isBlank ? percentEncoded(text) : text.replace(/[^\x20-\x7e]/gu, percentEncoded);
  return encoded.slice(0, longestValue);
};

/** The routes of a live event that received something. */
export const measuredRoutes = (report: InvocationReport): readonly (readonly [string, RouteReport])[] =>
  isLive(report.origin) ? busyRoutes(report) : [];

const dimensionSets = [["function"], ["function", "route"]];

/** Namespace of the metrics that the alarms watch. */
const defaultNamespace = "Sluice";

/**
 * What CloudWatch takes as a namespace of one's own. CloudWatch drops the metrics of another one, and says so nowhere.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html (read 2026-11-28)
 */
const namespacePattern = /^(?!:|AWS\/| *$)[\x20-\x7e]{1,255}$/;

const checkOptions = ({ namespace, functionName, write }: EmfOptions): void => {
  if (namespace !== undefined && (typeof namespace !== "string" || !namespacePattern.test(namespace))) {
    throw invalidOption(
      "namespace",
      "must be 1 to 255 printable ASCII characters, and begin with neither a colon nor AWS/",
    );
  }
  if (functionName !== undefined) checkText("functionName", functionName);
  if (write !== undefined && typeof write !== "function") throw invalidOption("write", "must be a function");
};

/** Observers whose metrics the alarms watch. */
const watched = new WeakSet<Observer>();

/** Whether the observer writes the metrics that the alarms watch. */
export const isWatched = (observer: Observer): boolean => watched.has(observer);

/**
 * An observer that writes the metrics of each route as one line in CloudWatch's embedded metric format, with the dimensions
 * `function` and `route`. `docs/observing.md` explains each metric, and `docs/costs.md` the price.
 * @throws {ConfigError} CONFIG_INVALID when an option is unknown or wrong.
 */
export const emfMetrics = (options: EmfOptions = {}): Observer => {
  checkOptionNames<EmfOptions>("emfMetrics", options, { namespace: true, functionName: true, write: true });
  checkOptions(options);
  const {
    namespace = defaultNamespace,
    // Outside Lambda a script may set the variable to nothing.
    functionName = process.env.AWS_LAMBDA_FUNCTION_NAME || undefined,
    write = (line: string) => process.stdout.write(`${line}\n`),
  } = options;
  const lineOf = (report: InvocationReport, route: string, measured: RouteReport): string => {
    const { pipeline, origin, endedAt, requestId, failures } = report;
    const metrics = routeMetrics(measured);
    const definitions = metrics.map(({ name, unit }) => ({ Name: name, Unit: unit }));
    return JSON.stringify({
      _aws: {
        Timestamp: endedAt,
        CloudWatchMetrics: [{ Namespace: namespace, Dimensions: dimensionSets, Metrics: definitions }],
      },
      function: dimensionValue(functionName ?? pipeline),
      route: dimensionValue(route),
      pipeline: pipeline.slice(0, longestValue),
      origin,
      ...(requestId !== undefined && { requestId: requestId.slice(0, longestValue) }),
      ...(Object.keys(failures).length > 0 && { failures }),
      ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
    });
  };
  const observer: Observer = {
    onInvocation: (report) => {
      const returned: unknown[] = measuredRoutes(report).map(([route, measured]) =>
        write(lineOf(report, route, measured)),
      );
      // Whoever calls the observer handles a rejection, which would otherwise end the process.
      const promises = returned.filter(isThenable);
      return promises.length > 0 ? Promise.all(promises) : undefined;
    },
  };
  if (namespace === defaultNamespace) watched.add(observer);
  return observer;
};
