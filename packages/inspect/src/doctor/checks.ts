// The checks of all areas.

import type { Facts } from "./facts.ts";
import type { Check } from "./finding.ts";
import { functionChecks } from "./live/function-checks.ts";
import { mappingChecks } from "./live/mapping-checks.ts";
import { queueChecks } from "./live/queue-checks.ts";
import { streamChecks } from "./live/stream-checks.ts";
import { ruleChecks } from "./rules/rule-checks.ts";

/** The checks. Those of one area need not stand together. */
export const checks: readonly Check<Facts>[] = [
  ...mappingChecks,
  ...streamChecks,
  ...functionChecks,
  ...queueChecks,
  ...ruleChecks,
];
