// The environment variables of a pipeline's function.

import { Token } from "aws-cdk-lib";
import { DeployError } from "../errors.ts";
import type { FunctionNetwork, SinkAccess } from "../sinks/sink-access.ts";

type Variables = Readonly<Record<string, string>>;

/** A list of variables, and who asks for it. */
export interface NamedVariables {
  readonly owner: string;
  readonly variables: Variables | undefined;
}

const same = (one: string, other: string): boolean =>
  one === other ||
  (Token.isUnresolved(one) && Token.isUnresolved(other) && Token.asString(one) === Token.asString(other));

/** Joins lists of variables. @throws {DeployError} when two of them set a variable to different values. */
export const mergedVariables = (lists: readonly NamedVariables[]): Variables => {
  const merged = new Map<string, { readonly owner: string; readonly value: string }>();
  for (const { owner, variables = {} } of lists) {
    for (const [name, value] of Object.entries(variables)) {
      const before = merged.get(name);
      if (before !== undefined && !same(before.value, value)) {
        throw new DeployError(
          "VARIABLE_CONFLICT",
          `${before.owner} and ${owner} set the variable ${name} to different values; expected one value. Rename one of them`,
        );
      }
      merged.set(name, { owner, value });
    }
  }
  return Object.fromEntries([...merged].map(([name, { value }]) => [name, value]));
};

/** Returns the network of a function with these sinks. @throws {DeployError} when they need two VPCs. */
export const networkOf = (sinks: readonly SinkAccess[]): FunctionNetwork | undefined => {
  const [first, ...others] = sinks.filter(({ network }) => network !== undefined);
  const other = others.find(({ network }) => network?.vpc.vpcId !== first?.network?.vpc.vpcId);
  if (other !== undefined) {
    throw new DeployError(
      "TWO_NETWORKS",
      `the sinks ${first?.name} and ${other.name} need different VPCs, and a function runs in one; expected one VPC. Make two pipelines, or connect the networks`,
    );
  }
  const groups = sinks.flatMap(({ network }) => network?.securityGroups ?? []);
  return first?.network && { ...first.network, ...(groups.length > 0 && { securityGroups: [...new Set(groups)] }) };
};
