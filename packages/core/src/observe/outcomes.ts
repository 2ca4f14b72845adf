// The outcomes of deliveries, and the routes that have some.

import type { Outcome } from "../delivery/delivery-result.ts";
import type { InvocationReport, RouteReport } from "./report.ts";

/** Every outcome. Together they are all deliveries that a route received. */
export const outcomes: readonly Outcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];

/** The routes that received deliveries: an event of the retry queue has deliveries of a few routes only. */
export const busyRoutes = ({ routes }: InvocationReport): readonly (readonly [string, RouteReport])[] =>
  Object.entries(routes).filter(([, { received }]) => received > 0);
