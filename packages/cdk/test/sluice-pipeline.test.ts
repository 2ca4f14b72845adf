import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type PipelineResources, type SinkAccess, SluicePipeline } from "@sluice/cdk";
import { App, Duration, NestedStack, Stack, Stage } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { AttributeType, StreamViewType, Table, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Key } from "aws-cdk-lib/aws-kms";
import { Runtime } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { entry, functionOf, pipelineOf, tableOf, unbundled, vpcOf } from "./support/pipeline.ts";
import { policyOf } from "./support/policy.ts";

/** The feature flag with which CDK makes the log group of a function. */
const LAMBDA_LOG_GROUP = "@aws-cdk/aws-lambda:useCdkManagedLogGroup";
const mappings = "AWS::Lambda::EventSourceMapping";
const sink = (access: Partial<SinkAccess> = {}): SinkAccess => ({ name: "target", grant: () => undefined, ...access });

describe("a pipeline with nothing but a table, an entry and sinks", () => {
  const stack = unbundled();
  const uses: string[] = [];
  const grant: SinkAccess["grant"] = ({ node }, use) => uses.push(`${node.path} ${use}`);
  const pipeline = pipelineOf(stack, {
    sinks: [sink({ environment: { TARGET: "t" }, grant })],
    environment: { MORE: "m" },
  });
  const template = Template.fromStack(stack);

  test("has the mapping of operations B.4", () => {
    template.hasResourceProperties(mappings, {
      EventSourceArn: { "Fn::GetAtt": [Match.stringLikeRegexp("Orders"), "StreamArn"] },
      StartingPosition: "TRIM_HORIZON",
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 1,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: 79_200,
      ParallelizationFactor: 1,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      MetricsConfig: { Metrics: ["EventCount"] },
      DestinationConfig: { OnFailure: { Destination: { "Fn::GetAtt": [Match.stringLikeRegexp("OnFailure"), "Arn"] } } },
      Enabled: true,
      FilterCriteria: Match.absent(),
    });
  });

  test("has a function with a log group of its own, and the variables of all owners", () => {
    template.hasResourceProperties("AWS::Lambda::Function", {
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      MemorySize: 512,
      Timeout: 60,
      LoggingConfig: { LogFormat: "JSON", LogGroup: Match.anyValue() },
      ReservedConcurrentExecutions: Match.absent(),
      Environment: {
        Variables: {
          SOURCE_TABLE: Match.anyValue(),
          DEAD_LETTER_QUEUE_URL: Match.anyValue(),
          RETRY_QUEUE_URL: Match.anyValue(),
          ON_FAILURE_BUCKET: Match.anyValue(),
          TARGET: "t",
          MORE: "m",
        },
      },
    });
    template.hasResourceProperties("AWS::Logs::LogGroup", { RetentionInDays: 30 });
  });

  test("has queues of 14 days that are encrypted, refuse requests without TLS, and survive the stack", () => {
    template.resourceCountIs("AWS::SQS::Queue", 2);
    template.allResources("AWS::SQS::Queue", {
      DeletionPolicy: "Retain",
      Properties: { MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true, RedrivePolicy: Match.absent() },
    });
    template.resourcePropertiesCountIs(
      "AWS::SQS::QueuePolicy",
      { PolicyDocument: { Statement: [{ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }] } },
      2,
    );
    template.hasResourceProperties("AWS::SQS::Queue", { VisibilityTimeout: 360 });
    template.hasResourceProperties(mappings, {
      EventSourceArn: { "Fn::GetAtt": [Match.stringLikeRegexp("Retry"), "Arn"] },
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 1,
      ScalingConfig: { MaximumConcurrency: 10 },
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });
  });

  test("has a bucket that is closed, encrypted and emptied", () => {
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Retain",
      Properties: {
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        LifecycleConfiguration: { Rules: [{ ExpirationInDays: 90, Status: "Enabled" }] },
        BucketEncryption: Match.anyValue(),
      },
    });
  });

  test("has exactly these rights", () => {
    expect(policyOf(template)).toEqual({
      Logs: ["logs:CreateLogStream", "logs:PutLogEvents"],
      DeadLetters: ["sqs:SendMessage"],
      Retry: [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ],
      Orders: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
      OnFailure: ["s3:ListBucket", "s3:PutObject"],
    });
    template.allResourcesProperties("AWS::IAM::Role", { ManagedPolicyArns: Match.absent() });
  });

  test("names no resource, and gives the sinks the function", () => {
    const named = Object.values(template.toJSON().Resources as Record<string, { Properties?: object }>).flatMap(
      ({ Properties = {} }) =>
        Object.keys(Properties).filter((name) => /^(Queue|Table|Bucket|Function|LogGroup|Role)Name$/.test(name)),
    );
    // The mappings refer to the function.
    expect([...new Set(named)].sort()).toEqual(["FunctionName"]);
    expect(uses).toEqual(["Test/Sync/Function/Function write"]);
    const resources: PipelineResources = pipeline;
    expect(resources.pipelineName).toBe("Sync");
  });
});

