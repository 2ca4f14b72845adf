// The function of the state "Report" of a verify. It logs a metric in CloudWatch's embedded metric format, so that an alarm can
// tell when a copy differs.

import { differing, type Finding, type VerifyTally } from "@sluice/backfill";
import { dimensionValue } from "@sluice/core/metrics";
import type { InvocationContext } from "@sluice/core/sink-kit";
import {
  type CopyReport,
  type CopyReportEvent,
  type CopyReportOptions,
  incompleteReason,
  readUnits,
  reportParts,
  writeReport,
} from "./report.ts";
import { openRunObjects, type RunObjects } from "./run-objects.ts";
import type { Plan } from "./run-plan.ts";
import { addVerifyCounts, noVerifyCounts, type VerifyCounts } from "./verify-worker.ts";

/** The output of a verify's execution. */
export interface VerifyRunReport extends CopyReport<VerifyCounts> {
  /** Number of items that are not proved to be right in a target. */
  readonly differing: number;
  /** Sentences about what the run could not see. */
  readonly limits: readonly string[];
}

/** The function of the state "Report" of a verify. */
export type VerifyReportHandler = (event: CopyReportEvent, context?: InvocationContext) => Promise<VerifyRunReport>;

/** Options of `verifyReport`. */
export interface VerifyReportOptions extends CopyReportOptions {
  /** Writes the lines with the metrics. Default: the standard output, which Lambda sends to CloudWatch Logs. */
  readonly writeMetric?: (line: string) => void;
  /** Value of the dimension `function`. Default: the name of the Lambda function; outside Lambda, that of the pipeline. */
  readonly functionName?: string;
}

/** Lambda's JSON format of logs would wrap a line of the console, and CloudWatch would not find the metric. */
const toStandardOutput = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface MetricOrigin {
  readonly functionName: string | undefined;
  readonly timestamp: number;
}

/**
 * A metric by function, and not by pipeline: two stages of a pipeline in one account have two functions.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const metricLine = (
  plan: Plan,
  target: string,
  tally: VerifyTally,
  { functionName, timestamp }: MetricOrigin,
): string => {
  const counted = tally[target];
  const of: VerifyTally = counted === undefined ? {} : { [target]: counted };
  const Metrics = [{ Name: "Differing", Unit: "Count" }];
  const CloudWatchMetrics = [{ Namespace: "Sluice", Dimensions: [["function"], ["function", "route"]], Metrics }];
  return JSON.stringify({
    _aws: { Timestamp: timestamp, CloudWatchMetrics },
    function: dimensionValue(functionName ?? plan.pipeline),
    route: dimensionValue(target),
    pipeline: plan.pipeline,
    Differing: differing(of),
    run: plan.run,
    classes: counted?.counts ?? {},
  });
};

const maxExamples = 10;

/** Reads the first findings of a run. */
const examplesIn = async (objects: RunObjects, lists: readonly string[]): Promise<readonly Finding[]> => {
  const examples: Finding[] = [];
  for (const list of lists) {
    if (examples.length >= maxExamples) break;
    const stored = await objects.read(list);
    const lines = (stored?.text ?? "").split("\n").filter((line) => line !== "");
    examples.push(...lines.slice(0, maxExamples - examples.length).map((line) => JSON.parse(line) as Finding));
  }
  return examples;
};

/**
 * Creates the function of the state "Report" of a verify. `verifyReport` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const verifyReport = (options: VerifyReportOptions = {}): VerifyReportHandler => {
  const { writeMetric = toStandardOutput, functionName = process.env.AWS_LAMBDA_FUNCTION_NAME, ...others } = options;
  const { logger, clock, s3 } = reportParts("verifyReport", others);
  return async (event) => {
    const { plan } = event;
    const all = await readUnits<VerifyCounts>(plan, s3, [noVerifyCounts, addVerifyCounts]);
    const { tally } = all.counts;
    const reason = incompleteReason(all, event, []);
    // The differences of a part of the table would end an alarm that the rest of the table has raised. A target of an empty
    // table has a data point, too.
    const measured = reason === "" ? (plan.targets ?? []) : [];
    const origin: MetricOrigin = { functionName, timestamp: clock.now() };
    for (const target of measured) writeMetric(metricLine(plan, target, tally, origin));
    const objects = openRunObjects(s3, plan);
    const details = { differing: differing(tally), limits: plan.limits ?? [] };
    // Findings have keys of items, and perhaps values.
    const kept = { examples: await examplesIn(objects, all.lists) };
    const report = await writeReport(event, all, { reason, objects, now: clock.now(), details, kept });
    logger.info("verify ended", { ...report });
    return report;
  };
};
