// Stand-in for the types that core will export. Deleted when core's own types are merged.

import type { Outcome } from "../delivery/delivery-result.ts";
import type { DeliveryErrorCode } from "../errors.ts";
import type { Change, Origin } from "../record/change.ts";

/** Deliveries of one route in one invocation. */
export type RouteReport = { readonly [outcome in Outcome | "received"]: number } & {
  readonly queued: number;
  readonly durationMs: number;
  readonly lagMs?: number;
  readonly pendingAgeMs?: number;
};

/** Report of one invocation. */
export interface InvocationReport {
  readonly pipeline: string;
  readonly origin: Origin;
  readonly requestId?: string;
  readonly records: number;
  readonly reported: number;
  readonly queued: number;
  readonly durationMs: number;
  readonly routes: { readonly [route: string]: RouteReport };
  readonly failures: { readonly [code in DeliveryErrorCode]?: number };
}

/** Report of one delivery. */
export interface DeliveryReport {
  readonly pipeline: string;
  readonly route: string;
  readonly origin: Origin;
  readonly eventId: string;
  readonly kind: "insert" | "modify" | "remove" | undefined;
  readonly version?: string;
  readonly outcome: Outcome;
  readonly code?: DeliveryErrorCode;
  readonly attempts: number;
  readonly isQueued?: true;
  readonly ageMs?: number;
}

/** Observer. */
export interface Observer {
  readonly onInvocation?: (report: InvocationReport) => void;
  readonly onDelivery?: (delivery: DeliveryReport, change: Change | undefined) => void;
}
