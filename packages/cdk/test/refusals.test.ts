// Each combination that would lose records, or that AWS would refuse at deployment, throws while the stack is made.

import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  DeployError,
  type FilterPattern,
  PipelineFunction,
  postgresAccess,
  Retries,
  type SinkAccess,
  webhookAccess,
} from "@sluice/cdk";
import { type App, Duration, Lazy, Stack, Token } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { AttributeType, StreamViewType, Table, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { FilterCriteria, type Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { checkEsbuild } from "../src/function/bundling.ts";
import {
  databaseOf,
  entry,
  functionOf,
  type PipelineChanges,
  pipelineOf,
  tableOf,
  unbundled,
  vpcOf,
} from "./support/pipeline.ts";

const sink = (access: Partial<SinkAccess> = {}): SinkAccess => ({ name: "target", grant: () => undefined, ...access });
const days = Duration.days(14);
const filters = (...patterns: readonly FilterPattern[]): PipelineChanges => ({ mapping: { filters: patterns } });
const newImage = (attribute: unknown): PipelineChanges =>
  filters({ eventName: ["REMOVE"] }, { dynamodb: { NewImage: { total: attribute } } });
const pattern = { eventName: ["INSERT", "REMOVE"] };

/** What is refused, with which code, and a part of the message that names the found value or the way out. */
const refusals: readonly (readonly [string, string, string, (stack: Stack) => PipelineChanges])[] = [
  ["no table and no stream", "SOURCE_MISSING", "Set table", () => ({ table: undefined })],
  [
    "a table without a stream",
    "STREAM_MISSING",
    "NEW_AND_OLD_IMAGES",
    (stack) => ({ table: new Table(stack, "T", { partitionKey: { name: "pk", type: AttributeType.STRING } }) }),
  ],
  [
    "a global table without a stream",
    "STREAM_MISSING",
    "dynamoStream",
    (stack) => ({ table: new TableV2(stack, "T", { partitionKey: { name: "pk", type: AttributeType.STRING } }) }),
  ],
  [
    "a table that was imported without its stream",
    "STREAM_MISSING",
    "tableStreamArn",
    (stack) => ({ table: Table.fromTableName(stack, "T", "orders") }),
  ],
  ["keys only", "VIEW_TYPE", "KEYS_ONLY", (stack) => ({ table: keyed(stack, StreamViewType.KEYS_ONLY) })],
  ["old images only", "VIEW_TYPE", "OLD_IMAGE", (stack) => ({ table: keyed(stack, StreamViewType.OLD_IMAGE) })],
  [
    "keys only of a global table",
    "VIEW_TYPE",
    "KEYS_ONLY",
    (stack) => ({
      table: new TableV2(stack, "T", {
        partitionKey: { name: "pk", type: AttributeType.STRING },
        dynamoStream: StreamViewType.KEYS_ONLY,
      }),
    }),
  ],
  [
    "keys only of a given stream",
    "VIEW_TYPE",
    "KEYS_ONLY",
    () => ({
      table: undefined,
      stream: { streamArn: "arn:aws:dynamodb:eu-west-1:1:table/t/stream/1", viewType: StreamViewType.KEYS_ONLY },
    }),
  ],
  [
    "an alias",
    "FUNCTION_KIND",
    "provisionedConcurrency",
    (stack) => ({ entry: undefined, function: functionOf(stack).addAlias("live") as unknown as LambdaFunction }),
  ],
  [
    "a function of another stack",
    "FUNCTION_OTHER_STACK",
    "Create both in one stack",
    ({ node }) => ({
      entry: undefined,
      function: functionOf(new Stack(node.root as App, "Other"), Duration.seconds(9)),
    }),
  ],
  [
    "a function of one's own in another language",
    "RUNTIME_TOO_OLD",
    "python3.13",
    (stack) => ({ entry: undefined, function: functionOf(stack, days, { runtime: Runtime.PYTHON_3_13 }) }),
  ],
  [
    "a timeout over 15 minutes",
    "OPTION_RANGE",
    "is 901",
    () => ({ functionOptions: { timeout: Duration.seconds(901) } }),
  ],
  ["a memory that Lambda lacks", "OPTION_RANGE", "is 64", () => ({ functionOptions: { memorySize: 64 } })],
  [
    "more provisioned than reserved concurrency",
    "PROVISIONED_OVER_RESERVED",
    "which is 1",
    () => ({ functionOptions: { reservedConcurrency: 1, provisionedConcurrency: 2 } }),
  ],
  [
    "a visibility over 12 hours",
    "OPTION_RANGE",
    "43200",
    () => ({ retryQueue: { visibilityTimeout: Duration.hours(13) } }),
  ],
  ["an expiration below a day", "OPTION_RANGE", "whole days", () => ({ onFailure: { expiration: Duration.hours(5) } })],
  [
    "a share above 1",
    "ALARM_THRESHOLD",
    "at most 1",
    () => ({ alarms: { routes: ["a"], thresholds: { "all-superseded": 90 } } }),
  ],
  ["an endless threshold", "ALARM_THRESHOLD", "Infinity", () => ({ alarms: { thresholds: { errors: Infinity } } })],
  ["an ensure over 14 minutes", "ENSURE_TIMEOUT", "840", () => ({ ensure: { entry, timeout: Duration.minutes(15) } })],
  ["no sinks", "SINKS_NOT_ACCESSES", "sinks: [snsAccess", () => ({ sinks: undefined })],
  [
    "an access that was not called",
    "SINKS_NOT_ACCESSES",
    "sinks: [snsAccess",
    () => ({ sinks: [webhookAccess as unknown as SinkAccess] }),
  ],
  [
    "retries without dead letters",
    "RETRIES_WITHOUT_DEAD_LETTERS",
    "retryQueue to false",
    () => ({ deadLetters: false }),
  ],
  ["an empty name", "PIPELINE_NAME", "leave pipelineName out", () => ({ pipelineName: " " })],
  ["a logical id with a hyphen", "LOGICAL_ID", '"a-b"', () => ({ mapping: { logicalId: "a-b" } })],
  ["a variable with a hyphen", "VARIABLE_NAME", '"a-b"', () => ({ environment: { "a-b": "1" } })],
  ["a filter that is a text", "FILTER_SHAPE", "not as a text", () => filters("{}" as unknown as FilterPattern)],
  [
    "the result of FilterCriteria.filter",
    "FILTER_SHAPE",
    "pattern is string",
    () => filters(FilterCriteria.filter({ eventName: ["REMOVE"] })),
  ],
  ["a filter without values", "FILTER_SHAPE", "an empty list", () => filters({ eventName: [] })],
  ["an attribute without a list", "FILTER_SHAPE", "dynamodb.NewImage.total.S is string", () => newImage({ S: "open" })],
  [
    "the ARN of a table as a stream",
    "STREAM_ARN",
    "LatestStreamArn",
    () => ({ table: undefined, stream: { streamArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders" } }),
  ],
  [
    "a stream of another region",
    "STREAM_OTHER_REGION",
    "us-east-1",
    () => ({ table: undefined, stream: { streamArn: `arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1` } }),
  ],
  [
    "a table of another region",
    "STREAM_OTHER_REGION",
    "table.replica",
    ({ node, account }) => ({
      table: tableOf(new Stack(node.root as App, "Other", { env: { account, region: "us-east-1" } })),
    }),
  ],
  [
    "a database without its network",
    "FUNCTION_NOT_IN_VPC",
    "Set vpc of postgresAccess",
    (stack) => ({
      sinks: [postgresAccess({ secret: new Secret(stack, "Secret"), database: databaseOf(vpcOf(stack, "Vpc")) })],
    }),
  ],
  ["negative failures", "OPTION_RANGE", "maxFailures", () => ({ backfill: { entry, maxFailures: -1 } })],
  [
    "an unknown precondition",
    "OPTION_RANGE",
    "skipChecks",
    () => ({ backfill: { entry, skipChecks: ["lag" as "live"] } }),
  ],
  ["an empty prefix", "OPTION_RANGE", "prefix", () => ({ backfill: { entry, prefix: "" } })],
  ["half a suspect", "OPTION_RANGE", "maxSuspects", () => ({ verify: { entry, maxSuspects: 0.5 } })],
  ["a grace of days", "OPTION_RANGE", "graceMs", () => ({ verify: { entry, grace: Duration.days(2) } })],
  ["a sample of 5 instead of 5 %", "OPTION_RANGE", "0.05", () => ({ verify: { entry, sample: 5 } })],
  [
    "an option that the workflow refuses",
    "OPTION_RANGE",
    "maxConcurrency",
    () => ({ backfill: { entry, maxConcurrency: 0 } }),
  ],
  ["no entry and no function", "ENTRY_OR_FUNCTION", "Set entry", () => ({ entry: undefined })],
  [
    "an entry and a function",
    "ENTRY_OR_FUNCTION",
    "an entry and a function",
    (stack) => ({ function: functionOf(stack) }),
  ],
  [
    "a function and its options",
    "FUNCTION_OPTIONS",
    "functionOptions.memorySize",
    (stack) => ({ entry: undefined, function: functionOf(stack), functionOptions: { memorySize: 128 } }),
  ],
  ["an entry that does not exist", "ENTRY_MISSING", "or join(__dirname", () => ({ entry: "missing.ts" })],
  [
    "a sink's package that is not installed",
    "PACKAGE_MISSING",
    "npm install no-such-package-of-a-sink",
    () => ({ sinks: [sink({ packages: ["constructs", "no-such-package-of-a-sink"] })] }),
  ],
  [
    "a runtime that is too old",
    "RUNTIME_TOO_OLD",
    "nodejs20.x",
    () => ({ functionOptions: { runtime: Runtime.NODEJS_20_X } }),
  ],
  ["another language", "RUNTIME_TOO_OLD", "python", () => ({ functionOptions: { runtime: Runtime.PYTHON_3_13 } })],
  [
    "a timeout shorter than a request",
    "TIMEOUT_TOO_SHORT",
    "at least 35 s",
    () => ({
      functionOptions: { timeout: Duration.seconds(34) },
      sinks: [sink({ maxSeconds: 30 }), sink({ maxSeconds: 3 })],
    }),
  ],
  [
    "Lambda's own timeout of 3 seconds",
    "TIMEOUT_TOO_SHORT",
    "timeout is 3 s",
    (stack) => ({ entry: undefined, function: functionOf(stack) }),
  ],
  [
    "two VPCs",
    "NETWORK_TWO_VPCS",
    "the sink second the VPC Test/B",
    (stack) => ({
      sinks: [
        sink({ network: { vpc: vpcOf(stack, "A") } }),
        sink({ name: "second", network: { vpc: vpcOf(stack, "B") } }),
      ],
    }),
  ],
  [
    "two sets of subnets",
    "NETWORK_TWO_SUBNETS",
    "Pass the same subnets",
    (stack) => {
      const vpc = vpcOf(stack, "Vpc");
      const of = (subnets: typeof vpc.publicSubnets) => sink({ network: { vpc, subnets: { subnets } } });
      return { sinks: [of(vpc.privateSubnets), of(vpc.publicSubnets)] };
    },
  ],
  [
    "a variable with two values of two sinks",
    "VARIABLE_CONFLICT",
    "DATABASE_URL is set to different values by the sink target and by the sink second",
    () => ({
      sinks: [
        sink({ environment: { DATABASE_URL: "a" } }),
        sink({ name: "second", environment: { DATABASE_URL: "b" } }),
      ],
    }),
  ],
  [
    "a variable of the pipeline with another value",
    "VARIABLE_CONFLICT",
    "by the pipeline and by the option environment",
    () => ({ environment: { SOURCE_TABLE: "orders" } }),
  ],
  [
    "a variable of a function with another value",
    "VARIABLE_CONFLICT",
    "by the function itself and by the option environment",
    (stack) => ({ entry: undefined, function: functionOf(stack, Duration.seconds(9)), environment: { OWN: "2" } }),
  ],
  [
    "dead letters that are deleted early",
    "DEAD_LETTERS_TOO_SHORT",
    "345600 s",
    (stack) => ({ deadLetters: new Queue(stack, "Q") }),
  ],
  [
    "dead letters that SQS moves",
    "QUEUE_MOVES_MESSAGES",
    "dead-letter queue Test/Q",
    (stack) => ({
      deadLetters: new Queue(stack, "Q", {
        retentionPeriod: days,
        deadLetterQueue: { queue: new Queue(stack, "R"), maxReceiveCount: 3 },
      }),
    }),
  ],
  [
    "retries that SQS moves",
    "QUEUE_MOVES_MESSAGES",
    "retry queue Test/Q",
    (stack) => ({
      retryQueue: {
        queue: new Queue(stack, "Q", {
          visibilityTimeout: Duration.minutes(6),
          deadLetterQueue: { queue: new Queue(stack, "R"), maxReceiveCount: 3 },
        }),
      },
    }),
  ],
  [
    "a visibility shorter than six timeouts",
    "VISIBILITY_TOO_SHORT",
    "at least 360 s",
    () => ({ retryQueue: { visibilityTimeout: Duration.seconds(359) } }),
  ],
  [
    "the visibility of a queue of one's own",
    "VISIBILITY_TOO_SHORT",
    "timeout of 30 s",
    (stack) => ({ retryQueue: { queue: new Queue(stack, "Q") } }),
  ],
  [
    "one queue for both",
    "QUEUES_SAME",
    "expected two queues",
    (stack) => {
      const queue = new Queue(stack, "Q", { retentionPeriod: days, visibilityTimeout: Duration.minutes(6) });
      return { deadLetters: queue, retryQueue: { queue } };
    },
  ],
  [
    "a large batch without a window",
    "WINDOW_MISSING",
    "batchSize is 11",
    () => ({ retryQueue: { batchSize: 11, batchingWindow: Duration.seconds(0) } }),
  ],
  [
    "a window of a FIFO queue",
    "WINDOW_FIFO",
    "2 s",
    () => ({ retryQueue: { fifo: true, batchingWindow: Duration.seconds(2) } }),
  ],
  [
    "a large batch of a FIFO queue",
    "OPTION_RANGE",
    "from 1 to 10",
    () => ({ retryQueue: { fifo: true, batchSize: 11 } }),
  ],
  ["a concurrency of one", "OPTION_RANGE", "from 2 to 1000", () => ({ retryQueue: { maxConcurrency: 1 } })],
  [
    "a FIFO queue for failed batches",
    "DESTINATION_FIFO",
    "Test/Q",
    (stack) => ({ onFailure: new Queue(stack, "Q", { fifo: true }) }),
  ],
  [
    "attempts without a destination",
    "DESTINATION_MISSING",
    "retryAttempts is 0",
    () => ({ onFailure: false, mapping: { retryAttempts: 0 } }),
  ],
  [
    "an age without a destination",
    "DESTINATION_MISSING",
    "maxRecordAge is set",
    () => ({ onFailure: false, mapping: { maxRecordAge: Duration.hours(1) } }),
  ],
  [
    "an age that the stream does not reach",
    "RECORD_AGE_TOO_LONG",
    "86400 s",
    () => ({ mapping: { maxRecordAge: Duration.days(1) } }),
  ],
  [
    "an age that Lambda refuses",
    "OPTION_RANGE",
    "from 60 to",
    () => ({ mapping: { maxRecordAge: Duration.seconds(59) } }),
  ],
  [
    "LATEST without a reason",
    "LATEST_LOSES",
    "TRIM_HORIZON",
    () => ({ mapping: { startingPosition: "LATEST", latestBecause: " " } }),
  ],
  ["a batch that is too large", "OPTION_RANGE", "batchSize is 10001", () => ({ mapping: { batchSize: 10_001 } })],
  ["half a batch", "OPTION_RANGE", "whole number", () => ({ mapping: { batchSize: 0.5 } })],
  ["a window that is too long", "OPTION_RANGE", "301", () => ({ mapping: { batchingWindow: Duration.seconds(301) } })],
  ["too many attempts", "OPTION_RANGE", "-1 is without limit", () => ({ mapping: { retryAttempts: 10_001 } })],
  ["too many batches of a shard", "OPTION_RANGE", "from 1 to 10", () => ({ mapping: { parallelizationFactor: 11 } })],
  [
    "a negative reservation",
    "OPTION_RANGE",
    "reservedConcurrency",
    () => ({ functionOptions: { reservedConcurrency: -1 } }),
  ],
  ["too many filters", "FILTERS_TOO_MANY", "11 filters", () => filters(...Array.from({ length: 11 }, () => pattern))],
  [
    "a filter that is too long",
    "FILTER_TOO_LONG",
    "4096",
    () => filters({ ...pattern, dynamodb: { Keys: { pk: { S: ["x".repeat(4_096)] } } } }),
  ],
  [
    "a filter for inserts only",
    "FILTER_DROPS_REMOVALS",
    "filtersDropRemovals",
    () => filters({ eventName: ["INSERT", "MODIFY"] }),
  ],
  [
    "filters that need a new image",
    "FILTER_DROPS_REMOVALS",
    "REMOVE",
    () => filters({ dynamodb: { NewImage: { type: { S: ["order"] } } } }),
  ],
  [
    "filters that need a new image in every alternative",
    "FILTER_DROPS_REMOVALS",
    "REMOVE",
    () => filters({ $or: [{ eventName: ["INSERT"] }, { dynamodb: { NewImage: { type: { S: ["a"] } } } }] }),
  ],
  ["a number of an item", "FILTER_NUMBER", "NewImage.total.N", () => newImage({ N: [5] })],
  ["a range of an item", "FILTER_NUMBER", "NewImage.total.N", () => newImage({ N: [{ numeric: [">", 5] }] })],
  ["a number within a map", "FILTER_NUMBER", "NewImage.total.M.net.N", () => newImage({ M: { net: { N: [5] } } })],
  ["a member of a map without a type", "FILTER_UNTYPED", "total.M.net.S", () => newImage({ M: { net: ["5"] } })],
  ["an attribute without a type", "FILTER_UNTYPED", "NewImage.total.S", () => newImage(["paid"])],
  [
    "an attribute without a type in an alternative",
    "FILTER_UNTYPED",
    "Keys.pk",
    () => filters(pattern, { $or: [{ dynamodb: { Keys: { pk: ["a"] } } }] }),
  ],
];

const keyed = (stack: Stack, stream: StreamViewType): Table =>
  new Table(stack, "T", { partitionKey: { name: "pk", type: AttributeType.STRING }, stream });

const refusalOf = (run: () => unknown): DeployError => {
  try {
    run();
  } catch (error) {
    if (error instanceof DeployError) return error;
    throw error;
  }
  throw new Error("was not refused");
};

describe("is refused at synth:", () => {
  test.each(refusals)("%s, %s", (_, code, part, changes) => {
    const stack = unbundled();
    const error = refusalOf(() => pipelineOf(stack, changes(stack)));
    expect(error.code).toBe(code);
    expect(error.message).toContain(part);
    expect(error.message).toContain("expected");
  });

  test("a function alone that has no entry", () => {
    expect(refusalOf(() => new PipelineFunction(unbundled(), "F", {})).code).toBe("ENTRY_OR_FUNCTION");
  });
});

describe("is accepted:", () => {
  const accepted: readonly (readonly [string, (stack: Stack) => PipelineChanges])[] = [
    [
      "inserts only, if the pipeline says so",
      () => ({ mapping: { filters: [{ eventName: ["INSERT"] }], filtersDropRemovals: true } }),
    ],
    ["all but one event", () => filters({ eventName: [{ "anything-but": ["INSERT"] }] })],
    ["a prefix of REMOVE", () => filters({ eventName: [{ prefix: "RE" }] })],
    ["an alternative for removals", () => filters({ $or: [pattern, { dynamodb: { NewImage: { a: { S: ["b"] } } } }] })],
    [
      "images in two alternatives",
      () => filters({ dynamodb: { $or: [{ OldImage: { a: { S: ["b"] } } }, { NewImage: { a: { S: ["b"] } } }] } }),
    ],
    ["a new image that is missing", () => filters({ dynamodb: { NewImage: { a: { S: [{ exists: false }] } } } })],
    [
      "the text of a number, a list, and an attribute named S",
      () =>
        filters(pattern, {
          dynamodb: { NewImage: { n: { N: ["5"] }, l: { L: { S: [{ exists: true }] } }, S: { S: ["x"] } } },
        }),
    ],
    [
      "a numeric range of a time",
      () => filters({ dynamodb: { ApproximateCreationDateTime: [{ numeric: [">", 5] }] } }),
    ],
    [
      "one VPC of two sinks",
      (stack) => {
        const vpc = vpcOf(stack, "Vpc");
        return { sinks: [sink({ network: { vpc } }), sink({ name: "second", network: { vpc } })] };
      },
    ],
    [
      "a variable with one value of two owners",
      () => ({ environment: { NAME: "1" }, sinks: [sink({ environment: { NAME: "1" } })] }),
    ],
    ["a standard queue for failed batches", (stack) => ({ onFailure: new Queue(stack, "Q") })],
  ];

  test.each(accepted)("%s", (_, changes) => {
    const stack = unbundled();
    pipelineOf(stack, changes(stack));
    Template.fromStack(stack).resourceCountIs("AWS::Lambda::EventSourceMapping", 2);
  });

  test("six filters, with a warning about the quota", () => {
    const stack = unbundled();
    pipelineOf(stack, filters(...Array.from({ length: 6 }, () => pattern)));
    Annotations.fromStack(stack).hasWarning("*", Match.stringLikeRegexp("raised quota"));
  });
});

test("tokens break no check", () => {
  const stack = unbundled();
  const number = (value: number): number =>
    Token.asNumber({ resolve: () => value, creationStack: [], toString: () => "" });
  const seconds = (value: number): Duration => Duration.seconds(number(value));
  pipelineOf(stack, {
    functionOptions: { timeout: seconds(1), reservedConcurrency: number(1) },
    mapping: {
      batchSize: number(20_000),
      batchingWindow: seconds(900),
      retryAttempts: number(-2),
      maxRecordAge: seconds(1),
      parallelizationFactor: number(50),
    },
    retryQueue: { batchSize: number(50_000), maxConcurrency: number(1), visibilityTimeout: seconds(1) },
    environment: { NAME: Lazy.string({ produce: () => "late" }) },
    sinks: [sink({ maxSeconds: 30, environment: { NAME: "late" } })],
  });
  Template.fromStack(stack).hasResourceProperties("AWS::Lambda::EventSourceMapping", { BatchSize: 20_000 });
});

test("a retry queue alone assumes Lambda's longest timeout if the timeout is a token", () => {
  const stack = unbundled();
  const timeout = Duration.seconds(Token.asNumber({ resolve: () => 9, creationStack: [], toString: () => "" }));
  new Retries(stack, "Retry", { target: functionOf(stack), timeout });
  Template.fromStack(stack).hasResourceProperties("AWS::SQS::Queue", { VisibilityTimeout: 5_400 });
  expect(tableOf(stack).tableStreamArn).toBeDefined();
});

describe("without esbuild beside aws-cdk-lib and in the path", () => {
  const { PATH } = process.env;
  const elsewhere = join(tmpdir(), "no-project", "index.js");
  beforeEach(() => {
    process.env.PATH = "";
  });
  afterEach(() => {
    process.env.PATH = PATH;
  });

  test("the error names esbuild, and not Docker's daemon", () => {
    expect(() => checkEsbuild({}, elsewhere)).toThrow("npm install --save-dev esbuild");
  });

  test("a bundle that Docker makes needs no esbuild", () => {
    expect(() => checkEsbuild({ more: { forceDockerBundling: true } }, elsewhere)).not.toThrow();
  });

  test("an esbuild beside aws-cdk-lib is found", () => {
    expect(() => checkEsbuild()).not.toThrow();
  });
});
