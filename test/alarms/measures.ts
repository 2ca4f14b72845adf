// What CloudWatch gets once a minute of the event source mapping and of the queues.

import type { Counters, StreamsClient } from "@sluice/local";
import type { Metrics } from "./metrics.ts";
import { names } from "./names.ts";
import type { FakeQueue } from "./queue.ts";

/** The counters of the mapping, and their names in CloudWatch. */
const mappingMetrics = [
  ["filteredOutEventCount", "FilteredOutEventCount"],
  ["invokedEventCount", "InvokedEventCount"],
  ["failedInvokeEventCount", "FailedInvokeEventCount"],
  ["droppedEventCount", "DroppedEventCount"],
  ["onFailureDestinationDeliveredEventCount", "OnFailureDestinationDeliveredEventCount"],
] as const;

/** Returns a client whose polls are measured: "if Lambda receives an empty poll, Lambda emits a 0 value for this metric". */
export const measuredClient = (client: StreamsClient, metrics: Metrics): StreamsClient => ({
  ...client,
  getRecords: async (input) => {
    const answer = await client.getRecords(input);
    const dimensions = { EventSourceMappingUUID: names.mapping };
    metrics.put({ namespace: "AWS/Lambda", metric: "PolledEventCount", dimensions }, answer.Records?.length ?? 0);
    return answer;
  },
});

/** Returns a function that adds the metrics of the minute with this time. A counter that did not grow has no value. */
export const measuredMapping = (
  metrics: Metrics,
  counters: Readonly<Counters>,
  queues: readonly FakeQueue[],
): ((atMs: number) => void) => {
  let before = { ...counters };
  return (atMs) => {
    for (const [counter, metric] of mappingMetrics) {
      const count = counters[counter] - before[counter];
      const dimensions = { EventSourceMappingUUID: names.mapping };
      if (count > 0) metrics.put({ namespace: "AWS/Lambda", metric, dimensions }, count, atMs);
    }
    const failures = counters.destinationDeliveryFailures - before.destinationDeliveryFailures;
    if (failures > 0) {
      const dimensions = { FunctionName: names.function };
      metrics.put({ namespace: "AWS/Lambda", metric: "DestinationDeliveryFailures", dimensions }, failures, atMs);
    }
    before = { ...counters };
    for (const { name, measure } of queues) {
      for (const [metric, value] of Object.entries(measure())) {
        metrics.put({ namespace: "AWS/SQS", metric, dimensions: { QueueName: name } }, value, atMs);
      }
    }
  };
};
