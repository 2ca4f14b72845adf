// What CloudWatch would show.

/**
 * Running totals, named after Lambda's event source mapping metrics.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
export interface Counters {
  polledEventCount: number;
  filteredOutEventCount: number;
  /** Repeats count again. */
  invokedEventCount: number;
  /** Events of the invocations that failed, or that reported any batch item failure. */
  failedInvokeEventCount: number;
  /** Discarded for good: no destination, or it did not take them. */
  droppedEventCount: number;
  onFailureDestinationDeliveredEventCount: number;
  destinationDeliveryFailures: number;
  /** Lost because they grew older than the stream's retention. AWS has no metric for them. */
  trimmedEventCount: number;
  invocations: number;
  /** Age of the last record of the latest batch when it was handed over. */
  iteratorAgeMs: number;
}

export const zeroCounters = (): Counters => ({
  polledEventCount: 0,
  filteredOutEventCount: 0,
  invokedEventCount: 0,
  failedInvokeEventCount: 0,
  droppedEventCount: 0,
  onFailureDestinationDeliveredEventCount: 0,
  destinationDeliveryFailures: 0,
  trimmedEventCount: 0,
  invocations: 0,
  iteratorAgeMs: 0,
});
