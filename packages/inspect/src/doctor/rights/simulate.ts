// Asks IAM whether a role may do what it must.

import type { ContextEntry, EvaluationResult } from "@aws-sdk/client-iam";
import { type Answer, ask } from "../../aws/answer.ts";
import type { Clients } from "../../aws/clients.ts";
import type { ResourceNeed } from "./needs.ts";

/** What IAM decided about an action. */
export interface Decision {
  readonly action: string;
  readonly decision: "allowed" | "explicitDeny" | "implicitDeny";
  /** Keys of conditions whose values the simulation does not know. */
  readonly missingContext: readonly string[];
  /** The policies whose statements decided. */
  readonly policies: readonly string[];
}

const decisionOf = ({
  EvalActionName = "",
  EvalDecision = "implicitDeny",
  MissingContextValues = [],
  MatchedStatements = [],
}: EvaluationResult): Decision => ({
  action: EvalActionName,
  decision: EvalDecision as Decision["decision"],
  missingContext: MissingContextValues,
  policies: [...new Set(MatchedStatements.flatMap(({ SourcePolicyId }) => SourcePolicyId ?? []))],
});

/** The constructs allow the use of a bucket only while it belongs to the function's account. */
const contextOf = (account: string): ContextEntry[] => [
  { ContextKeyName: "s3:ResourceAccount", ContextKeyType: "string", ContextKeyValues: [account] },
];

/** The decisions about the actions on a resource; undefined if the role does not exist. */
export const simulate = (
  { iam }: Clients,
  role: string,
  account: string,
  { resource, actions }: ResourceNeed,
): Promise<Answer<readonly Decision[] | undefined>> =>
  ask<readonly Decision[] | undefined>(
    "iam:SimulatePrincipalPolicy",
    async (abortSignal) => {
      const decisions: Decision[] = [];
      let marker: string | undefined;
      do {
        const page = await iam.simulatePrincipalPolicy(
          {
            PolicySourceArn: role,
            ActionNames: [...actions],
            ResourceArns: [resource],
            ContextEntries: contextOf(account),
            ...(marker !== undefined && { Marker: marker }),
          },
          { abortSignal },
        );
        decisions.push(...(page.EvaluationResults ?? []).map(decisionOf));
        marker = page.IsTruncated === true ? page.Marker : undefined;
      } while (marker !== undefined);
      return decisions;
    },
    () => undefined,
  );
