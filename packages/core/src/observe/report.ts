// The report of an invocation: what observers, the diagnostics channel and the log get.

import type { Outcome } from "../delivery/delivery-result.ts";
import type { RouteLag } from "../delivery/route-lag.ts";
import type { DeliveryErrorCode } from "../errors.ts";
import type { Origin } from "../record/change.ts";

/** Deliveries of one route in one invocation. `received` is the sum of the other counts. */
export type OutcomeCounts = { readonly [outcome in Outcome | "received"]: number };

/** One route in one invocation. `retried` includes `queued`: the deliveries that are in the retry queue. */
export interface RouteReport extends OutcomeCounts, RouteLag {
  readonly queued: number;
  readonly durationMs: number;
}

/** Report of one invocation. It has no value of an item. */
export interface InvocationReport {
  readonly pipeline: string;
  readonly origin: Origin;
  readonly requestId?: string;
  /** Number of records or messages in the event. */
  readonly records: number;
  /** Number of records or messages that the response asks Lambda to deliver again. */
  readonly reported: number;
  /** Number of deliveries of all routes that went to the retry queue. They are also counted as `retried`. */
  readonly queued: number;
  /** End of the invocation, in milliseconds since the epoch. */
  readonly endedAt: number;
  readonly durationMs: number;
  /** Only if the invocation failed as a whole. Lambda delivers all its records again. */
  readonly isFailed?: true;
  readonly routes: { readonly [route: string]: RouteReport };
  /** Number of failed deliveries of all routes, by error code. */
  readonly failures: { readonly [code in DeliveryErrorCode]?: number };
}
