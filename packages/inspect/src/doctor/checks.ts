// The checks of all areas.

import type { Facts } from "./facts.ts";
import type { Check } from "./finding.ts";
import { alarmsCheck } from "./operation/alarms.ts";
import { metricsCheck } from "./operation/metrics.ts";
import { upkeepCheck } from "./operation/upkeep.ts";
import { versionsCheck } from "./operation/versions.ts";
import { rightsCheck } from "./rights/rights-check.ts";
import { alarmRoutesCheck, targetsCheck } from "./targets/targets-check.ts";
import { tombstonesCheck } from "./targets/tombstones.ts";

/** The checks, in the order of the areas. */
export const checks: readonly Check<Facts>[] = [
  rightsCheck,
  tombstonesCheck,
  targetsCheck,
  alarmRoutesCheck,
  alarmsCheck,
  metricsCheck,
  upkeepCheck,
  versionsCheck,
];
