// Breaks a good deployment in one place each.

import { queueAttributes, type TestDeployment } from "../support/deployment.ts";

/** A change of a deployment that yields findings with one code. */
export interface Mutation {
  readonly code: string;
  readonly name: string;
  /** What it changes: two mutations that touch one thing, or of which one hides the other, exclude each other. */
  readonly touches: readonly string[];
  readonly apply: (deployment: TestDeployment) => Promise<unknown> | unknown;
}

type Mapping = Readonly<Record<string, unknown>>;

const updated = (
  code: string,
  touches: string,
  change: object,
  name = JSON.stringify(change).slice(0, 80),
): Mutation => ({
  code,
  name,
  touches: [touches],
  apply: ({ clients, mappingId }) => clients.lambda.updateEventSourceMapping({ UUID: mappingId, ...change }),
});

/** For what moto does not keep, or keeps from being set. */
const answered = (
  code: string,
  touches: string,
  change: object,
  uuid = (of: TestDeployment) => of.mappingId,
): Mutation => ({
  code,
  name: `the answer has ${JSON.stringify(change).slice(0, 80)}`,
  touches: [touches],
  apply: (deployment) =>
    deployment.rewrite("lambda:ListEventSourceMappings", (answer: { EventSourceMappings?: readonly Mapping[] }) => ({
      ...answer,
      EventSourceMappings: (answer.EventSourceMappings ?? []).map((mapping) =>
        mapping.UUID === uuid(deployment) ? { ...mapping, ...change } : mapping,
      ),
    })),
});

const configured = (code: string, touches: string, change: object): Mutation => ({
  code,
  name: JSON.stringify(change),
  touches: [touches],
  apply: ({ clients, functionName }) =>
    clients.lambda.updateFunctionConfiguration({ FunctionName: functionName, ...change }),
});

const described = (code: string, change: object): Mutation => ({
  code,
  name: JSON.stringify(change),
  touches: ["function.state"],
  apply: ({ rewrite }) => rewrite("lambda:GetFunctionConfiguration", (answer: object) => ({ ...answer, ...change })),
});

/** moto forgets the policy when other attributes are set. */
const setAttributes = async (
  { clients: { sqs } }: TestDeployment,
  QueueUrl: string,
  change: Readonly<Record<string, string>>,
) => {
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["Policy"] });
  await sqs.setQueueAttributes({ QueueUrl, Attributes: { ...Attributes, ...change } });
};

const queued = (
  code: string,
  queue: "retryQueueUrl" | "deadLetterQueueUrl",
  Attributes: Record<string, string>,
): Mutation => ({
  code,
  name: `${queue} with ${JSON.stringify(Attributes).slice(0, 80)}`,
  touches: Object.keys(Attributes).map((attribute) => `${queue}.${attribute}`),
  apply: (deployment) => setAttributes(deployment, deployment[queue], Attributes),
});

const filters = (pattern: unknown) => ({ FilterCriteria: { Filters: [{ Pattern: JSON.stringify(pattern) }] } });

/** moto cannot switch a stream on again: the table is deleted, and created with another stream, as by a restore. */
const streamWith = async ({ clients, tableName }: TestDeployment, StreamViewType: "KEYS_ONLY" | "NEW_IMAGE") => {
  await clients.dynamodb.deleteTable({ TableName: tableName });
  const { TableDescription } = await clients.dynamodb.createTable({
    TableName: tableName,
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
    StreamSpecification: { StreamEnabled: true, StreamViewType },
  });
  return TableDescription?.LatestStreamArn ?? "";
};

/** The view type of a stream cannot be changed: the mapping must read a new one. */
const readNewStream = async (deployment: TestDeployment, view: "KEYS_ONLY" | "NEW_IMAGE", change: object = {}) => {
  const EventSourceArn = await streamWith(deployment, view);
  await deployment.clients.lambda.deleteEventSourceMapping({ UUID: deployment.mappingId });
  await deployment.clients.lambda.createEventSourceMapping({ ...deployment.mapping, ...change, EventSourceArn });
};

