// The Lambda function of a pipeline: bundled with esbuild, with a role that holds nothing but what its sinks need.

import { existsSync } from "node:fs";
import { Annotations, Duration, RemovalPolicy, Token } from "aws-cdk-lib";
import { SecurityGroup } from "aws-cdk-lib/aws-ec2";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Alias,
  Architecture,
  type IFunction,
  type Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  RuntimeFamily,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { type BundlingOptions, NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { type ILogGroup, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { DeployError } from "../errors.ts";
import type { FunctionNetwork } from "../sinks/sink-access.ts";

/** Settings of a function. Each has a default with which a pipeline runs well. */
export interface FunctionSettings {
  /** Name of the export that Lambda calls. Default `handler`. */
  readonly handler?: string;
  /** Default 60 s: enough for a batch of 1,000 changes whose target answers slowly, and short enough for a fast retry. */
  readonly timeout?: Duration;
  /** Megabytes. Default 512: below it, a share of a core makes the first invocation slow; above it, most targets are slower. */
  readonly memorySize?: number;
  /** Default arm64: a fifth cheaper for each second than x86_64. */
  readonly architecture?: Architecture;
  /** Default Node.js 24. The AWS SDK requires Node.js 22 or newer from January 2027. */
  readonly runtime?: Runtime;
  /**
   * Executions that this function has for itself, and its maximum. Default: none, because the mapping limits a stream to
   * shards × `parallelizationFactor`. Set it to protect a target with few connections.
   */
  readonly reservedConcurrency?: number;
  /**
   * Environments that are kept warm. Seldom worth it: the pollers of a stream call the function all the time, so it rarely
   * starts cold, and a change may wait a second for a cold start. Default: none.
   */
  readonly provisionedConcurrency?: number;
  /** How long the log is kept. Default: a month. */
  readonly logRetention?: RetentionDays;
  /** Your own log group, instead of one with `logRetention`. */
  readonly logGroup?: ILogGroup;
  /** More variables of the function's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Traces with X-Ray. Default: off. */
  readonly tracing?: Tracing;
  /** Changes of the bundling. Default: see `docs/bundling.md`; the SDK is part of the bundle. */
  readonly bundling?: BundlingOptions;
  /** The lock file of the project. Default: the nearest one above `entry`. */
  readonly depsLockFilePath?: string;
  /** The folder that contains `entry` and its packages. Default: the folder of the lock file. */
  readonly projectRoot?: string;
}

/** Options of `PipelineFunction`. */
export interface PipelineFunctionProps extends FunctionSettings {
  /** The file that exports the handler: `src/orders.ts`. */
  readonly entry: string;
  readonly network?: FunctionNetwork;
  readonly description?: string;
}

/** The oldest runtime for which AWS still publishes its SDK after January 2027. */
const oldestNode = 22;

const nodeVersionOf = (runtime: Runtime): number => Number(/^nodejs(\d+)/.exec(runtime.name)?.[1] ?? 0);

const checkRuntime = (runtime: Runtime): void => {
  if (runtime.family === RuntimeFamily.NODEJS && nodeVersionOf(runtime) >= oldestNode) return;
  throw new DeployError(
    "RUNTIME_TOO_OLD",
    `the runtime is ${runtime.name}; expected nodejs${oldestNode}.x or newer. Leave out the option runtime`,
  );
};

const checkEntry = (entry: string): void => {
  if (existsSync(entry)) return;
  throw new DeployError(
    "ENTRY_MISSING",
    `the file ${entry} does not exist; expected the file that exports the handler. Relative paths start at ${process.cwd()}`,
  );
};

/**
 * Settings of esbuild. ES modules that a package ships are smaller than its CommonJS twins, and a bundled SDK starts
 * faster than the runtime's (docs/bundle-size.md).
 */
const bundlingOf = (bundling: BundlingOptions | undefined): BundlingOptions => ({
  format: OutputFormat.CJS,
  minify: true,
  sourceMap: true,
  sourcesContent: false,
  mainFields: ["module", "main"],
  externalModules: [],
  ...bundling,
});

/** The rights that Lambda needs to attach the function to a VPC. EC2 has no narrower resources for them. */
const networkStatement = (): PolicyStatement =>
  new PolicyStatement({
    actions: [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:UnassignPrivateIpAddresses",
    ],
    resources: ["*"],
  });

/** The default timeout, also of functions that other constructs make. */
export const defaultTimeout: Duration = Duration.seconds(60);

/** A function with the defaults of a pipeline. Its role may write to the function's own log group, and nothing else. */
export class PipelineFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: ILogGroup;
  readonly timeout: Duration;
  /** What event sources invoke: the function, or its alias if environments are kept warm. */
  readonly target: IFunction;

  constructor(scope: Construct, id: string, props: PipelineFunctionProps) {
    super(scope, id);
    const { entry, network, environment, runtime = Runtime.NODEJS_24_X, timeout = defaultTimeout } = props;
    checkRuntime(runtime);
    checkEntry(entry);
    this.timeout = timeout;
    this.logGroup =
      props.logGroup ??
      new LogGroup(this, "Log", {
        retention: props.logRetention ?? RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    this.logGroup.grantWrite(role);
    if (network !== undefined) role.addToPolicy(networkStatement());
    const { description, reservedConcurrency, depsLockFilePath, projectRoot } = props;
    this.function = new NodejsFunction(this, "Function", {
      entry,
      handler: props.handler ?? "handler",
      runtime,
      timeout,
      role,
      memorySize: props.memorySize ?? 512,
      architecture: props.architecture ?? Architecture.ARM_64,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: props.tracing ?? Tracing.DISABLED,
      // Without this option NodejsFunction sets a variable that only version 2 of the SDK reads.
      awsSdkConnectionReuse: false,
      environment: { NODE_OPTIONS: "--enable-source-maps", ...environment },
      bundling: bundlingOf(props.bundling),
      ...(description !== undefined && { description }),
      ...(reservedConcurrency !== undefined && { reservedConcurrentExecutions: reservedConcurrency }),
      ...(depsLockFilePath !== undefined && { depsLockFilePath }),
      ...(projectRoot !== undefined && { projectRoot }),
      ...(network && {
        vpc: network.vpc,
        ...(network.subnets && { vpcSubnets: network.subnets }),
        securityGroups: [
          ...(network.securityGroups ?? [new SecurityGroup(this, "SecurityGroup", { vpc: network.vpc })]),
        ],
      }),
    });
    // The policy must exist before Lambda creates network interfaces and log streams.
    this.function.node.addDependency(role);
    this.target = this.#targetOf(props);
  }

  #targetOf({ provisionedConcurrency, reservedConcurrency }: PipelineFunctionProps): IFunction {
    if (provisionedConcurrency === undefined) return this.function;
    if (!Token.isUnresolved(provisionedConcurrency) && provisionedConcurrency > (reservedConcurrency ?? Infinity)) {
      throw new DeployError(
        "PROVISIONED_ABOVE_RESERVED",
        `provisionedConcurrency is ${provisionedConcurrency}, and reservedConcurrency is ${reservedConcurrency}; expected at most as many. Lower one, or raise the other`,
      );
    }
    Annotations.of(this).addWarningV2(
      "@sluice/cdk:provisionedConcurrency",
      "provisionedConcurrency is seldom worth its price for a stream: its pollers keep the function warm (docs/bundle-size.md)",
    );
    return new Alias(this, "Warm", {
      aliasName: "warm",
      version: this.function.currentVersion,
      provisionedConcurrentExecutions: provisionedConcurrency,
    });
  }
}
