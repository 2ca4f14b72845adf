import { SluicePipeline, type SluicePipelineProps } from "@sluice/cdk";
import { App, type Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { type IVpc, Vpc } from "aws-cdk-lib/aws-ec2";
import { Code, type FunctionProps, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { DatabaseInstance, DatabaseInstanceEngine, PostgresEngineVersion } from "aws-cdk-lib/aws-rds";

process.env.CDK_VALIDATION = "false";

const env = { account: "123456789012", region: "eu-west-1" };

/** A file that exists. Its content does not matter, because these stacks are not bundled. */
export const entry: string = import.meta.filename;

/** A stack whose functions are not bundled. */
export const unbundled = (): Stack =>
  new Stack(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Test", { env });

/** A table with a stream. */
export const tableOf = (
  stack: Stack,
  stream: StreamViewType | undefined = StreamViewType.NEW_AND_OLD_IMAGES,
  id = "Orders",
): Table =>
  new Table(stack, id, {
    partitionKey: { name: "pk", type: AttributeType.STRING },
    removalPolicy: RemovalPolicy.DESTROY,
    stream,
  });

/** Options that replace those of `pipelineOf`. Undefined removes an option. */
export type PipelineChanges = { readonly [Name in keyof SluicePipelineProps]?: SluicePipelineProps[Name] | undefined };

/** A pipeline of a table, without sinks. */
export const pipelineOf = (stack: Stack, props: PipelineChanges = {}): SluicePipeline => {
  const all = { table: tableOf(stack), entry, sinks: [], ...props };
  return new SluicePipeline(stack, "Sync", all as SluicePipelineProps);
};

/** A function written by hand, with a log group. */
export const functionOf = (stack: Stack, timeout?: Duration, props: Partial<FunctionProps> = {}): LambdaFunction =>
  new LambdaFunction(stack, "Own", {
    logGroup: new LogGroup(stack, "OwnLogs"),
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromInline("exports.handler = async () => {};"),
    environment: { OWN: "1" },
    ...(timeout && { timeout }),
    ...props,
  });

/** A VPC. The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes. */
export const vpcOf = (stack: Stack, id: string): IVpc => new Vpc(stack, id, { natGateways: 1 }) as IVpc;

/** A database in a VPC. */
export const databaseOf = (vpc: IVpc): DatabaseInstance =>
  new DatabaseInstance(Stack.of(vpc), "Database", {
    engine: DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 }),
    vpc,
  });