const setVariables = async (
  { clients, functionName }: TestDeployment,
  change: (variables: Readonly<Record<string, string>>) => Record<string, string>,
) => {
  const { Environment } = await clients.lambda.getFunctionConfiguration({ FunctionName: functionName });
  await clients.lambda.updateFunctionConfiguration({
    FunctionName: functionName,
    Environment: { Variables: change(Environment?.Variables ?? {}) },
  });
};

const withoutVariable = (variable: string) => (deployment: TestDeployment) =>
  setVariables(deployment, ({ [variable]: _, ...others }) => others);

const addReaders = async ({ clients, mapping, roleName }: TestDeployment, count: number) => {
  const { Role } = await clients.iam.getRole({ RoleName: roleName });
  for (let index = 0; index < count; index += 1) {
    const FunctionName = `${mapping.FunctionName}-reader-${index}`;
    await clients.lambda.createFunction({
      FunctionName,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: Role?.Arn,
      Code: { ZipFile: Buffer.from("504b0506000000000000000000000000000000000000", "hex") },
    });
    await clients.lambda.createEventSourceMapping({ ...mapping, FunctionName });
  }
};

/** The mutations: at least one of each code of the areas mapping, stream, function and queues. */
export const mutations: readonly Mutation[] = [
  updated("PARTIAL_RESPONSES_MISSING", "mapping.types", { FunctionResponseTypes: [] }),
  answered("PARTIAL_RESPONSES_MISSING", "retry.types", { FunctionResponseTypes: [] }, (of) => of.retryMappingId),
  answered("DESTINATION_MISSING", "mapping.destination", { DestinationConfig: { OnFailure: {} } }),
  answered("DESTINATION_MISSING", "mapping.destination", { DestinationConfig: undefined }),
  {
    code: "DESTINATION_FIFO",
    name: "a FIFO queue as destination",
    touches: ["mapping.destination"],
    apply: async ({ clients, functionName, mappingId }) => {
      const { QueueUrl = "" } = await clients.sqs.createQueue({
        QueueName: `${functionName}.fifo`,
        Attributes: { FifoQueue: "true" },
      });
      const { Attributes } = await clients.sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
      await clients.lambda.updateEventSourceMapping({
        UUID: mappingId,
        DestinationConfig: { OnFailure: { Destination: Attributes?.QueueArn } },
      });
    },
  },
  updated("RECORD_AGE_TOO_LONG", "mapping.age", { MaximumRecordAgeInSeconds: 604_800 }),
  answered("TUMBLING_WINDOW", "mapping.window", { TumblingWindowInSeconds: 30 }),
  updated("BISECT_MISSING", "mapping.bisect", { BisectBatchOnFunctionError: false }),
  answered("LATEST_LOSES", "mapping.position", { StartingPosition: "LATEST" }),
  updated("FILTER_NUMBER", "mapping.filters", filters({ dynamodb: { Keys: { pk: { N: [5] } } } })),
  updated("FILTER_UNTYPED", "mapping.filters", filters({ dynamodb: { Keys: { pk: ["a"] } } })),
  updated("FILTER_SHAPE", "mapping.filters", filters({ eventName: "REMOVE" })),
  updated("FILTER_DROPS_REMOVALS", "mapping.filters", filters({ eventName: ["INSERT"] })),
  {
    code: "FILTER_VIEW_TYPE",
    name: "filters on a stream of new images",
    touches: ["stream", "mappings", "mapping.filters"],
    apply: (deployment) => readNewStream(deployment, "NEW_IMAGE", filters({ eventName: ["REMOVE"] })),
  },
  {
    code: "MAPPING_MISSING",
    name: "no mapping from the stream",
    touches: ["mappings", "stream", "table", "retry", "all"],
    apply: ({ clients, mappingId }) => clients.lambda.deleteEventSourceMapping({ UUID: mappingId }),
  },
  updated("MAPPING_DISABLED", "mapping.state", { Enabled: false }),
  {
    code: "MAPPING_DISABLED",
    name: "the retry queue's mapping",
    touches: ["retry.state"],
    apply: ({ clients, retryMappingId }) =>
      clients.lambda.updateEventSourceMapping({ UUID: retryMappingId, Enabled: false }),
  },
  answered("MAPPING_PROBLEM", "mapping.state", { LastProcessingResult: "PROBLEM: Function call failed" }),
  answered("METRICS_OFF", "mapping.metrics", { MetricsConfig: undefined }),
  {
    code: "MAPPING_TWICE",
    name: "a second mapping to an alias",
    touches: ["mappings"],
    apply: async ({ clients, functionName, mapping }) => {
      await clients.lambda.publishVersion({ FunctionName: functionName });
      await clients.lambda.createAlias({ FunctionName: functionName, Name: "live", FunctionVersion: "1" });
      await clients.lambda.createEventSourceMapping({ ...mapping, FunctionName: `${functionName}:live` });
    },
  },
  {
    code: "STREAM_MISSING",
    name: "the stream is off",
    touches: ["stream"],
    // moto answers DescribeStream with an error if the stream is off.
    apply: ({ rewrite }) =>
      rewrite("dynamodb:DescribeTable", (answer: { Table: object }) => ({
        ...answer,
        Table: { ...answer.Table, StreamSpecification: undefined },
      })),
  },
  {
    code: "VIEW_TYPE",
    name: "KEYS_ONLY",
    touches: ["stream", "mappings", "mapping.filters"],
    apply: (deployment) => readNewStream(deployment, "KEYS_ONLY"),
  },
  {
    code: "STREAM_DEAD",
    name: "the stream was switched off and on",
    touches: ["stream", "mapping.filters"],
    apply: (deployment) => streamWith(deployment, "NEW_IMAGE"),
  },
  {
    code: "TABLE_MISSING",
    name: "the table is deleted",
    touches: ["stream", "mappings"],
    apply: ({ clients, tableName }) => clients.dynamodb.deleteTable({ TableName: tableName }),
  },
  {
    code: "READERS_TOO_MANY",
    name: "three readers",
    touches: ["mappings", "stream"],
    apply: (deployment) => addReaders(deployment, 2),
  },
  {
    code: "READERS_TOO_MANY",
    name: "two readers of a global table",
    touches: ["mappings", "stream"],
    apply: async (deployment) => {
      await addReaders(deployment, 1);
      deployment.rewrite("dynamodb:DescribeTable", (answer: { Table: object }) => ({
        ...answer,
        Table: { ...answer.Table, Replicas: [{ RegionName: "eu-west-1" }] },
      }));
    },
  },
  configured("RUNTIME_TOO_OLD", "function.runtime", { Runtime: "nodejs20.x" }),
  configured("TIMEOUT_TOO_SHORT", "function.timeout", { Timeout: 4 }),
  configured("VISIBILITY_TOO_SHORT", "function.timeout", { Timeout: 900 }),
  queued("VISIBILITY_TOO_SHORT", "retryQueueUrl", { VisibilityTimeout: "20" }),
  {
    code: "FUNCTION_MISSING",
    name: "the function is deleted",
    touches: ["all"],
    apply: async ({ clients, functionName, mappingId, retryMappingId }) => {
      for (const UUID of [mappingId, retryMappingId]) await clients.lambda.deleteEventSourceMapping({ UUID });
      await clients.lambda.deleteFunction({ FunctionName: functionName });
    },
  },
  described("FUNCTION_FAILED", { State: "Failed", StateReasonCode: "ImageAccessDenied" }),
  described("FUNCTION_NOT_UPDATED", {
    LastUpdateStatus: "Failed",
    LastUpdateStatusReasonCode: "SubnetOutOfIPAddresses",
  }),
  {
    code: "CONCURRENCY_ZERO",
    name: "the function is switched off",
    touches: ["function.concurrency"],
    apply: ({ clients, functionName }) =>
      clients.lambda.putFunctionConcurrency({ FunctionName: functionName, ReservedConcurrentExecutions: 0 }),
  },
  {
    code: "CONCURRENCY_TOO_LOW",
    name: "one environment for two batches",
    // Without the table, or with a new stream, the number of shards is another one.
    touches: ["function.concurrency", "stream"],
    apply: ({ clients, functionName }) =>
      clients.lambda.putFunctionConcurrency({ FunctionName: functionName, ReservedConcurrentExecutions: 1 }),
  },
  ...["DEAD_LETTER_QUEUE_URL", "RETRY_QUEUE_URL"].map((variable) => ({
    code: "VARIABLE_MISSING",
    name: variable,
    touches: ["variables", variable === "RETRY_QUEUE_URL" ? "retryQueueUrl" : "deadLetterQueueUrl"],
    apply: withoutVariable(variable),
  })),
  {
    code: "QUEUE_MISSING",
    name: "the dead-letter queue is deleted",
    touches: ["deadLetterQueueUrl"],
    apply: ({ clients, deadLetterQueueUrl }) => clients.sqs.deleteQueue({ QueueUrl: deadLetterQueueUrl }),
  },
  {
    code: "QUEUE_MISSING",
    name: "the destination is a queue that does not exist",
    touches: ["mapping.destination"],
    apply: ({ clients, mappingId, streamArn }) =>
      clients.lambda.updateEventSourceMapping({
        UUID: mappingId,
        DestinationConfig: { OnFailure: { Destination: `arn:aws:sqs:us-east-1:${streamArn.split(":")[4]}:gone` } },
      }),
  },
  {
    code: "QUEUES_SAME",
    name: "one queue for both",
    touches: ["variables", "deadLetterQueueUrl", "retryQueueUrl"],
    apply: (deployment) =>
      setVariables(deployment, (variables) => ({ ...variables, DEAD_LETTER_QUEUE_URL: deployment.retryQueueUrl })),
  },
  {
    code: "RETRY_QUEUE_UNREAD",
    name: "no mapping from the retry queue",
    touches: ["retry", "variables", "retryQueueUrl"],
    apply: ({ clients, retryMappingId }) => clients.lambda.deleteEventSourceMapping({ UUID: retryMappingId }),
  },
  {
    code: "DEAD_LETTERS_READ",
    name: "the function reads its dead letters",
    touches: ["mappings", "variables", "deadLetterQueueUrl", "function.timeout"],
    apply: async ({ clients, functionName, deadLetterQueueUrl: QueueUrl }) => {
      const { Attributes } = await clients.sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
      await clients.lambda.createEventSourceMapping({
        FunctionName: functionName,
        EventSourceArn: Attributes?.QueueArn,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
      });
    },
  },
  queued("DEAD_LETTERS_TOO_SHORT", "deadLetterQueueUrl", { MessageRetentionPeriod: "345600" }),
  queued("RETRIES_TOO_SHORT", "retryQueueUrl", { MessageRetentionPeriod: "86400" }),
  {
    code: "QUEUE_MOVES_MESSAGES",
    name: "a redrive policy",
    touches: ["deadLetterQueueUrl.RedrivePolicy"],
    apply: async (deployment) => {
      const { clients, functionName, deadLetterQueueUrl } = deployment;
      const { sqs } = clients;
      const { QueueUrl } = await sqs.createQueue({ QueueName: `${functionName}-other`, Attributes: queueAttributes });
      const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
      const policy = { deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 3 };
      await setAttributes(deployment, deadLetterQueueUrl, { RedrivePolicy: JSON.stringify(policy) });
    },
  },
  queued("QUEUE_UNENCRYPTED", "deadLetterQueueUrl", { SqsManagedSseEnabled: "false" }),
  queued("QUEUE_WITHOUT_TLS", "retryQueueUrl", { Policy: "" }),
  {
    code: "TTL_MISSING",
    name: "entries of the dedupe table do not expire",
    touches: ["dedupe"],
    apply: ({ clients, dedupeTable }) =>
      clients.dynamodb.updateTimeToLive({
        TableName: dedupeTable,
        TimeToLiveSpecification: { AttributeName: "expiration", Enabled: false },
      }),
  },
];

const clash = (a: string, b: string): boolean =>
  a === b || a === "all" || b === "all" || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** A timeout is judged together with the visibility of the retry queue, and the mappings' answers with the mapping. */
const together: readonly (readonly [string, string])[] = [
  ["function.timeout", "retryQueueUrl"],
  ["mappings", "mapping"],
];

const isTogether = (a: string, b: string): boolean =>
  together.some(([one, other]) => a === one && (b === other || b.startsWith(`${other}.`)));

/** Whether two mutations can be applied to one deployment, so that both show. */
export const isIndependent = (a: Mutation, b: Mutation): boolean =>
  a.touches.every((one) =>
    b.touches.every((other) => !clash(one, other) && !isTogether(one, other) && !isTogether(other, one)),
  );
