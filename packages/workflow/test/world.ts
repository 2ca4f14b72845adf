// A table with its stream, a pipeline with its event source mapping, and a dead-letter queue, all on local engines.
// Only the target is in memory.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { type PipelineHandler, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import type { Image, StreamRecord } from "@sluice/core/sink-kit";
import { type DynamodbEngine, eventSourceMapping, type SqsEngine, streamsClient } from "@sluice/local";
import { type MemoryUpsertSink, memoryUpsertSink } from "@sluice/testing";
import type { BatchOptions, LambdaClient } from "../src/index.ts";
import { invoking, silent } from "./rig.ts";

export interface World {
  readonly tableName: string;
  readonly queueUrl: string;
  readonly dynamodb: DynamoDB;
  readonly sqs: SQS;
  readonly target: MemoryUpsertSink<unknown>;
  readonly handler: PipelineHandler;
  readonly lambda: LambdaClient;
  /** Every record that the stream has emitted. */
  readonly records: StreamRecord[];
  /** Makes the pipeline's mapper refuse the items for which `refuses` returns true. Default: no items. */
  readonly refuse: (refuses: (item: Record<string, unknown>) => boolean) => void;
  readonly put: (item: Image) => Promise<void>;
  readonly get: (id: string) => Promise<Image | undefined>;
  /** Resolves when the pipeline has received all records. */
  readonly drained: () => Promise<void>;
  readonly deadLetters: () => Promise<number>;
  /** Options for `batchHandler`. */
  readonly options: BatchOptions;
  readonly stop: () => Promise<void>;
}

let worlds = 0;

const createTable = async (dynamodb: DynamoDB, TableName: string): Promise<string> => {
  const { TableDescription } = await dynamodb.createTable({
    TableName,
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
  });
  return TableDescription?.LatestStreamArn ?? "";
};

const messagesIn = async (sqs: SQS, QueueUrl: string): Promise<number> => {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const { Attributes = {} } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: [...names] });
  return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
};

/** Creates a table, a queue and a pipeline on shared engines. */
export const makeWorld = async (engines: {
  readonly dynamodb: DynamodbEngine;
  readonly sqs: SqsEngine;
}): Promise<World> => {
  worlds += 1;
  const tableName = `orders-${worlds}`;
  const dynamodb = new DynamoDB(engines.dynamodb.clientConfig);
  const sqs = new SQS(engines.sqs.clientConfig);
  const streamArn = await createTable(dynamodb, tableName);
  const { QueueUrl: queueUrl = "" } = await sqs.createQueue({ QueueName: `orders-dead-${worlds}` });
  const target = memoryUpsertSink<unknown>({ name: "copy" });
  let refuses = (_item: Record<string, unknown>): boolean => false;
  const handler = pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl, client: sqs }), logger: silent })
    .to<unknown, "upsert">(target, ({ after }) => {
      if (refuses(after)) throw new Error("refused");
      return after;
    })
    .handler();
  const records: StreamRecord[] = [];
  const mapping = eventSourceMapping({
    client: streamsClient(engines.dynamodb.endpoint),
    streamArn,
    handler: async (event, context) => {
      records.push(...event.Records);
      return handler(event, context);
    },
    startingPosition: "TRIM_HORIZON",
    functionResponseTypes: ["ReportBatchItemFailures"],
    pollIntervalMs: 20,
    retryDelayMs: () => 5,
  });
  await mapping.start();
  const lambda: LambdaClient = { invoke: invoking(handler) };
  return {
    tableName,
    queueUrl,
    dynamodb,
    sqs,
    target,
    handler,
    lambda,
    records,
    refuse: (chosen) => {
      refuses = chosen;
    },
    put: async (item) => {
      await dynamodb.putItem({ TableName: tableName, Item: item as never });
    },
    get: async (id) => {
      const { Item } = await dynamodb.getItem({ TableName: tableName, Key: { id: { S: id } }, ConsistentRead: true });
      return Item as Image | undefined;
    },
    drained: () => mapping.drained(),
    deadLetters: () => messagesIn(sqs, queueUrl),
    options: {
      queueUrl,
      pipelineFunction: "orders",
      tableName,
      pollSeconds: 0,
      logger: silent,
      clients: { sqs, lambda, dynamodb },
    },
    stop: async () => {
      await mapping.stop();
      dynamodb.destroy();
      sqs.destroy();
    },
  };
};
