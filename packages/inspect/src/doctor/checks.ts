// The checks of all areas.

import type { Facts } from "./facts.ts";
import type { Check } from "./finding.ts";

/** The checks, in the order of the areas. */
export const checks: readonly Check<Facts>[] = [];
