// The access to Postgres: RDS, Aurora, or a proxy in front of them, by a secret or by IAM.

import { Duration } from "aws-cdk-lib";
import type { IConnectable } from "aws-cdk-lib/aws-ec2";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import { DeployError } from "../errors.ts";
import { grantSecret, networkMember, type TargetNetwork } from "./shared.ts";
import type { SinkAccess } from "./sink-access.ts";

/** A database that IAM users can connect to: a cluster, an instance or a proxy of `aws-cdk-lib/aws-rds`. */
export interface IamDatabase {
  readonly grantConnect: (grantee: IGrantable, user: string) => unknown;
}

/** Options of `postgresAccess`. */
export interface PostgresAccessOptions extends TargetNetwork {
  /** The cluster, instance or proxy. Its security group is opened for the function. Default: no security group is changed. */
  readonly database?: IConnectable | undefined;
  /** The secret with user, password, host, port and name of the database. Either `secret` or `iam` must be given. */
  readonly secret?: ISecret | undefined;
  /** Tokens of IAM instead of a password: `rds-db:connect` for this user of the database. */
  readonly iam?: { readonly database: IamDatabase; readonly user: string };
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

/** Opens the database's port for the function. The function is deployed after the rule, so that it can connect at once. */
const openPort = (database: IConnectable, target: LambdaFunction): void => {
  database.connections.allowDefaultPortFrom(target, "Sluice");
  const isOutside = target.connections.securityGroups.every(({ node }) => !node.scopes.includes(target));
  const groups = database.connections.securityGroups;
  if (isOutside) target.node.addDependency(...groups);
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
