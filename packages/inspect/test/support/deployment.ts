// A deployment on moto with which the doctor finds nothing wrong: table, function, mappings, queues and dedupe table, as
// docs/deploying.md wants them. Tests mutate it. Each deployment has names of its own, so that one engine serves many.

import type { CreateEventSourceMappingRequest } from "@aws-sdk/client-lambda";
import type { MotoEngine } from "@sluice/local";
import { type ObservedClients, observedClients } from "./observed-clients.ts";

/** A deployment, and the clients with which to judge and to mutate it. */
export interface TestDeployment extends ObservedClients {
  readonly functionName: string;
  readonly tableName: string;
  readonly streamArn: string;
  readonly mappingId: string;
  readonly retryMappingId: string;
  readonly retryQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly dedupeTable: string;
  readonly roleName: string;
  /** The settings of the mapping from the stream, to create another one. */
  readonly mapping: CreateEventSourceMappingRequest;
  readonly close: () => void;
}

/** A zip file without entries. */
const emptyZip = Buffer.from("504b0506000000000000000000000000000000000000", "hex");

/** Canaries: no output of the doctor may have a value of the function's variables. */
export const secrets: Readonly<Record<string, string>> = {
  DATABASE_URL: "postgres://orders:canary-password@db.internal:5432/orders",
  WEBHOOK_SECRET: "whsec_canary",
};

const lambdaRole = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

const tlsOnly = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: "sqs:*",
      Resource: "*",
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});

/** Attributes of a good queue. */
export const queueAttributes: Readonly<Record<string, string>> = {
  VisibilityTimeout: "360",
  MessageRetentionPeriod: "1209600",
  SqsManagedSseEnabled: "true",
  Policy: tlsOnly,
};

let deployments = 0;

const keyed = (TableName: string, keys: readonly string[]) =>
  ({
    TableName,
    KeySchema: keys.map((AttributeName, at) => ({ AttributeName, KeyType: at === 0 ? "HASH" : "RANGE" }) as const),
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" }) as const),
    BillingMode: "PAY_PER_REQUEST",
  }) as const;

const createTables = async ({ clients: { dynamodb } }: ObservedClients, name: string) => {
  const { TableDescription } = await dynamodb.createTable({
    ...keyed(name, ["pk"]),
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
  });
  const dedupeTable = `${name}-dedupe`;
  await dynamodb.createTable(keyed(dedupeTable, ["pk", "sk"]));
  await dynamodb.updateTimeToLive({
    TableName: dedupeTable,
    TimeToLiveSpecification: { AttributeName: "expiration", Enabled: true },
  });
  return { tableName: name, streamArn: TableDescription?.LatestStreamArn ?? "", dedupeTable };
};

const createQueue = async ({ clients: { sqs } }: ObservedClients, QueueName: string) => {
  const { QueueUrl = "" } = await sqs.createQueue({ QueueName, Attributes: queueAttributes });
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
  return { url: QueueUrl, arn: Attributes?.QueueArn ?? "" };
};

/** Creates a good deployment. */
export const createDeployment = async (engine: Pick<MotoEngine, "clientConfig">): Promise<TestDeployment> => {
  const observed = observedClients(engine);
  const { lambda, iam } = observed.clients;
  deployments += 1;
  const functionName = `orders-${process.pid}-${deployments}`;
  const roleName = `${functionName}-role`;
  const { Role } = await iam.createRole({ RoleName: roleName, AssumeRolePolicyDocument: lambdaRole });
  const tables = await createTables(observed, `${functionName}-table`);
  const retry = await createQueue(observed, `${functionName}-retry`);
  const deadLetters = await createQueue(observed, `${functionName}-dead`);
  await lambda.createFunction({
    FunctionName: functionName,
    Runtime: "nodejs24.x",
    Handler: "index.handler",
    Role: Role?.Arn,
    Timeout: 60,
    Code: { ZipFile: emptyZip },
    Environment: {
      Variables: {
        ...secrets,
        RETRY_QUEUE_URL: retry.url,
        DEAD_LETTER_QUEUE_URL: deadLetters.url,
        DEDUPE_TABLE: tables.dedupeTable,
      },
    },
  });
  // One shard, and a factor of 2.
  await lambda.putFunctionConcurrency({ FunctionName: functionName, ReservedConcurrentExecutions: 4 });
  const mapping: CreateEventSourceMappingRequest = {
    FunctionName: functionName,
    EventSourceArn: tables.streamArn,
    StartingPosition: "TRIM_HORIZON",
    BatchSize: 1_000,
    MaximumBatchingWindowInSeconds: 1,
    ParallelizationFactor: 2,
    BisectBatchOnFunctionError: true,
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    MaximumRetryAttempts: 10_000,
    MaximumRecordAgeInSeconds: 79_200,
    DestinationConfig: { OnFailure: { Destination: `arn:aws:s3:::${functionName}-on-failure` } },
    MetricsConfig: { Metrics: ["EventCount"] },
  };
  const { UUID: mappingId = "" } = await lambda.createEventSourceMapping(mapping);
  const { UUID: retryMappingId = "" } = await lambda.createEventSourceMapping({
    FunctionName: functionName,
    EventSourceArn: retry.arn,
    BatchSize: 10,
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  });
  observed.calls.length = 0;
  return {
    ...observed,
    ...tables,
    functionName,
    roleName,
    mapping,
    mappingId,
    retryMappingId,
    retryQueueUrl: retry.url,
    deadLetterQueueUrl: deadLetters.url,
    close: () => {
      for (const client of Object.values(observed.clients)) client.destroy();
    },
  };
};
