import { Aws, Duration, type Stack } from "aws-cdk-lib";
import { AttributeType, type ITable, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { CfnEventSourceMapping, Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { PipelineResources } from "../../src/index.ts";

/** Resources of a pipeline as a stack without our constructs may have them. */
export const resourcesIn = (stack: Stack): PipelineResources => {
  const logGroup = new LogGroup(stack, "Logs");
  const target = new LambdaFunction(stack, "Function", {
    runtime: Runtime.NODEJS_22_X,
    handler: "index.handler",
    code: Code.fromInline("exports.handler = () => {}"),
    timeout: Duration.seconds(60),
    logGroup,
  });
  const table = new Table(stack, "Table", {
    partitionKey: { name: "id", type: AttributeType.STRING },
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
  }) as ITable;
  const mapping = new CfnEventSourceMapping(stack, "Mapping", {
    functionName: target.functionName,
    eventSourceArn: table.tableStreamArn as string,
    startingPosition: "TRIM_HORIZON",
    metricsConfig: { metrics: ["EventCount"] },
    destinationConfig: { onFailure: { destination: `arn:${Aws.PARTITION}:s3:::bucket` } },
  });
  const [deadLetters, retryQueue] = [new Queue(stack, "DeadLetters"), new Queue(stack, "Retries")];
  return { pipelineName: "orders", function: target, logGroup, mapping, deadLetters, retryQueue, table, sinks: [] };
};