test("the logical id of the mapping depends on the path of the pipeline alone", () => {
  const idOf = (tableId: string, props: object = {}): string | undefined => {
    const stack = unbundled();
    const table = new Table(stack, tableId, {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      stream: StreamViewType.NEW_IMAGE,
    });
    const { mapping } = new SluicePipeline(stack, "Sync", { table, entry, sinks: [], ...props });
    return stack.resolve(mapping.logicalId) as string;
  };
  expect(idOf("A")).toBe(idOf("B"));
  expect(idOf("A")).toBe("SyncStreamMappingEF7AB6DF");
  expect(idOf("A", { mapping: { logicalId: "Former" } })).toBe("Former");
});

test("the options replace defaults", () => {
  const stack = unbundled();
  pipelineOf(stack, {
    pipelineName: "orders",
    handler: "orders",
    functionOptions: {
      timeout: Duration.seconds(30),
      memorySize: 1024,
      runtime: Runtime.NODEJS_22_X,
      reservedConcurrency: 8,
    },
    mapping: {
      batchSize: 10,
      batchingWindow: Duration.seconds(0),
      bisectBatchOnError: false,
      retryAttempts: 5,
      maxRecordAge: Duration.hours(1),
      parallelizationFactor: 4,
      startingPosition: "LATEST",
      latestBecause: "the targets were filled from an export",
      filters: [{ eventName: ["INSERT", "REMOVE"] }],
      metrics: false,
      enabled: false,
    },
    retryQueue: { fifo: true, maxConcurrency: 3 },
    dedupe: { uses: ["always"] },
    payloads: true,
    alarms: false,
  });
  const template = Template.fromStack(stack);
  template.hasResourceProperties(mappings, {
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
    BisectBatchOnFunctionError: false,
    MaximumRetryAttempts: 5,
    MaximumRecordAgeInSeconds: 3600,
    ParallelizationFactor: 4,
    StartingPosition: "LATEST",
    FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT","REMOVE"]}' }] },
    MetricsConfig: Match.absent(),
    Enabled: false,
  });
  template.hasResourceProperties(mappings, {
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: Match.absent(),
    ScalingConfig: { MaximumConcurrency: 3 },
  });
  template.hasResourceProperties("AWS::SQS::Queue", { FifoQueue: true, VisibilityTimeout: 180 });
  template.hasResourceProperties("AWS::Lambda::Function", {
    Handler: "index.orders",
    Runtime: "nodejs22.x",
    MemorySize: 1024,
    Timeout: 30,
    ReservedConcurrentExecutions: 8,
  });
  template.hasResourceProperties("AWS::DynamoDB::Table", {
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
    TimeToLiveSpecification: { AttributeName: "expiration", Enabled: true },
  });
  const { Dedupe, Payloads } = policyOf(template);
  expect(Dedupe).toEqual(["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]);
  expect(Payloads).toEqual(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]);
});

test("parts that are switched off leave no resource and no right", () => {
  const stack = unbundled();
  pipelineOf(stack, { retryQueue: false, deadLetters: false, onFailure: false });
  const template = Template.fromStack(stack);
  template.resourceCountIs("AWS::SQS::Queue", 0);
  template.resourceCountIs("AWS::S3::Bucket", 0);
  template.hasResourceProperties(mappings, { MaximumRecordAgeInSeconds: -1, DestinationConfig: Match.absent() });
  expect(Object.keys(policyOf(template))).toEqual(["Logs", "Orders"]);
});

describe("keys of one's own", () => {
  const stack = unbundled();
  const key = new Key(stack, "Key");
  const encryptionKey = key;
  pipelineOf(stack, {
    deadLetters: { encryptionKey },
    retryQueue: { encryptionKey },
    onFailure: { encryptionKey },
    dedupe: { encryptionKey },
    payloads: { encryptionKey },
  });
  const template = Template.fromStack(stack);

  test("encrypt the resources, and the function may use them", () => {
    template.resourcePropertiesCountIs("AWS::SQS::Queue", { KmsMasterKeyId: Match.anyValue() }, 2);
    expect(policyOf(template).Key).toEqual(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]);
  });
});

