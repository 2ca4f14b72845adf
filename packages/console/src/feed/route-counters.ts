// The numbers of one route.

import type { RowOutcome } from "../api/changes.ts";
import type { RouteNow } from "../api/overview.ts";
import type { RouteMeasure } from "./feed.ts";
import { secondSlots } from "./second-slots.ts";

/** The numbers of a route. Times are whole seconds, which never go back. */
export interface RouteCounters {
  readonly count: (second: number, outcome: RowOutcome) => void;
  readonly measure: (second: number, measure: RouteMeasure) => void;
  readonly now: (second: number) => Omit<RouteNow, "pipeline" | "route">;
}

/** The 95th percentile: the smallest value that at least 95 % of the values do not exceed. */
const p95 = (values: readonly number[]): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1];
};

const isNumber = (value: number | null): value is number => value !== null;

/** Creates the numbers of a route. `began` is the second in which the console began. */
export const routeCounters = (began: number): RouteCounters => {
  const counts: Record<RowOutcome, number> = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
  const slots = secondSlots(began);
  let last: Pick<RouteNow, "lagMs" | "pending" | "pendingAgeMs"> = {
    lagMs: undefined,
    pending: undefined,
    pendingAgeMs: undefined,
  };
  return {
    count: (second, outcome) => {
      counts[outcome] += 1;
      if (outcome === "rejected" || outcome === "retried") slots.fail(second);
      else slots.settle(second);
    },
    measure: (second, { lagMs, pending, pendingAgeMs }) => {
      if (lagMs !== undefined) {
        slots.lag(second, lagMs);
        last = { ...last, lagMs };
      }
      if (pending !== undefined) last = { ...last, pending, pendingAgeMs };
    },
    now: (second) => {
      const series = slots.series(second);
      const lagP95Ms = p95(series.lagMs.filter(isNumber));
      return { ...last, lagP95Ms, counts: { ...counts }, perSecond: slots.perSecond(second), series };
    },
  };
};
