// The stack of examples/deploy-cdk with targets that exist already, like those of the other deployers.

import { openSearchAccess, postgresAccess, type SinkAccess } from "@sluice/cdk";
import { FanOutStack } from "@sluice/example-deploy-cdk";
import { App, CfnParameter, type Stack } from "aws-cdk-lib";
import { SecurityGroup, Subnet, Vpc } from "aws-cdk-lib/aws-ec2";
import { Domain } from "aws-cdk-lib/aws-opensearchservice";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";

process.env.CDK_VALIDATION = "false";

/** A database, a search domain, and their network, as parameters. */
const existingTargets = (scope: Construct): readonly SinkAccess[] => {
  const parameter = (name: string): string => new CfnParameter(scope, name).valueAsString;
  const vpc = Vpc.fromVpcAttributes(scope, "Network", { vpcId: "vpc-1", availabilityZones: ["eu-west-1a"] });
  const subnet = Subnet.fromSubnetId(scope, "Subnet", parameter("SubnetIds"));
  const group = SecurityGroup.fromSecurityGroupId(scope, "Group", parameter("SecurityGroupId"));
  return [
    postgresAccess({
      secret: Secret.fromSecretCompleteArn(scope, "DatabaseSecret", parameter("DatabaseSecretArn")),
      vpc,
      subnets: { subnets: [subnet] },
      securityGroups: [group],
    }),
    openSearchAccess({
      domain: Domain.fromDomainAttributes(scope, "Search", {
        domainArn: parameter("SearchDomainArn"),
        domainEndpoint: parameter("SearchDomainEndpoint"),
      }),
      index: "orders",
    }),
  ];
};

/** The stack. Its functions are not bundled. */
export const fanOutStack = (): Stack => {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  return new FanOutStack(app, "FanOut", { targets: existingTargets, workflows: false });
};