describe("tables of any kind", () => {
  test("a global table", () => {
    const stack = unbundled();
    const table = new TableV2(stack, "Orders", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
    });
    new SluicePipeline(stack, "Sync", { table, entry, sinks: [] });
    const arn = { "Fn::GetAtt": [Match.stringLikeRegexp("Orders"), "StreamArn"] };
    Template.fromStack(stack).hasResourceProperties(mappings, { EventSourceArn: arn });
  });

  test("an imported table, and a stream by its ARN", () => {
    const tableArn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
    const streamArn = `${tableArn}/stream/2026-01-01T00:00:00.000`;
    const one = unbundled();
    const table = Table.fromTableAttributes(one, "Orders", { tableArn, tableStreamArn: streamArn });
    new SluicePipeline(one, "Sync", { table, entry, sinks: [] });
    const two = unbundled();
    new SluicePipeline(two, "Sync", { stream: { streamArn }, entry, sinks: [] });
    for (const template of [one, two].map((stack) => Template.fromStack(stack))) {
      template.hasResourceProperties(mappings, { EventSourceArn: streamArn });
      template.hasResourceProperties("AWS::Lambda::Function", {
        Environment: { Variables: { SOURCE_TABLE: tableArn } },
      });
    }
  });

  test("a table of another stack, in a stage, from a nested stack", () => {
    const stage = new Stage(new App({ context: { "aws:cdk:bundling-stacks": [] } }), "Prod");
    const table = tableOf(new Stack(stage, "Data"));
    const nested = new NestedStack(new Stack(stage, "Sync"), "Nested");
    new SluicePipeline(nested, "Sync", { table, entry, sinks: [] });
    Template.fromStack(nested).resourceCountIs(mappings, 2);
  });

  test("an encrypted table: the function may decrypt", () => {
    const stack = unbundled();
    const key = new Key(stack, "Key");
    const table = new Table(stack, "Orders", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      stream: StreamViewType.NEW_IMAGE,
      encryptionKey: key,
    });
    new SluicePipeline(stack, "Sync", { table, entry, sinks: [] });
    expect(policyOf(Template.fromStack(stack)).Key).toEqual(["kms:Decrypt", "kms:DescribeKey"]);
  });
});

