// What several accesses share: the network of a target, secrets, and keys.

import { rightRows } from "@sluice/rules";
import type { ISecurityGroup, IVpc, SubnetSelection, Vpc } from "aws-cdk-lib/aws-ec2";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { allowActions } from "../function/allow.ts";
import type { FunctionNetwork } from "./sink-access.ts";

/** A secret. The class is named because it does not fit the interface under exactOptionalPropertyTypes. */
export type AnySecret = ISecret | Secret;

/** The network of a target. */
export interface TargetNetwork {
  /** The VPC in which the function must run to reach the target. Default: any network. */
  readonly vpc?: IVpc | Vpc | undefined;
  /** Default: the private subnets of the VPC. */
  readonly subnets?: SubnetSelection | undefined;
  /** Security groups of the function. Default: one of its own. */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
}

/** The member `network` of an access, or nothing. */
export const networkMember = ({
  vpc,
  subnets,
  securityGroups,
}: TargetNetwork): { readonly network?: FunctionNetwork } =>
  vpc ? { network: { vpc, ...(subnets && { subnets }), ...(securityGroups && { securityGroups }) } } : {};

/** Secrets Manager adds six characters to the name of a secret, which the ARN of an imported secret may lack. */
const arnOf = (secret: AnySecret): string => secret.secretFullArn ?? `${secret.secretArn}-??????`;

/** Lets a function read a secret, and decrypt it through Secrets Manager alone. */
export const grantSecret = (secret: AnySecret | undefined, target: LambdaFunction): void => {
  if (secret === undefined) return;
  allowActions(target, rightRows.postgresSecret.actions, [arnOf(secret)]);
  if (secret.encryptionKey === undefined) return;
  allowActions(target, rightRows.postgresSecretKey.actions, [secret.encryptionKey.keyArn], {
    StringEquals: { "kms:ViaService": `secretsmanager.${secret.env.region}.amazonaws.com` },
  });
};

/** Lets a function send to a topic or queue that encrypts each message with a data key. */
export const grantDataKeys = (key: IKey | undefined, target: LambdaFunction): void => {
  if (key) allowActions(target, rightRows.topicKey.actions, [key.keyArn]);
};
