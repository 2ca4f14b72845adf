// Statements of a role's policy.

import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { acknowledgeWildcards } from "../acknowledge.ts";

/** Adds a statement to the policy of a role. */
export const allowActions = (
  grantee: IGrantable,
  actions: readonly string[],
  resourceArns: readonly string[],
  conditions?: Record<string, Record<string, unknown>>,
): Grant => {
  acknowledgeWildcards(grantee.grantPrincipal, resourceArns);
  return Grant.addToPrincipal({
    grantee,
    actions: [...actions],
    resourceArns: [...resourceArns],
    ...(conditions && { conditions }),
  });
};
