// The entry point `@sluice/core/filters`, for filters of pipelines and for stacks. It loads nothing else of core.

export {
  type AttributeCondition,
  type EventFilter,
  eventFilters,
  type ItemConditions,
  type ItemFilter,
  type MatchingItem,
  matching,
} from "./record/item-filter.ts";
