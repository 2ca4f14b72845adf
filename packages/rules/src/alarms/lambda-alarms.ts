// Alarms on what Lambda says about the function and its mapping.

import type { AlarmRow } from "./alarm-row.ts";
import { metric, ofFunction, ofMapping } from "./metrics.ts";

const everyCount = { each: "pipeline", threshold: 1, comparison: "atLeast", unit: "count" } as const;
const atOnce = { ...everyCount, periodSeconds: 60, datapoints: 1, periods: 1, missing: "notBreaching" } as const;

/** The alarms on invocations that failed and records that were lost. */
export const lambdaAlarms: readonly AlarmRow[] = [
  {
    id: "errors",
    title: "function errors",
    anchor: "function-errors",
    value: metric(ofFunction("Errors", "Sum")),
    ...everyCount,
    periodSeconds: 300,
    datapoints: 3,
    periods: 5,
    why: "Lambda retries a batch that failed, also during a deployment; failures of a few minutes fall into two periods at most",
    missing: "notBreaching",
    missingWhy: "the function is idle",
  },
  {
    id: "throttles",
    title: "function throttles",
    anchor: "function-errors",
    value: metric(ofFunction("Throttles", "Sum")),
    ...everyCount,
    periodSeconds: 300,
    datapoints: 3,
    periods: 3,
    why: "Lambda retries throttled batches; a burst is throttled until Lambda has added environments",
    missing: "notBreaching",
    missingWhy: "the function is idle",
  },
  {
    id: "gave-up",
    title: "Lambda gave up",
    anchor: "lambda-gave-up",
    value: metric(ofMapping("OnFailureDestinationDeliveredEventCount", "Sum")),
    needs: "destination",
    ...atOnce,
    why: "records have left the stream, and no retry brings them back",
    missingWhy: "no record left the stream so",
  },
  {
    id: "dropped",
    title: "Lambda dropped records",
    anchor: "lambda-dropped-records",
    value: metric(ofMapping("DroppedEventCount", "Sum")),
    ...atOnce,
    why: "the records are lost",
    missingWhy: "no record was dropped",
  },
  {
    id: "destination-failures",
    title: "Lambda could not write to the destination",
    anchor: "lambda-dropped-records",
    value: metric(ofFunction("DestinationDeliveryFailures", "Sum")),
    needs: "destination",
    ...atOnce,
    why: "the records are lost",
    missingWhy: "no write failed",
  },
];