test("a function that is made by hand gets variables, rights and mappings", () => {
  const stack = unbundled();
  const fn = functionOf(stack, Duration.seconds(20));
  const pipeline = new SluicePipeline(stack, "Sync", { table: tableOf(stack), function: fn, sinks: [] });
  const template = Template.fromStack(stack);
  expect(pipeline.function).toBe(fn);
  template.hasResourceProperties("AWS::Lambda::Function", {
    Environment: { Variables: { OWN: "1", SOURCE_TABLE: Match.anyValue() } },
  });
  template.hasResourceProperties("AWS::SQS::Queue", { VisibilityTimeout: 120 });
  expect(policyOf(template).DeadLetters).toEqual(["sqs:SendMessage"]);
});

test("queues of one's own are used as they are", () => {
  const stack = unbundled();
  const deadLetters = new Queue(stack, "Dead", { retentionPeriod: Duration.days(14) });
  const queue = new Queue(stack, "Again", { visibilityTimeout: Duration.minutes(6) });
  pipelineOf(stack, { deadLetters, retryQueue: { queue, batchSize: 5 } });
  const template = Template.fromStack(stack);
  template.resourceCountIs("AWS::SQS::Queue", 2);
  template.hasResourceProperties(mappings, { BatchSize: 5, MaximumBatchingWindowInSeconds: Match.absent() });
});

test("a queue and a table of one's own need no options around them", () => {
  const stack = unbundled();
  const queue = new Queue(stack, "Again", { visibilityTimeout: Duration.minutes(6) });
  const dedupe = new Table(stack, "Sent", { partitionKey: { name: "pk", type: AttributeType.STRING } });
  const pipeline = pipelineOf(stack, { retryQueue: queue, dedupe });
  expect([pipeline.retryQueue, pipeline.dedupeTable]).toEqual([queue, dedupe]);
  Template.fromStack(stack).resourceCountIs("AWS::SQS::Queue", 2);
});

test("in a VPC, the function has the rights for its network interface, and the security groups of all sinks", () => {
  const stack = unbundled();
  const vpc = vpcOf(stack, "Vpc");
  const subnets = { subnets: vpc.privateSubnets };
  pipelineOf(stack, { sinks: [sink({ network: { vpc, subnets } }), sink({ name: "second", network: { vpc } })] });
  const template = Template.fromStack(stack);
  template.hasResourceProperties("AWS::Lambda::Function", { VpcConfig: { SubnetIds: Match.anyValue() } });
  expect(policyOf(template)["*"]).toEqual([
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]);
});

test("provisioned concurrency is an alias, which the mappings invoke, and a warning", () => {
  const stack = unbundled();
  pipelineOf(stack, { functionOptions: { provisionedConcurrency: 2 } });
  Template.fromStack(stack).hasResourceProperties(mappings, {
    StartingPosition: "TRIM_HORIZON",
    FunctionName: { Ref: Match.stringLikeRegexp("Live") },
  });
  Annotations.fromStack(stack).hasWarning("*", Match.stringLikeRegexp("seldom worth its price"));
});

test("a reserved concurrency below the parallelization factor is warned of", () => {
  const stack = unbundled();
  pipelineOf(stack, { functionOptions: { reservedConcurrency: 2 }, mapping: { parallelizationFactor: 3 } });
  Annotations.fromStack(stack).hasWarning("*", Match.stringLikeRegexp("reservedConcurrency is 2"));
});

