// Statements of identity policies. CDK's own grants have more actions than Sluice's code calls.

import { type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";

/** What a statement allows, and on what condition. */
export interface Allowance {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, unknown>>;
}

/** Adds a statement to the policy of a role or a function. */
export const allow = (grantee: IGrantable, { actions, resources, conditions }: Allowance): void => {
  const statement = new PolicyStatement({
    actions: [...actions],
    resources: [...resources],
    ...(conditions && { conditions }),
  });
  grantee.grantPrincipal.addToPrincipalPolicy(statement);
};
