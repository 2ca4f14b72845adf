// The access to Postgres: RDS, Aurora, or a proxy in front of them, by a secret or by IAM.

import { Duration } from "aws-cdk-lib";
import { type IConnectable, Port } from "aws-cdk-lib/aws-ec2";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { DeployError } from "../errors.ts";
import { type AnySecret, grantSecret, networkMember, type TargetNetwork } from "./shared.ts";
import type { SinkAccess } from "./sink-access.ts";

/** A database that IAM users can connect to: a cluster, an instance or a proxy of `aws-cdk-lib/aws-rds`. */
export interface IamDatabase {
  readonly grantConnect: (grantee: IGrantable, user: string) => unknown;
}

/** Options of `postgresAccess`. */
export interface PostgresAccessOptions extends TargetNetwork {
  /**
   * The cluster, instance or proxy. Its security group is opened for the function, which needs `vpc`. Default: no security
   * group is changed.
   */
  readonly database?: IConnectable;
  /** The secret with user, password, host, port and name of the database. Either `secret` or `iam` must be given. */
  readonly secret?: AnySecret;
  /** Tokens of IAM instead of a password: `rds-db:connect` for this user of the database. */
  readonly iam?: { readonly database: IamDatabase; readonly user: string };
  /** The variable with the secret's ARN. Default `DATABASE_SECRET_ARN`. */
  readonly secretVariable?: string;
  /** More variables, such as host and name of the database. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Whether the server's certificate is from the authority of RDS, as without a proxy. Then `NODE_EXTRA_CA_CERTS` names the
   * file in which Lambda has this authority. Default true; for a proxy set false.
   */
  readonly usesRdsAuthority?: boolean;
  /** The sink's `timeoutMs`. Default 10 s. */
  readonly timeout?: Duration;
}

/** Where Lambda's Node.js runtimes have the certificates of RDS. */
const rdsCertificates = { NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem" };

/** The port of Postgres. A proxy's construct does not know its port. */
const postgresPort = 5_432;

const checkNetwork = (target: LambdaFunction): void => {
  if (target.isBoundToVpc) return;
  throw new DeployError(
    "POSTGRES_NETWORK",
    `postgresAccess has a database, and the function ${target.node.path} has no VPC; expected a VPC: only in the database's ` +
      "network can the function reach its security group. Pass vpc beside database, or leave database out.",
  );
};

/**
 * Opens the database's port for the function. The function is deployed after the rule, so that it can connect at once. The
 * rule begins at the function: of two stacks, the function's one depends on the database's one.
 */
const openPort = (database: IConnectable, target: LambdaFunction): void => {
  checkNetwork(target);
  target.connections.allowTo(database, database.connections.defaultPort ?? Port.tcp(postgresPort), "Sluice");
  const own = target.connections.securityGroups;
  const isOutside = own.every(({ node }) => !node.scopes.includes(target));
  if (isOutside) target.node.addDependency(...own, ...database.connections.securityGroups);
};

/**
 * What `postgresSink` needs.
 * @throws {DeployError} POSTGRES_CREDENTIALS when there is neither a secret nor a user of IAM.
 */
export const postgresAccess = (options: PostgresAccessOptions): SinkAccess => {
  const { database, secret, iam, usesRdsAuthority = true } = options;
  if (secret === undefined && iam === undefined) {
    throw new DeployError(
      "POSTGRES_CREDENTIALS",
      "postgresAccess has no secret and no iam, expected one of them. Set secret: cluster.secret, or iam: { database, user }.",
    );
  }
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
      if (database) openPort(database, target);
    },
  };
};
