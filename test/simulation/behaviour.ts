// What the user's code does: filters and mappers. The expectation of the oracles is computed from the same plan, but
// from the table's changes, not from the library's.

import type { FilterPlan, Plan, RoutePlan } from "./plan.ts";
import type { Item } from "./table.ts";

export const routeName = ({ name, writes }: RoutePlan): string => name ?? writes;

/** Whether a filter matches an item at a time. */
export const matches = (filter: FilterPlan, item: Item, now: number): boolean => {
  if (filter.kind === "all") return true;
  return filter.kind === "clock" ? item.expires > now : filter.types.includes(item.type);
};

/** The content of a copy. */
export const contentOf = ({ rev, type }: Item): string => `${type}${rev}`;

/** Whether the mapper of a route throws for a change, because its bug is not yet fixed. */
export const isBroken = (plan: Plan, { mapper }: RoutePlan, position: number, elapsed: number): boolean =>
  mapper === "throws" && elapsed < plan.fixedAt && plan.throwing.includes(position);
