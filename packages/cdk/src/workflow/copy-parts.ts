// What a backfill and a verify have in common: bucket, plan, worker, report and the rights of a Distributed Map.

import { DeployError } from "@sluice/rules";
import {
  backfillPlan,
  backfillWorker,
  type CopyStateMachineOptions,
  verifyPlan,
  verifyWorker,
  type WorkerPipeline,
} from "@sluice/workflow";
import { ArnFormat, Duration, RemovalPolicy, Stack, Token } from "aws-cdk-lib";
import { CfnGlobalTable, CfnTable, type ITable } from "aws-cdk-lib/aws-dynamodb";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey, Key } from "aws-cdk-lib/aws-kms";
import { CfnFunction, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import { allowActions } from "../function/allow.ts";
import { sharedNetwork } from "../function/network.ts";
import { checkRange, knownNumber, knownProperty } from "../pipeline/known.ts";
import type { PipelineResources } from "../pipeline/resources.ts";
import type { SinkUse } from "../sinks/sink-access.ts";
import { type CopyFactory, type PipelineModule, pipelineEntry } from "./pipeline-entry.ts";
import {
  checkedDefinition,
  laterPolicy,
  sizes,
  type WorkflowFunctionOptions,
  workflowFunction,
} from "./step-function.ts";

/** Options of a backfill and of a verify. */
export interface CopyOptions extends PipelineModule {
  /** The bucket for the state of runs. Default: the construct creates one, whose objects S3 deletes after a month. */
  readonly bucket?: IBucket | Bucket;
  /** Beginning of the keys of all objects. Default `sluice/runs/`. */
  readonly prefix?: string;
  /** Units that are worked on at once. Default 8. */
  readonly maxConcurrency?: number;
  /** Share of the units that may fail before the run stops. Default 0. */
  readonly toleratedFailurePercentage?: number;
  /** Read capacity units per second of all workers together. Default: 20 % of the provisioned ones; on demand, no limit. */
  readonly readUnitsPerSecond?: number;
  /** Number of segments of a scan. Default: by the table's size. */
  readonly segments?: number;
  /** Names of the routes. Default: all. */
  readonly routes?: readonly string[];
  /** Most invocations of the worker at once, also a guarantee of as many. At least `maxConcurrency`. Default: no limit. */
  readonly reservedConcurrency?: number;
  /** Variables of the plan and the worker. Default: those of the pipeline's function. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly functionOptions?: WorkflowFunctionOptions;
}

/** Options of a workflow for these resources. */
export interface CopyProps extends CopyOptions {
  readonly pipeline: PipelineResources;
}

/** The exports that a backfill may read. */
export interface ExportPlace {
  /** The class is named because it does not fit the interface under exactOptionalPropertyTypes. */
  readonly bucket: IBucket | Bucket;
  /** Beginning of the keys of exports. Default: the whole bucket. */
  readonly prefix?: string;
  /** The key with which DynamoDB encrypts an export, if it was started with `--s3-sse-algorithm KMS`. Default: the bucket's key. */
  readonly encryptionKey?: IKey | Key;
}

/** The parts of a workflow. */
export interface CopyPlace {
  readonly table: ITable;
  readonly bucket: IBucket;
  readonly prefix: string;
}

const defaultConcurrency = 8;

/** Checks the options and creates the bucket. `purpose` is `a backfill` or `a verify`. */
export const copyPlace = (scope: Construct, props: CopyProps, purpose: string): CopyPlace => {
  const { pipeline, reservedConcurrency, maxConcurrency, prefix = "sluice/runs/" } = props;
  if (pipeline.table === undefined) {
    throw new DeployError(
      "WORKFLOW_NO_TABLE",
      `the pipeline ${pipeline.pipelineName} has no table, expected one: ${purpose} reads the table. Pass the table to the ` +
        "pipeline, not only its stream.",
    );
  }
  const [reserved, units] = [knownNumber(reservedConcurrency), knownNumber(maxConcurrency) ?? defaultConcurrency];
  checkRange("reservedConcurrency", reservedConcurrency, [1, 1_000_000], "it is a number of invocations");
  if (reserved !== undefined && reserved < units) {
    throw new DeployError(
      "WORKER_CONCURRENCY",
      `reservedConcurrency is ${reserved}, and ${purpose} works on ${units} units at once; expected at least ${units}: Lambda ` +
        "would throttle workers. Raise reservedConcurrency, or lower maxConcurrency.",
    );
  }
  return { table: pipeline.table, bucket: props.bucket ?? runBucket(scope), prefix };
};

const runBucket = (scope: Construct): IBucket => {
  const bucket = new Bucket(scope, "Runs", {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: [{ expiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
  });
  acknowledge(bucket, "AwsSolutions-S1");
  // The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes.
  return bucket as IBucket;
};

/** Throws if the table is known to have no point-in-time recovery, without which DynamoDB exports nothing. */
export const checkExports = (table: ITable): void => {
  if (hasRecovery(table) !== false) return;
  throw new DeployError(
    "EXPORT_NO_RECOVERY",
    `exports is set, and the table ${table.node.path} has no point-in-time recovery, expected recovery: DynamoDB exports ` +
      "only tables with it. Set pointInTimeRecoverySpecification of the table, or leave exports out to scan the table.",
  );
};

/** Undefined if it is not known at synth. */
const hasRecovery = (table: ITable): boolean | undefined => {
  const resource = table.node.defaultChild;
  if (resource instanceof CfnTable) return isEnabled(resource.pointInTimeRecoverySpecification);
  if (!(resource instanceof CfnGlobalTable)) return undefined;
  const replicas = Stack.of(table).resolve(resource.replicas) as readonly CfnGlobalTable.ReplicaSpecificationProperty[];
  return replicas.some(({ pointInTimeRecoverySpecification: one }) => isEnabled(one));
};

const isEnabled = (specification: CfnTable["pointInTimeRecoverySpecification"]): boolean | undefined => {
  if (specification === undefined) return false;
  const enabled = knownProperty(specification)?.pointInTimeRecoveryEnabled;
  return typeof enabled === "boolean" ? enabled : undefined;
};

/** The variables that the pipeline's function has now, as tokens of the same stack. */
const environmentOf = (scope: Construct, fn: LambdaFunction): Record<string, string> => {
  if (Stack.of(scope) !== Stack.of(fn)) {
    throw new DeployError(
      "WORKFLOW_OTHER_STACK",
      `the workflow is in the stack ${Stack.of(scope).node.path}, the pipeline's function in ${Stack.of(fn).node.path}; expected ` +
        "one stack, because the workers get the function's variables. Create it in that stack, or set environment.",
    );
  }
  const resource = fn.node.defaultChild;
  const resolved: unknown = resource instanceof CfnFunction ? Stack.of(fn).resolve(resource.environment) : undefined;
  const variables = (resolved as { readonly variables?: Record<string, unknown> } | undefined)?.variables ?? {};
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, Token.asString(value)]));
};

/** Which factory makes a function, and with which options. */
export interface CopyCode {
  readonly factory: CopyFactory;
  readonly options: object;
}

const factories = { backfillPlan, backfillWorker, verifyPlan, verifyWorker } as const;

/** Stands for the user's pipeline, which only the bundle has. */
const anyPipeline: WorkerPipeline = {
  name: "any",
  handler: () => async () => ({ batchItemFailures: [] }),
  targets: () => [],
};

/** Throws if the factory would refuse its options when the function starts. */
const checkOptions = ({ factory, options }: CopyCode): void => {
  const place = factory.endsWith("Plan") ? { table: "any", bucket: "any" } : {};
  checkedDefinition(() => factories[factory](anyPipeline, { ...options, ...place }));
};

/** Creates a function that has the pipeline in it, with the network and the variables of the pipeline's function. */
const pipelineFunction = (
  scope: Construct,
  id: "Plan" | "Worker",
  props: CopyProps,
  code: CopyCode,
  more: Readonly<Record<string, string>>,
): LambdaFunction => {
  const { pipeline, functionOptions, reservedConcurrency } = props;
  checkOptions(code);
  const network = sharedNetwork(pipeline.sinks, functionOptions?.network);
  return workflowFunction(scope, id, functionOptions, {
    ...(id === "Plan" ? sizes.report : sizes.worker),
    entry: pipelineEntry(props, code.factory, code.options),
    environment: { ...(props.environment ?? environmentOf(scope, pipeline.function)), ...more },
    ...(network && { network }),
    ...(id === "Worker" && reservedConcurrency !== undefined && { reservedConcurrency }),
  });
};

const objects = ({ bucket, prefix }: CopyPlace, rest = "*"): string => bucket.arnForObjects(`${prefix}${rest}`);

const grantRuns = (place: CopyPlace, grantee: IGrantable): void => {
  allowActions(grantee, ["s3:GetObject", "s3:PutObject"], [objects(place)]);
  allowActions(grantee, ["s3:ListBucket"], [place.bucket.bucketArn]);
  place.bucket.encryptionKey?.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey");
};

/** Allows to read the files of exports. */
export const grantExports = (place: ExportPlace | undefined, grantee: IGrantable, rest = "*"): void => {
  if (place === undefined) return;
  allowActions(grantee, ["s3:GetObject"], [place.bucket.arnForObjects(`${place.prefix ?? ""}${rest}`)]);
  (place.encryptionKey ?? place.bucket.encryptionKey)?.grant(grantee, "kms:Decrypt");
};

/** Creates the function that plans a run. */
export const planFunction = (scope: Construct, props: CopyProps, place: CopyPlace, code: CopyCode): LambdaFunction => {
  const { pipeline } = props;
  const fn = pipelineFunction(scope, "Plan", props, code, {
    SLUICE_SOURCE_TABLE: place.table.tableName,
    SLUICE_RUN_BUCKET: place.bucket.bucketName,
    // With provisioned concurrency the mapping is one of the alias, which Lambda does not list under the function's name.
    SLUICE_PIPELINE_FUNCTION: pipeline.mapping.functionName,
  });
  allowActions(fn, ["dynamodb:DescribeTable"], [place.table.tableArn]);
  grantRuns(place, fn);
  return fn;
};

/** Allows a plan to check what must be true before a backfill. */
export const grantChecks = (fn: LambdaFunction, { pipeline }: CopyProps, { table }: CopyPlace): void => {
  allowActions(fn, ["dynamodb:Scan"], [table.tableArn]);
  table.encryptionKey?.grant(fn, "kms:Decrypt", "kms:DescribeKey");
  // This action accepts no resource.
  allowActions(fn, ["lambda:ListEventSourceMappings"], ["*"]);
  for (const sink of pipeline.sinks) sink.grant(fn, "compare");
};

/** What a worker does with the table and the targets. */
export interface WorkerRights {
  readonly tableActions: readonly string[];
  readonly uses: readonly SinkUse[];
  /** Whether it reads the lag of the live function. */
  readonly readsLag?: boolean;
}

/** Creates the function that works on units. */
export const workerFunction = (
  scope: Construct,
  props: CopyProps,
  place: CopyPlace,
  { tableActions, uses, readsLag = false, ...code }: CopyCode & WorkerRights,
): LambdaFunction => {
  const variables: Record<string, string> = readsLag
    ? { SLUICE_LIVE_FUNCTION: props.pipeline.function.functionName }
    : {};
  const fn = pipelineFunction(scope, "Worker", props, code, variables);
  // This action accepts no resource.
  if (readsLag) allowActions(fn, ["cloudwatch:GetMetricData"], ["*"]);
  allowActions(
    fn,
    tableActions.map((name) => `dynamodb:${name}`),
    [place.table.tableArn],
  );
  place.table.encryptionKey?.grant(fn, "kms:Decrypt", "kms:DescribeKey");
  grantRuns(place, fn);
  for (const sink of props.pipeline.sinks) for (const use of uses) sink.grant(fn, use);
  return fn;
};

/** Creates the function that reports a run. */
export const copyReportFunction = (
  scope: Construct,
  props: CopyProps,
  place: CopyPlace,
  entry: string,
): LambdaFunction => {
  const fn = workflowFunction(scope, "Report", props.functionOptions, { ...sizes.report, entry });
  grantRuns(place, fn);
  return fn;
};

/** Options of the state machine's definition. */
export const definitionOptions = (props: CopyOptions): CopyStateMachineOptions => {
  const { maxConcurrency, toleratedFailurePercentage, readUnitsPerSecond, segments, routes } = props;
  return {
    ...(maxConcurrency !== undefined && { maxConcurrency }),
    ...(toleratedFailurePercentage !== undefined && { toleratedFailurePercentage }),
    ...(readUnitsPerSecond !== undefined && { readUnitsPerSecond }),
    ...(segments !== undefined && { segments }),
    ...(routes !== undefined && { routes: [...routes] }),
  };
};

/** Allows the state machine to start its children, to read the units, and to write the results. */
export const grantMap = (scope: Construct, machine: StateMachine, place: CopyPlace, lists: readonly string[]): void => {
  const executions = (rest: string): string =>
    Stack.of(scope).formatArn({
      service: "states",
      resource: "execution",
      resourceName: `${machine.stateMachineName}${rest}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  const results = ["PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload"];
  laterPolicy(scope, "Map", machine.role, [
    [["states:StartExecution"], [machine.stateMachineArn]],
    // The guide of Step Functions names `NAME:*`. The ARN of a child is `NAME/LABEL:ID`.
    [
      ["states:DescribeExecution", "states:StopExecution"],
      [executions(":*"), executions("/*")],
    ],
    // To redrive an execution that was stopped in the midst of a map.
    [["states:RedriveExecution"], [executions("/*")]],
    [["s3:GetObject"], lists.map((name) => objects(place, `*/${name}`))],
    [results.map((name) => `s3:${name}`), [objects(place, "*/results/*")]],
  ]);
  place.bucket.encryptionKey?.grant(machine.role, "kms:Decrypt", "kms:GenerateDataKey");
};
