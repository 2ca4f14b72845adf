// The counters that CloudWatch would show.

/**
 * Running totals, named after Lambda's event source mapping metrics.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
export interface Counters {
  polledEventCount: number;
  filteredOutEventCount: number;
  /** Events that were passed to the function. An event that is retried counts again. */
  invokedEventCount: number;
  /** All events of each invocation that failed or reported a batch item failure. */
  failedInvokeEventCount: number;
  /** Events that were discarded without a copy, because the on-failure destination failed or is not configured. */
  droppedEventCount: number;
  onFailureDestinationDeliveredEventCount: number;
  destinationDeliveryFailures: number;
  /** Events that were lost because the stream trimmed them before their delivery. AWS has no metric for such events. */
  trimmedEventCount: number;
  invocations: number;
  /** Age of the last record of the latest batch when the function was invoked. */
  iteratorAgeMs: number;
}

/** Counters at 0. */
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
