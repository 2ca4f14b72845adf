// What an observer is: it gets the report of each invocation and of each delivery, for metrics, traces and tools.

import type { Change } from "../record/change.ts";
import type { DeliveryReport } from "./delivery-report.ts";
import type { InvocationReport } from "./report.ts";

/** Gets reports at the end of each invocation. The log names an observer that throws; no delivery depends on it. */
export interface Observer {
  readonly onInvocation?: (report: InvocationReport) => void;
  /**
   * Called for each delivery before `onInvocation`. `change` has the item: an observer that passes values on must not
   * be surprised to find them in a log. Undefined if the record could not be decoded.
   */
  readonly onDelivery?: (report: DeliveryReport, change: Change | undefined) => void;
}
