// The report of a delivery: what happened to one change in one route.

import type { DeliveryResult, Outcome, RouteResult } from "../delivery/delivery-result.ts";
import { ageAt, createdAtOf } from "../delivery/route-lag.ts";
import type { DeliveryErrorCode } from "../errors.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { Received } from "../intake/received.ts";
import type { Change, Origin } from "../record/change.ts";

/** One change in one route. It has neither a value nor a key of the item; `eventId` leads from it to the change. */
export interface DeliveryReport {
  readonly pipeline: string;
  readonly route: string;
  readonly origin: Origin;
  /** Undefined if the record could not be decoded, as are `kind` and `version`. */
  readonly eventId: string | undefined;
  readonly kind: Change["kind"] | undefined;
  readonly version: string | undefined;
  readonly outcome: Outcome;
  readonly code?: DeliveryErrorCode;
  /** Number of attempted writes. */
  readonly attempts: number;
  /** The delivery is in the retry queue. */
  readonly isQueued?: true;
  /** Age of the change when the route was done, in milliseconds. Absent if the record has no time. */
  readonly ageMs?: number;
}

type Settled = Pick<RouteResult, "route" | "results" | "endedAt">;

const reportOf = (
  pipeline: string,
  { origin }: Invocation,
  { route, endedAt }: Settled,
  one: Received,
  { outcome, error, attempts, isQueued }: DeliveryResult,
): DeliveryReport => {
  const { change } = one;
  const createdAt = createdAtOf(one);
  return {
    pipeline,
    route,
    origin,
    eventId: change?.eventId,
    kind: change?.kind,
    version: change?.version,
    outcome,
    ...(error && { code: error.code }),
    attempts,
    ...(isQueued && { isQueued }),
    ...(createdAt > 0 && { ageMs: ageAt(endedAt, createdAt) }),
  };
};

/** Calls `visit` with each delivery of an invocation, route by route, in the order of the event. */
export const eachDelivery = (
  pipeline: string,
  invocation: Invocation,
  routes: readonly Settled[],
  visit: (report: DeliveryReport, change: Change<unknown> | undefined) => void,
): void => {
  for (const route of routes) {
    invocation.received.forEach((one, position) => {
      const result = route.results.get(position);
      if (result !== undefined) visit(reportOf(pipeline, invocation, route, one, result), one.change);
    });
  }
};
