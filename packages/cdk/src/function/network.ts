// The one network of a function, which all its sinks share.

import { DeployError } from "@sluice/rules";
import type { SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { FunctionNetwork, SinkAccess } from "../sinks/sink-access.ts";

interface NamedNetwork {
  readonly name: string;
  readonly network: FunctionNetwork;
}

const subnetsOf = ({ vpc, subnets }: FunctionNetwork, selection: SubnetSelection | undefined = subnets): string =>
  [...vpc.selectSubnets(selection).subnetIds].sort().join(" ");

const checkSame = (first: NamedNetwork, next: NamedNetwork): void => {
  const [one, two] = [first.network, next.network];
  if (one.vpc !== two.vpc && one.vpc.vpcId !== two.vpc.vpcId) {
    throw new DeployError(
      "NETWORK_TWO_VPCS",
      `${first.name} needs the VPC ${one.vpc.node.path}, and ${next.name} the VPC ${two.vpc.node.path}; expected one VPC: a ` +
        "function has one network. Connect the VPCs and pass one of them to both, or make two pipelines.",
    );
  }
  if (one.subnets !== undefined && two.subnets !== undefined && subnetsOf(one) !== subnetsOf(two)) {
    throw new DeployError(
      "NETWORK_TWO_SUBNETS",
      `${first.name} and ${next.name} need different subnets of one VPC, expected the same: a function has one network. ` +
        "Pass the same subnets to both.",
    );
  }
};

/** Joins the networks of the sinks and of the function's own options. Throws if they differ. */
export const sharedNetwork = (
  sinks: readonly SinkAccess[],
  own: FunctionNetwork | undefined,
): FunctionNetwork | undefined => {
  const ofSinks = sinks.flatMap(({ name, network }) => (network ? [{ name: `the sink ${name}`, network }] : []));
  const all: readonly NamedNetwork[] = own ? [{ name: "functionOptions.network", network: own }, ...ofSinks] : ofSinks;
  const [first, ...others] = all;
  if (first === undefined) return undefined;
  for (const next of others) checkSame(first, next);
  const subnets = all.find(({ network }) => network.subnets !== undefined)?.network.subnets;
  const securityGroups = [...new Set(all.flatMap(({ network }) => network.securityGroups ?? []))];
  return {
    vpc: first.network.vpc,
    ...(subnets && { subnets }),
    ...(securityGroups.length > 0 && { securityGroups }),
  };
};
