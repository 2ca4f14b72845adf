// Stacks without a construct of Sluice: CDK's own event source, SAM, and resources of other stacks.

import { describe, expect, test } from "@jest/globals";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AttributeType, type ITable, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { Code, Function as LambdaFunction, Runtime, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { judgeTemplate } from "../../src/index.ts";
import { testStack } from "../support/stack.ts";

const codesOf = (template: unknown): readonly string[] =>
  judgeTemplate(template)
    .map(({ code }) => code)
    .sort();

const functionIn = (stack: Stack, environment: Record<string, string> = {}): LambdaFunction =>
  new LambdaFunction(stack, "Function", {
    runtime: Runtime.NODEJS_20_X,
    handler: "index.handler",
    code: Code.fromInline("exports.handler = () => {}"),
    timeout: Duration.seconds(60),
    environment,
  });

const tableIn = (stack: Stack, stream = StreamViewType.KEYS_ONLY): ITable =>
  new Table(stack, "Table", { partitionKey: { name: "id", type: AttributeType.STRING }, stream }) as ITable;

describe("DynamoEventSource with its defaults", () => {
  const stack = testStack();
  const deadLetters = new Queue(stack, "DeadLetters");
  const retries = new Queue(stack, "Retries", { visibilityTimeout: Duration.seconds(60) });
  const target = functionIn(stack, {
    DEAD_LETTER_QUEUE_URL: deadLetters.queueUrl,
    RETRY_QUEUE_URL: retries.queueUrl,
  });
  target.addEventSource(new SqsEventSource(retries));
  target.addEventSource(
    new DynamoEventSource(tableIn(stack), { startingPosition: StartingPosition.LATEST, retryAttempts: 3 }),
  );

  test("has these findings", () => {
    expect(codesOf(Template.fromStack(stack).toJSON())).toEqual([
      "BISECT_MISSING",
      "DEAD_LETTERS_TOO_SHORT",
      "DESTINATION_MISSING",
      "LATEST_LOSES",
      "PARTIAL_RESPONSES_MISSING",
      "PARTIAL_RESPONSES_MISSING",
      "QUEUE_WITHOUT_TLS",
      "QUEUE_WITHOUT_TLS",
      "RUNTIME_TOO_OLD",
      "VIEW_TYPE",
      "VISIBILITY_TOO_SHORT",
    ]);
  });
});

describe("references in other words", () => {
  const mapping = (functionName: unknown, source: unknown) => ({
    Type: "AWS::Lambda::EventSourceMapping",
    Properties: { FunctionName: functionName, EventSourceArn: source, BisectBatchOnFunctionError: true },
  });
  const table = { Type: "AWS::DynamoDB::Table", Properties: { StreamSpecification: { StreamViewType: "NEW_IMAGE" } } };
  const target = { Type: "AWS::Lambda::Function", Properties: { Runtime: "nodejs18.x", Timeout: 60 } };
  const stream = { "Fn::Sub": `${"$"}{Table.StreamArn}` };

  test.each([
    { "Fn::Sub": `${"$"}{Target}` },
    { "Fn::Sub": `${"$"}{Target.Arn}:live` },
    { "Fn::Join": [":", [{ "Fn::GetAtt": ["Target", "Arn"] }, "live"]] },
    { "Fn::Join": ["", [{ Ref: "Target" }, ":live"]] },
    { Ref: "Target.Alias" },
  ])("%j names the function, and a text the stream", (name) => {
    const resources = { Table: table, Target: target, Mapping: mapping(name, stream) };
    expect(codesOf({ Resources: resources })).toEqual(["PARTIAL_RESPONSES_MISSING", "RUNTIME_TOO_OLD"]);
  });

  test("the globals of a SAM template name the queues", () => {
    const event = {
      Type: "DynamoDB",
      Properties: {
        Stream: { "Fn::GetAtt": ["Table", "StreamArn"] },
        StartingPosition: "TRIM_HORIZON",
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      },
    };
    const Environment = { Variables: { DEAD_LETTER_QUEUE_URL: { Ref: "Letters" } } };
    const template = {
      Globals: { Function: { Runtime: "nodejs24.x", Timeout: 60, Environment } },
      Resources: {
        Table: table,
        Letters: { Type: "AWS::SQS::Queue" },
        Target: { Type: "AWS::Serverless::Function", Properties: { Events: { Changes: event } } },
      },
    };
    expect(codesOf(template)).toEqual(["DEAD_LETTERS_TOO_SHORT", "QUEUE_WITHOUT_TLS"]);
  });
});

test("the stream of another stack is recognised", () => {
  const app = new App();
  const [first, second] = [new Stack(app, "First"), new Stack(app, "Second")];
  const table = tableIn(first, StreamViewType.NEW_AND_OLD_IMAGES);
  const source = new DynamoEventSource(table, { startingPosition: StartingPosition.TRIM_HORIZON });
  functionIn(second).addEventSource(source);
  app.synth();
  expect(codesOf(Template.fromStack(second).toJSON())).toEqual([
    "BISECT_MISSING",
    "PARTIAL_RESPONSES_MISSING",
    "RUNTIME_TOO_OLD",
  ]);
});

test("functions without a stream of DynamoDB are not judged", () => {
  const stack = testStack();
  functionIn(stack).addEventSource(new SqsEventSource(new Queue(stack, "Jobs")));
  const { Resources, ...rest } = Template.fromStack(stack).toJSON();
  const kinesis = {
    Type: "AWS::Lambda::EventSourceMapping",
    Properties: { EventSourceArn: { "Fn::GetAtt": ["Kinesis", "Arn"] }, FunctionName: { Ref: "Function" } },
  };
  expect(codesOf({ ...rest, Resources: { ...Resources, kinesis } })).toEqual([]);
});

describe("SAM", () => {
  const stream = {
    Type: "DynamoDB",
    Properties: {
      Stream: { "Fn::GetAtt": ["Table", "StreamArn"] },
      StartingPosition: "TRIM_HORIZON",
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    },
  };
  const sam = (properties: object, globals: object = {}, events: object = { Stream: stream }) => ({
    Transform: "AWS::Serverless-2016-10-31",
    Globals: { Function: { Runtime: "nodejs24.x", Timeout: 60, ...globals } },
    Resources: {
      Table: {
        Type: "AWS::DynamoDB::Table",
        Properties: { StreamSpecification: { StreamViewType: "NEW_AND_OLD_IMAGES" } },
      },
      Orders: { Type: "AWS::Serverless::Function", Properties: { Events: events, ...properties } },
    },
  });

  test("a good template has no findings", () => {
    expect(codesOf(sam({}))).toEqual([]);
  });

  test("globals and properties of the function are read", () => {
    expect(codesOf(sam({}, { Runtime: "nodejs18.x", Timeout: 3 }))).toEqual(["RUNTIME_TOO_OLD", "TIMEOUT_TOO_SHORT"]);
    expect(codesOf(sam({ Runtime: "nodejs22.x", Timeout: 30 }, { Runtime: "nodejs18.x", Timeout: 3 }))).toEqual([]);
    expect(codesOf(sam({ Runtime: "python3.13" }))).toEqual([]);
    expect(codesOf(sam({ Runtime: { Ref: "Runtime" }, Timeout: { Ref: "Timeout" } }, { Timeout: 3 }))).toEqual([]);
  });

  test("events are judged on the function", () => {
    const loose = { Type: "DynamoDB", Properties: { Stream: { Ref: "StreamArn" }, StartingPosition: "LATEST" } };
    expect(judgeTemplate(sam({}, {}, { Loose: loose })).map(({ code, resource }) => `${resource} ${code}`)).toEqual([
      "Orders PARTIAL_RESPONSES_MISSING",
      "Orders BISECT_MISSING",
      "Orders LATEST_LOSES",
    ]);
    const queue = { Type: "SQS", Properties: { Queue: { "Fn::GetAtt": ["Retries", "Arn"] }, BatchSize: 100 } };
    expect(codesOf(sam({}, {}, { Stream: stream, Queue: queue }))).toEqual([
      "PARTIAL_RESPONSES_MISSING",
      "WINDOW_MISSING",
    ]);
    expect(codesOf(sam({}, {}, { One: stream, Two: stream }))).toEqual(["MAPPING_TWICE"]);
  });
});

describe("mappings as plain JSON", () => {
  const mapping = (properties: object = {}) => ({
    Type: "AWS::Lambda::EventSourceMapping",
    Properties: {
      EventSourceArn: { "Fn::GetAtt": ["Table", "StreamArn"] },
      FunctionName: { Ref: "Orders" },
      StartingPosition: "TRIM_HORIZON",
      BisectBatchOnFunctionError: "true",
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ...properties,
    },
  });
  const template = (resources: object) => ({
    Resources: {
      Table: {
        Type: "AWS::DynamoDB::GlobalTable",
        Properties: { StreamSpecification: { StreamViewType: "NEW_IMAGE" } },
      },
      Orders: { Type: "AWS::Lambda::Function", Properties: { Timeout: "60", Runtime: "nodejs22.x" } },
      ...resources,
    },
  });
  const to = (destination: unknown) => ({ DestinationConfig: { OnFailure: { Destination: destination } } });
  const queue = { Type: "AWS::SQS::Queue", Properties: { FifoQueue: true } };
  const topic = { Type: "AWS::SNS::Topic", Properties: { FifoTopic: "true" } };

  test("a FIFO destination is found by reference", () => {
    const toQueue = mapping(to({ "Fn::GetAtt": ["Failed", "Arn"] }));
    expect(codesOf(template({ Failed: queue, Mapping: toQueue }))).toEqual(["DESTINATION_FIFO"]);
    expect(codesOf(template({ Failed: topic, Mapping: mapping(to({ Ref: "Failed" })) }))).toEqual(["DESTINATION_FIFO"]);
    expect(codesOf(template({ Mapping: mapping(to({ Ref: "Parameter" })) }))).toEqual([]);
  });

  test("bounds without a destination lose records, and -1 is no bound", () => {
    expect(codesOf(template({ Mapping: mapping({ MaximumRetryAttempts: 0 }) }))).toEqual(["DESTINATION_MISSING"]);
    expect(codesOf(template({ Mapping: mapping({ MaximumRecordAgeInSeconds: "3600" }) }))).toEqual([
      "DESTINATION_MISSING",
    ]);
    const unbounded = { MaximumRetryAttempts: -1, MaximumRecordAgeInSeconds: -1 };
    expect(codesOf(template({ Mapping: mapping(unbounded) }))).toEqual([]);
    const noValue = { MaximumRetryAttempts: 3, DestinationConfig: { Ref: "AWS::NoValue" } };
    expect(codesOf(template({ Mapping: mapping(noValue) }))).toEqual(["DESTINATION_MISSING"]);
  });

  test("two mappings under two conditions are not two mappings of a function", () => {
    const [one, two] = [mapping(), mapping()];
    expect(codesOf(template({ one, two }))).toEqual(["MAPPING_TWICE"]);
    expect(codesOf(template({ one: { ...one, Condition: "A" }, two: { ...two, Condition: "B" } }))).toEqual([]);
    const toAlias = mapping({ FunctionName: { Ref: "Live" } });
    const live = { Type: "AWS::Lambda::Alias", Properties: { FunctionName: { Ref: "Orders" } } };
    expect(codesOf(template({ one, Live: live, two: toAlias }))).toEqual([]);
  });
});
