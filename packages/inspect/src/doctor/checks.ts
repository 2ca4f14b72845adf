// The checks of all areas.

import type { Facts } from "./facts.ts";
import type { Check } from "./finding.ts";
import { functionChecks } from "./live/function-checks.ts";
import { mappingChecks } from "./live/mapping-checks.ts";
import { queueChecks } from "./live/queue-checks.ts";
import { streamChecks } from "./live/stream-checks.ts";
import { alarmsCheck } from "./operation/alarms.ts";
import { metricsCheck } from "./operation/metrics.ts";
import { upkeepCheck } from "./operation/upkeep.ts";
import { verifyCheck } from "./operation/verify.ts";
import { versionsCheck } from "./operation/versions.ts";
import { rightsCheck } from "./rights/rights-check.ts";
import { ruleChecks } from "./rules/rule-checks.ts";
import { alarmRoutesCheck, targetsCheck } from "./targets/targets-check.ts";
import { tombstonesCheck } from "./targets/tombstones.ts";

/** The checks. Those of one area need not stand together. */
export const checks: readonly Check<Facts>[] = [
  ...mappingChecks,
  ...streamChecks,
  ...functionChecks,
  ...queueChecks,
  ...ruleChecks,
  rightsCheck,
  tombstonesCheck,
  targetsCheck,
  alarmRoutesCheck,
  alarmsCheck,
  metricsCheck,
  upkeepCheck,
  versionsCheck,
  verifyCheck,
];
