// The report of an invocation: one log line, and a message on a diagnostics channel for listeners in the same process
// (local tools, your own metrics).

import { channel } from "node:diagnostics_channel";
import type { Outcome } from "../delivery/delivery-result.ts";
import type { DeliveryErrorCode } from "../errors.ts";
import type { PipelineLogger } from "../logger.ts";
import type { Origin } from "../record/change.ts";

/** Deliveries of one route in one invocation. `received` is the sum of the other counts. */
export type OutcomeCounts = { readonly [outcome in Outcome | "received"]: number };

/** Report of one invocation. */
export interface InvocationReport {
  readonly pipeline: string;
  readonly origin: Origin;
  /** Number of records or messages in the event. */
  readonly records: number;
  /** Number of records or messages that the response asks Lambda to deliver again. */
  readonly reported: number;
  /** Number of deliveries of all routes that went to the retry queue. They are also counted as `retried`. */
  readonly queued: number;
  readonly durationMs: number;
  readonly routes: { readonly [route: string]: OutcomeCounts };
  /** Number of failed deliveries of all routes, by error code. */
  readonly failures: { readonly [code in DeliveryErrorCode]?: number };
}

/** Name of the `node:diagnostics_channel` on which each invocation publishes its `InvocationReport`. */
export const reportChannel = "sluice:invocation";

const reports = channel(reportChannel);

/** Leaves out zeros, and the routes that received nothing: a pipeline may have many routes. */
const nonzero = (routes: InvocationReport["routes"]): InvocationReport["routes"] =>
  Object.fromEntries(
    Object.entries(routes)
      .filter(([, { received }]) => received > 0)
      .map(([route, counts]) => [route, withoutZeros(counts)]),
  );

const withoutZeros = (counts: OutcomeCounts): OutcomeCounts =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) as OutcomeCounts;

/** Publishes a report, and logs it without its zeros. The log line is a warning if a delivery failed. */
export const publishReport = (
  logger: PipelineLogger,
  report: InvocationReport,
  requestId: string | undefined,
): void => {
  reports.publish(report);
  const fields = { ...report, routes: nonzero(report.routes), ...(requestId !== undefined && { requestId }) };
  if (Object.keys(report.failures).length === 0) logger.info("batch finished", fields);
  else logger.warn("batch finished with failures", fields);
};
