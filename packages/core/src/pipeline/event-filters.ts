// The filters of an event source mapping that pass every record for which a route of the pipeline would do something.

import type { Route } from "../delivery/route.ts";
import { type EventFilter, eventFilters, type ItemFilter, isItemFilter } from "../record/item-filter.ts";
import { invalid } from "./options.ts";

/** Why Lambda cannot decide for this route; undefined if it can. */
const obstacleOf = ({ removals, removesUnmatched, predicate }: Route): string | undefined => {
  if (removesUnmatched) return "has removesUnmatched, which acts on items that match no filter";
  if (removals.byTtl !== "delete" || removals.otherwise !== "delete") {
    return "has removes, so that an item that is inserted again may have a copy although it does not match";
  }
  return isItemFilter(predicate) ? undefined : "has no filter of matching(), so that it may act on every item";
};

/**
 * Returns the filters of an event source mapping for a pipeline's routes.
 * @throws {ConfigError} CONFIG_INVALID when a route may act on items that these filters would hide; the message names it.
 */
export const eventFiltersOf = (name: string, routes: readonly Route[]): readonly EventFilter[] => {
  if (routes.length === 0) throw invalid(`[${name}] the pipeline has no route; expected to(sink, mapper)`);
  for (const route of routes) {
    const obstacle = obstacleOf(route);
    if (obstacle !== undefined)
      throw invalid(`[${name}] Lambda cannot filter for the route ${route.name}: it ${obstacle}`);
  }
  return eventFilters(
    ...routes.flatMap(({ predicate }) => (isItemFilter(predicate) ? [predicate as ItemFilter<never>] : [])),
  );
};
