// A failure for each alarm of the list, in the order of the list, and further failures of an idle table.

import { ofDeliveries } from "./failures/deliveries.ts";
import type { Failure } from "./failures/failure.ts";
import { ofLag } from "./failures/lag.ts";
import { ofLambda } from "./failures/lambda.ts";
import { ofWorkflows } from "./failures/workflows.ts";

export { idleFailures } from "./failures/idle.ts";

export const failures: readonly Failure[] = [...ofLag, ...ofDeliveries, ...ofLambda, ...ofWorkflows];
