// Alarms on copies that are late.

import type { AlarmRow } from "./alarm-row.ts";
import { metric, ofFunction, ofMapping, written, writtenOfRoute } from "./metrics.ts";

/** The alarms on copies that are late. */
export const lagAlarms: readonly AlarmRow[] = [
  {
    id: "iterator-age",
    title: "iterator age",
    anchor: "iterator-age",
    value: metric(ofFunction("IteratorAge", "Maximum")),
    each: "pipeline",
    periodSeconds: 60,
    threshold: 300_000,
    comparison: "atLeast",
    unit: "milliseconds",
    datapoints: 3,
    periods: 5,
    why:
      "a burst that the function works off within two minutes wakes no person; Lambda measures this age itself, also for a function " +
      "that crashes and writes no metric",
    missing: "notBreaching",
    missingWhy: "the stream is idle",
  },
  {
    id: "route-lag",
    title: "route lag",
    anchor: "route-lag",
    value: metric(writtenOfRoute("Lag", "Maximum")),
    each: "route-or-function",
    periodSeconds: 300,
    threshold: 300_000,
    comparison: "atLeast",
    unit: "milliseconds",
    datapoints: 2,
    periods: 3,
    why:
      "one late batch wakes no person; the alarm names the route, and goes off also if its deliveries wait in the retry queue, which " +
      "the iterator age does not see",
    missing: "notBreaching",
    missingWhy: "the route is idle: a route that is stuck is retried, and each attempt has a lag",
  },
  {
    id: "pending-age",
    title: "age of the oldest pending delivery",
    anchor: "age-of-the-oldest-pending-delivery",
    value: metric(written("PendingAge", "Maximum")),
    each: "pipeline",
    periodSeconds: 900,
    threshold: 3_600_000,
    comparison: "atLeast",
    unit: "milliseconds",
    datapoints: 1,
    periods: 1,
    why:
      "an age does not burst; a pending delivery is retried at least every 15 minutes, and SQS starts the age of its message again " +
      "after three attempts",
    missing: "notBreaching",
    missingWhy: "no delivery is pending",
  },
  {
    id: "silent",
    title: "Lambda does not poll",
    anchor: "lambda-does-not-poll",
    value: metric(ofMapping("PolledEventCount", "SampleCount")),
    each: "pipeline",
    // Short: CloudWatch evaluates the data of some periods more, and one with data keeps the alarm off.
    periodSeconds: 60,
    threshold: 1,
    comparison: "below",
    unit: "count",
    datapoints: 15,
    periods: 15,
    why: "Lambda also polls an idle stream, several times a minute; a change of the mapping interrupts the polls for minutes",
    missing: "breaching",
    missingWhy: "the mapping is disabled or deleted, or may not read the stream: an empty poll is a data point of 0",
  },
];
