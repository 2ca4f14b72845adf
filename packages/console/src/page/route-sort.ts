// The order of the routes in the table of the overview, as the address says it. No DOM.

import type { RouteNow } from "../api/overview.ts";
import type { AddressQuery } from "./address.ts";

/** A column that routes can be sorted by. */
export type SortColumn = "lag" | "p95" | "rate" | "pending" | "failed";

/** An order of routes; without a column, that of the pipelines' modules. */
export interface RouteSort {
  readonly column: SortColumn | undefined;
  readonly isAscending: boolean;
}

/** The columns, and what they are called. */
export const sortColumns: Readonly<Record<SortColumn, string>> = {
  lag: "Lag",
  p95: "Lag p95",
  rate: "Rate",
  pending: "Pending",
  failed: "Rejected and retried",
};

const isColumn = (text: string | undefined): text is SortColumn =>
  text !== undefined && Object.hasOwn(sortColumns, text);

/** Reads the order: `sort=lag`, `sort=lag&order=asc`. */
export const sortOf = (query: AddressQuery): RouteSort => ({
  column: isColumn(query.sort) ? query.sort : undefined,
  isAscending: query.order === "asc",
});

/** The order as a query. */
export const sortQuery = ({ column, isAscending }: RouteSort): Readonly<Record<string, string | undefined>> => ({
  sort: column,
  order: column !== undefined && isAscending ? "asc" : undefined,
});

/** The order after a click on a column: highest first, lowest first, as before. */
export const nextSort = (sort: RouteSort, column: SortColumn): RouteSort => {
  if (sort.column !== column) return { column, isAscending: false };
  return sort.isAscending ? { column: undefined, isAscending: false } : { column, isAscending: true };
};

const measures: Readonly<Record<SortColumn, (route: RouteNow) => number | undefined>> = {
  lag: (route) => route.lagMs,
  p95: (route) => route.lagP95Ms,
  rate: (route) => route.perSecond,
  pending: (route) => route.pending,
  failed: (route) => route.counts.rejected + route.counts.retried,
};

/** The routes in an order. Routes without a value come last in both directions. */
export const sortRoutes = (routes: readonly RouteNow[], { column, isAscending }: RouteSort): readonly RouteNow[] => {
  if (column === undefined) return routes;
  const value = measures[column];
  const direction = isAscending ? 1 : -1;
  return [...routes].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
    return (left - right) * direction;
  });
};