describe("alarms and the dashboard", () => {
  test("exist by default, with a warning that they notify no person", () => {
    const stack = unbundled();
    pipelineOf(stack);
    const template = Template.fromStack(stack);
    expect(Object.keys(template.findResources("AWS::CloudWatch::Alarm")).length).toBeGreaterThan(5);
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 0);
    Annotations.fromStack(stack).hasWarning("*", Match.stringLikeRegexp("alarms have no actions"));
  });

  test("get their options", () => {
    const stack = unbundled();
    const topic = new Topic(stack, "Topic");
    pipelineOf(stack, { alarms: { actions: [topic], routes: ["a", "a"] }, dashboard: { routes: ["a", "a"] } });
    const template = Template.fromStack(stack);
    template.allResourcesProperties("AWS::CloudWatch::Alarm", {
      AlarmActions: [{ Ref: Match.stringLikeRegexp("Topic") }],
    });
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 1);
    Annotations.fromStack(stack).hasNoWarning("*", Match.stringLikeRegexp("alarms have no actions"));
  });

  test("can be left out, and then the function writes no metrics", () => {
    const stack = unbundled();
    pipelineOf(stack, { alarms: false });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::CloudWatch::Alarm", 0);
    expect(JSON.stringify(template.toJSON())).not.toContain("SLUICE_METRICS");
  });

  test("make the function write metrics, unless the option environment says otherwise", () => {
    for (const [environment, SLUICE_METRICS] of [
      [{}, "emf"],
      [{ SLUICE_METRICS: "none" }, "none"],
    ] as const) {
      const stack = unbundled();
      pipelineOf(stack, { environment });
      Template.fromStack(stack).hasResourceProperties("AWS::Lambda::Function", {
        Environment: { Variables: Match.objectLike({ SLUICE_METRICS }) },
      });
    }
  });
});

test("the workflows get the pipeline, redrive and verify their alarms, and the redrive the bucket of payloads", () => {
  const stack = unbundled();
  const module = join(import.meta.dirname, "support", "program.ts");
  const pipeline = pipelineOf(stack, {
    payloads: true,
    redrive: {},
    backfill: { entry: module },
    verify: { entry: module },
  });
  const template = Template.fromStack(stack);
  template.resourceCountIs("AWS::StepFunctions::StateMachine", 3);
  expect(pipeline.redrive?.stateMachine).toBeDefined();
  template.hasResourceProperties("AWS::CloudWatch::Alarm", {
    Dimensions: [{ Name: "StateMachineArn", Value: Match.anyValue() }],
  });
  template.hasResourceProperties("AWS::CloudWatch::Alarm", {
    MetricName: "Differing",
    Dimensions: [{ Name: "function", Value: { Ref: Match.stringLikeRegexp("VerifyReport") } }],
  });
  expect(stack.resolve(pipeline.verify?.differing("rows").dimensions)).toMatchObject({
    function: { Ref: expect.stringMatching(/VerifyReport/) },
    route: "rows",
  });
  // The functions of tasks write no metrics: a task has old records.
  const functions = Object.values(template.findResources("AWS::Lambda::Function"));
  const writers = functions.filter(({ Properties }) => Properties.Environment?.Variables?.SLUICE_METRICS !== undefined);
  expect(writers).toHaveLength(1);
});

test("the log group of a function of one's own is found without another function", () => {
  const stack = unbundled();
  const { logGroup } = pipelineOf(stack, { entry: undefined, function: functionOf(stack, Duration.seconds(20)) });
  expect(stack.resolve(logGroup.logGroupName)).toEqual({ Ref: expect.stringMatching(/^OwnLogs/) });
  Template.fromStack(stack).resourceCountIs("AWS::Lambda::Function", 1);
});

test("a log group that CDK made is found, and that of Lambda has Lambda's name", () => {
  const stack = unbundled();
  stack.node.setContext(LAMBDA_LOG_GROUP, true);
  const own = functionOf(stack, Duration.seconds(20), { logGroup: undefined });
  const made = pipelineOf(stack, { entry: undefined, function: own });
  expect(stack.resolve(made.logGroup.logGroupName)).toEqual({ Ref: expect.stringMatching(/LogGroup/) });
  const quiet = unbundled();
  const fn = functionOf(quiet, Duration.seconds(20), { logGroup: undefined });
  const { logGroup } = pipelineOf(quiet, { entry: undefined, function: fn });
  expect(JSON.stringify(quiet.resolve(logGroup.logGroupName))).toContain("/aws/lambda/");
});
