// What an invocation says of itself: one log line, and a report on a diagnostics channel for whoever listens in the
// same process (the local runner, the console, your own metrics).

import { channel } from "node:diagnostics_channel";
import type { Outcome } from "../delivery/item-queue.ts";
import type { DeliveryErrorCode } from "../errors.ts";
import type { Origin } from "../record/change.ts";

/** Deliveries of one route in one invocation. `received` is the sum of the others. */
export type OutcomeCounts = { readonly [outcome in Outcome | "received"]: number };

/** What one invocation did. */
export interface InvocationReport {
  readonly pipeline: string;
  readonly origin: Origin;
  /** Records in the event. */
  readonly records: number;
  /** Records that Lambda is asked to bring again. */
  readonly reported: number;
  /** Of the retried deliveries, over all routes, those that went to the retry queue. */
  readonly spilled: number;
  readonly durationMs: number;
  readonly routes: { readonly [route: string]: OutcomeCounts };
  /** Failed deliveries by code, over all routes. */
  readonly failures: { readonly [code in DeliveryErrorCode]?: number };
}

/** Name of the `node:diagnostics_channel` on which each invocation publishes its `InvocationReport`. */
export const reportChannel = "sluice:invocation";

/** The two levels of a logger that core uses; Powertools' `Logger` and your own fit. */
export interface PipelineLogger {
  readonly info: (message: string, fields: Record<string, unknown>) => void;
  readonly warn: (message: string, fields: Record<string, unknown>) => void;
}

const reports = channel(reportChannel);

/** Publishes a report, and logs it: as a warning where a delivery failed. */
export const announce = (logger: PipelineLogger, report: InvocationReport, requestId: string | undefined): void => {
  reports.publish(report);
  const fields = { ...report, ...(requestId !== undefined && { requestId }) };
  if (Object.keys(report.failures).length === 0) logger.info("batch delivered", fields);
  else logger.warn("batch delivered with failures", fields);
};
