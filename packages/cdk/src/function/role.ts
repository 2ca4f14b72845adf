// The role of a pipeline's function: its own log group, and a network interface if it runs in a VPC.

import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { allowActions } from "./allow.ts";

/**
 * What Lambda does with the role to attach a function to a VPC. These actions accept no resource.
 * @see https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html (read 2026-11-28)
 */
const interfaceActions = [
  "CreateNetworkInterface",
  "DescribeNetworkInterfaces",
  "DescribeSubnets",
  "DeleteNetworkInterface",
  "AssignPrivateIpAddresses",
  "UnassignPrivateIpAddresses",
].map((name) => `ec2:${name}`);

/** A role that may write to this log group. `AWSLambdaBasicExecutionRole` may write to all of the account. */
export const functionRole = (scope: Construct, logGroup: ILogGroup, isInVpc: boolean): Role => {
  const role = new Role(scope, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  logGroup.grantWrite(role);
  if (isInVpc) allowActions(role, interfaceActions, ["*"]);
  return role;
};
