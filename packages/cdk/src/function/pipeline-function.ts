// The Lambda function of a pipeline: a NodejsFunction with its own role and log group.

import { DeployError } from "@sluice/rules";
import { Annotations, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { SecurityGroup } from "aws-cdk-lib/aws-ec2";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import {
  Alias,
  Architecture,
  type Code,
  type IFunction,
  type IVersion,
  Function as LambdaFunction,
  type FunctionOptions as LambdaOptions,
  LoggingFormat,
  Runtime,
  RuntimeFamily,
  type Tracing,
} from "aws-cdk-lib/aws-lambda";
import { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { type ILogGroup, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { checkRange, knownNumber, knownSeconds } from "../pipeline/known.ts";
import type { FunctionNetwork } from "../sinks/sink-access.ts";
import { type BundleOptions, bundlingOf, checkEntry, checkEsbuild } from "./bundling.ts";
import { functionRole } from "./role.ts";

/** Options of the function of a pipeline. */
export interface FunctionOptions {
  /**
   * Default 60 seconds: a batch of 1,000 takes seconds, and a slow target must not hold a batch much longer. The retry
   * queue's visibility is six times this time.
   */
  readonly timeout?: Duration;
  /** In MB. Default 512: below, the share of a core makes the cold start and the decoding of batches slow. */
  readonly memorySize?: number;
  /** Default arm64, which costs a fifth less. */
  readonly architecture?: Architecture;
  /** Default `NODEJS_24_X`. At least `NODEJS_22_X`. */
  readonly runtime?: Runtime;
  /**
   * The most invocations at once, also a guarantee of as many. Default: no limit. A limit below the number of shards times
   * `parallelizationFactor` delays shards; use it to protect a database with few connections.
   */
  readonly reservedConcurrency?: number;
  /**
   * Environments that are kept warm. Default none: a stream keeps its environments warm itself, and a cold start delays
   * changes by less than a second. Seldom worth its price.
   */
  readonly provisionedConcurrency?: number;
  /** Default one month: longer than dead letters live, so that the log still explains each. */
  readonly logRetention?: RetentionDays;
  /**
   * A key that encrypts the log group. CloudWatch Logs gets the right to use it; the policy of an imported key must have this
   * right already. Default: a key that AWS owns.
   */
  readonly logEncryptionKey?: IKey;
  /** Default `DESTROY`: the log group is deleted with the stack. */
  readonly logRemovalPolicy?: RemovalPolicy;
  /** A key that encrypts environment variables. Default: a key that AWS owns. */
  readonly environmentEncryption?: IKey;
  /** The network of the function. Default: that of the sinks, or none. */
  readonly network?: FunctionNetwork;
  /** X-Ray. Default: off. */
  readonly tracing?: Tracing;
  readonly description?: string;
  /** How the code is bundled. */
  readonly bundling?: BundleOptions;
  /** The lock file of the project. Default: the nearest above the directory in which `cdk` runs. */
  readonly depsLockFilePath?: string;
  /** The directory that contains the entry and the lock file. Default: that of the lock file. */
  readonly projectRoot?: string;
}

/** Options of `PipelineFunction`. */
export interface PipelineFunctionProps extends FunctionOptions {
  /** The file that exports the handler. */
  readonly entry?: string;
  /** Code that you bundled yourself, instead of `entry`. Then `handler` is `file.export`. */
  readonly code?: Code;
  /** The name of the export. Default `handler`. */
  readonly handler?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The function of a pipeline, with its role, its log group and, for provisioned concurrency, its alias. */
export class PipelineFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: ILogGroup;
  /** What event sources invoke: the alias with provisioned concurrency, or the function. */
  readonly target: IFunction;

  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    super(scope, id);
    checkRuntime(props.runtime);
    checkSizes(props);
    if (props.logEncryptionKey) allowLogs(this, props.logEncryptionKey);
    this.logGroup = new LogGroup(this, "Logs", {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: props.logRemovalPolicy ?? RemovalPolicy.DESTROY,
      ...(props.logEncryptionKey && { encryptionKey: props.logEncryptionKey }),
    });
    this.function = newFunction(this, props, this.logGroup);
    this.target = targetOf(this, this.function, props.provisionedConcurrency);
  }
}

/**
 * CloudWatch Logs creates no group with a key that it may not use.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html (read 2026-11-28)
 */
const allowLogs = (scope: Construct, key: IKey): void => {
  const { partition, region, account } = Stack.of(scope);
  const groups = `arn:${partition}:logs:${region}:${account}:*`;
  const service = new ServicePrincipal(`logs.${region}.amazonaws.com`).withConditions({
    ArnLike: { "kms:EncryptionContext:aws:logs:arn": groups },
  });
  key.grant(service, "kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*");
};

const oldestRuntime = 22;

/** Throws if the runtime is known to lack what the packages need. */
export const checkRuntime = (runtime: Runtime | undefined): void => {
  if (runtime === undefined) return;
  const version = Number(/^nodejs(\d+)/.exec(runtime.name)?.[1] ?? Number.NaN);
  const isNode = runtime.family === RuntimeFamily.NODEJS;
  if (isNode && (Number.isNaN(version) || version >= oldestRuntime)) return;
  throw new DeployError(
    "RUNTIME_TOO_OLD",
    `the runtime is ${runtime.name}, expected nodejs22.x or later: the packages of Sluice and the AWS SDK need it. ` +
      "Leave runtime out, or set Runtime.NODEJS_24_X.",
  );
};

const checkSizes = ({
  timeout,
  memorySize,
  reservedConcurrency,
  provisionedConcurrency,
}: PipelineFunctionProps): void => {
  const most = 1_000_000;
  checkRange(
    "the function's timeout in seconds",
    knownSeconds(timeout),
    [1, 900],
    "Lambda ends a function after 15 minutes",
  );
  checkRange("the function's memorySize", memorySize, [128, 10_240], "Lambda has no other sizes, in MB");
  checkRange("functionOptions.reservedConcurrency", reservedConcurrency, [0, most], "it is a number of invocations");
  checkRange(
    "functionOptions.provisionedConcurrency",
    provisionedConcurrency,
    [1, most],
    "it is a number of environments",
  );
  const [reserved, provisioned] = [knownNumber(reservedConcurrency), knownNumber(provisionedConcurrency)];
  if (reserved === undefined || provisioned === undefined || provisioned <= reserved) return;
  throw new DeployError(
    "PROVISIONED_OVER_RESERVED",
    `functionOptions.provisionedConcurrency is ${provisioned}, expected at most reservedConcurrency, which is ${reserved}: Lambda ` +
      "refuses to keep more environments than may run. Raise reservedConcurrency, or leave provisionedConcurrency out.",
  );
};

/** The security group is outside of the function, so that the function may depend on a rule that names the group. */
const networkOf = (scope: Construct, network: FunctionNetwork | undefined) =>
  network && {
    vpc: network.vpc,
    securityGroups: [...(network.securityGroups ?? [new SecurityGroup(scope, "SecurityGroup", { vpc: network.vpc })])],
    ...(network.subnets && { vpcSubnets: network.subnets }),
  };

const newFunction = (scope: PipelineFunction, props: PipelineFunctionProps, logGroup: ILogGroup): LambdaFunction => {
  const { runtime = Runtime.NODEJS_24_X, entry, code, handler } = props;
  const options: LambdaOptions = {
    timeout: props.timeout ?? Duration.seconds(60),
    memorySize: props.memorySize ?? 512,
    architecture: props.architecture ?? Architecture.ARM_64,
    role: functionRole(scope, logGroup, props.network !== undefined),
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    environment: { ...props.environment },
    ...networkOf(scope, props.network),
    ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
    ...(props.environmentEncryption && { environmentEncryption: props.environmentEncryption }),
    ...(props.tracing && { tracing: props.tracing }),
    ...(props.description !== undefined && { description: props.description }),
  };
  if (code !== undefined) {
    return new LambdaFunction(scope, "Function", { ...options, runtime, code, handler: handler ?? "index.handler" });
  }
  const { depsLockFilePath, projectRoot } = props;
  checkEsbuild(props.bundling);
  return new NodejsFunction(scope, "Function", {
    ...options,
    runtime,
    entry: checkEntry(required(entry)),
    handler: handler ?? "handler",
    bundling: bundlingOf(props.bundling),
    ...(depsLockFilePath !== undefined && { depsLockFilePath }),
    ...(projectRoot !== undefined && { projectRoot }),
  });
};

const required = (entry: string | undefined): string => {
  if (entry !== undefined) return entry;
  throw new DeployError(
    "ENTRY_OR_FUNCTION",
    "there is no entry and no code, expected one of them. Set entry to the file that exports the handler.",
  );
};

const targetOf = (scope: Construct, fn: LambdaFunction, provisioned: number | undefined): IFunction => {
  if (provisioned === undefined) return fn;
  Annotations.of(scope).addWarningV2(
    "@sluice/cdk:provisioned-concurrency",
    "Provisioned concurrency is seldom worth its price for a stream: the stream keeps its environments warm, and a cold " +
      "start delays changes by less than a second. Remove functionOptions.provisionedConcurrency, or acknowledge this warning.",
  );
  // The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes.
  return new Alias(scope, "Live", {
    aliasName: "live",
    version: fn.currentVersion as IVersion,
    provisionedConcurrentExecutions: provisioned,
  }) as IFunction;
};
