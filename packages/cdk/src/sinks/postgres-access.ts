// The access to Postgres: RDS, Aurora, or a proxy in front of them, by a secret or by IAM.

import { DeployError } from "@sluice/rules";
import { Duration } from "aws-cdk-lib";
import {
  CfnSecurityGroupEgress,
  CfnSecurityGroupIngress,
  type IConnectable,
  type ISecurityGroup,
  Port,
} from "aws-cdk-lib/aws-ec2";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { IConstruct } from "constructs";
import { type AnySecret, grantSecret, networkMember, type TargetNetwork } from "./shared.ts";
import type { SinkAccess } from "./sink-access.ts";

/** A database that IAM users can connect to: a cluster, an instance or a proxy of `aws-cdk-lib/aws-rds`. */
export interface IamDatabase {
  readonly grantConnect: (grantee: IGrantable, user: string) => unknown;
}

/** Options of `postgresAccess`. */
export interface PostgresAccessOptions extends TargetNetwork {
  /** The cluster, instance or proxy. Its security group is opened for the function. Default: no security group is changed. */
  readonly database?: IConnectable | undefined;
  /** The port that is opened. Default: the database's own, and 5432 for a proxy. */
  readonly port?: number | undefined;
  /** The secret with user, password, host, port and name of the database. Exactly one of `secret` and `iam` must be given. */
  readonly secret?: AnySecret | undefined;
  /** Tokens of IAM instead of a password: `rds-db:connect` for this user of the database. */
  readonly iam?: { readonly database: IamDatabase; readonly user: string } | undefined;
  /** The variable with the secret's ARN. Default `DATABASE_SECRET_ARN`. */
  readonly secretVariable?: string | undefined;
  /** More variables, such as host and name of the database. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether the server's certificate is from the authority of RDS, as without a proxy. Then `NODE_EXTRA_CA_CERTS` names the
   * file in which Lambda has this authority. Default true; for a proxy set false.
   */
  readonly usesRdsAuthority?: boolean | undefined;
  /** The sink's `timeoutMs`. Default 10 s. */
  readonly timeout?: Duration | undefined;
}

/** Where Lambda's Node.js runtimes have the certificates of RDS. */
const rdsCertificates = { NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem" };

const defaultPort = 5432;

const throwOutsideVpc = (target: LambdaFunction): never => {
  throw new DeployError(
    "FUNCTION_NOT_IN_VPC",
    `${target.node.path} is in no VPC, and postgresAccess has a database; expected a function in the database's VPC: a security ` +
      "group can be opened for another security group only. Set vpc of postgresAccess, or create the function of your own with " +
      "vpc. Leave database out if the database can be reached from the internet.",
  );
};

const idsOf = (groups: readonly ISecurityGroup[]): ReadonlySet<unknown> =>
  new Set(groups.map(({ securityGroupId }) => securityGroupId));

/** The rules between the security groups of a function and those of its target. */
const rulesBetween = (own: readonly ISecurityGroup[], others: readonly ISecurityGroup[]): readonly IConstruct[] => {
  const [ownIds, otherIds] = [idsOf(own), idsOf(others)];
  const isBetween = (rule: IConstruct): boolean => {
    if (rule instanceof CfnSecurityGroupIngress)
      return otherIds.has(rule.groupId) && ownIds.has(rule.sourceSecurityGroupId);
    if (rule instanceof CfnSecurityGroupEgress) {
      return ownIds.has(rule.groupId) && otherIds.has(rule.destinationSecurityGroupId);
    }
    return false;
  };
  return [...own, ...others].flatMap(({ node }) => node.findAll()).filter(isBetween);
};

/**
 * Opens the database's port for the function. The rule is made from the function's side, so that it belongs to the function's
 * stack: the stack of the function already refers to that of the database, and a reference back would be a cycle. The
 * function is deployed after the rule, so that it can connect at once. The function's own security group cannot wait for the
 * rule, which names it; therefore only the function itself does.
 */
const openPort = (database: IConnectable, target: LambdaFunction, port: number | undefined): void => {
  if (!target.isBoundToVpc) throwOutsideVpc(target);
  const { defaultPort: known = Port.tcp(defaultPort), securityGroups } = database.connections;
  target.connections.allowTo(database, port === undefined ? known : Port.tcp(port), "Sluice");
  target.node.defaultChild?.node.addDependency(...rulesBetween(target.connections.securityGroups, securityGroups));
};

const throwCredentials = (found: string): never => {
  throw new DeployError(
    "POSTGRES_CREDENTIALS",
    `postgresAccess has ${found}, expected one of them. Set secret: cluster.secret, or iam: { database, user }.`,
  );
};

/**
 * What `postgresSink` needs.
 * @throws {DeployError} POSTGRES_CREDENTIALS when there is neither a secret nor a user of IAM, or both.
 * `grant` throws FUNCTION_NOT_IN_VPC when there is a database, and the function is in no VPC.
 */
export const postgresAccess = (options: PostgresAccessOptions): SinkAccess => {
  const { database, secret, iam, usesRdsAuthority = true } = options;
  if (secret === undefined && iam === undefined) throwCredentials("no secret and no iam");
  if (secret !== undefined && iam !== undefined) throwCredentials("a secret and iam");
  return {
    name: "postgres",
    packages: ["pg"],
    maxSeconds: (options.timeout ?? Duration.seconds(10)).toSeconds(),
    environment: {
      ...(secret && { [options.secretVariable ?? "DATABASE_SECRET_ARN"]: secret.secretArn }),
      ...(usesRdsAuthority && rdsCertificates),
      ...options.environment,
    },
    ...networkMember(options),
    grant: (target) => {
      grantSecret(secret, target);
      iam?.database.grantConnect(target, iam.user);
      if (database) openPort(database, target, options.port);
    },
  };
};
