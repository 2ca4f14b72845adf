// What a sink needs of the functions that use it: rights, a network, and environment variables.

import type { ISecurityGroup, IVpc, SubnetSelection, Vpc } from "aws-cdk-lib/aws-ec2";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";

/**
 * What a function does with a sink's target. `write` is what the pipeline's function does. `compare` is what `sluice
 * verify` and its worker do, besides `write`. `ensure` is what creates and changes the target's schema.
 */
export type SinkUse = "write" | "compare" | "ensure";

/** The network of a function. All sinks of one function share it. */
export interface FunctionNetwork {
  /** The class is named because it does not fit the interface under exactOptionalPropertyTypes. */
  readonly vpc: IVpc | Vpc;
  /** Default: the private subnets of the VPC. */
  readonly subnets?: SubnetSelection | undefined;
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
}

/** The access to one sink's target. `postgresAccess`, `openSearchAccess` and the other functions of this package create it. */
export interface SinkAccess {
  /** A name for errors and for the ids of constructs: `postgres`. */
  readonly name: string;
  /** The network in which the function must run. Default: any. */
  readonly network?: FunctionNetwork | undefined;
  /** Environment variables of the function. Two sinks must not set one variable to different values. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Packages that the sink loads: `["pg"]`. The construct refuses a project that has not installed them. */
  readonly packages?: readonly string[] | undefined;
  /** The longest time in seconds that one request of the sink may take, for the check of the function's timeout. */
  readonly maxSeconds?: number | undefined;
  /** Gives the function's role the rights of this use, and opens security groups. */
  readonly grant: (target: LambdaFunction, use: SinkUse) => void;
}
