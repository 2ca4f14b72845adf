// The filters of the routes, without environment variables, so that a stack can import them for the event source mapping.

import { type ItemFilter, matching } from "@sluice/core/filters";

/** Orders. */
export const isOrder: ItemFilter<{ readonly type: "order" }> = matching({ type: "order" });

/** Customers. */
export const isCustomer: ItemFilter<{ readonly type: "customer" }> = matching({ type: "customer" });
