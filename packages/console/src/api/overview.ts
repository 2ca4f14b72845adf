// How the pipelines are now.

import type { ConsoleQueueKind } from "./about.ts";
import type { RowOutcome } from "./changes.ts";

/** `broken`: the module cannot be loaded, or its targets cannot be prepared. */
export type PipelineStatus = "starting" | "running" | "restarting" | "broken" | "unknown";

/** The state of a pipeline. */
export interface PipelineNow {
  readonly name: string;
  readonly status: PipelineStatus;
  /** Only if broken: what is wrong, for people. May have several lines. */
  readonly reason?: string;
  /** Lines about the pipeline as a whole, for people: `3 errors of the function in the last 3 hours`. */
  readonly notes?: readonly string[];
  /** When the status began, in milliseconds since the epoch. */
  readonly since: number;
}

/** Numbers of a route over time. All lists have the same length; the last entry is of the newest complete step. */
export interface RouteSeries {
  /** Begin of the first step, in milliseconds since the epoch. */
  readonly from: number;
  readonly stepMs: number;
  /** Deliveries that are done: delivered, superseded or filtered. */
  readonly settled: readonly number[];
  /** Deliveries that were rejected or retried. */
  readonly failed: readonly number[];
  /** The highest lag; null without a report. */
  readonly lagMs: readonly (number | null)[];
}

/** A route now. */
export interface RouteNow {
  readonly pipeline: string;
  readonly route: string;
  readonly lagMs: number | undefined;
  /** Of the last 15 minutes: the 95th percentile of the highest lag of each step that has a report. */
  readonly lagP95Ms: number | undefined;
  readonly pending: number | undefined;
  readonly pendingAgeMs: number | undefined;
  /** Deliveries since the console began, or, in a deployment, of the last 3 hours. */
  readonly counts: Readonly<Record<RowOutcome, number>>;
  /** Deliveries a second in the last 10 seconds, or, in a deployment, in the last 5 minutes. */
  readonly perSecond: number;
  readonly series: RouteSeries;
}

/** A queue now. */
export interface QueueNow {
  readonly pipeline: string;
  readonly kind: ConsoleQueueKind;
  readonly name: string;
  readonly url: string;
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
  /** Why the numbers are unknown; they are then 0. */
  readonly problem?: string;
}

/** The answer of `GET /api/overview`. */
export interface Overview {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly pipelines: readonly PipelineNow[];
  readonly routes: readonly RouteNow[];
  readonly queues: readonly QueueNow[];
  /** What could not be read, one line each. */
  readonly problems: readonly string[];
}
