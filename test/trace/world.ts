// A table with its stream, a pipeline with two routes, and queues, for the tests of `sluice trace`. Nothing runs by itself:
// the test delivers changes and consumes the retry queue, so that each state can be held.

import { isDeepStrictEqual } from "node:util";
import { DynamoDB, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreams } from "@aws-sdk/client-dynamodb-streams";
import { SQS } from "@aws-sdk/client-sqs";
import { type Pipeline, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { lambdaRecord, type StreamRecord, type StreamsApiRecord } from "@sluice/core/envelope";
import { deliveryLog } from "@sluice/core/metrics";
import { type Sink, SinkError } from "@sluice/core/sink-kit";
import { type ItemTrace, type TraceOptions, traceItem } from "@sluice/inspect";
import type { DynamodbEngine, PostgresEngine, SqsEngine } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { postgresSink } from "@sluice/sink-postgres";
import { lambdaContext, sqsEvent } from "@sluice/testing";
import pg from "pg";

export interface Engines {
  readonly dynamodb: DynamodbEngine;
  readonly postgres: PostgresEngine;
  readonly sqs: SqsEngine;
}

export interface Order {
  readonly id: string;
  readonly total: number;
  readonly hidden?: boolean;
  readonly note?: string;
}

export type RouteName = "postgres" | "replica";

/** Postgres refuses a row from this total on. */
export const refusedTotal = 1_000;

let opened = 0;

const silent = { info: () => undefined, warn: () => undefined };

/** The pipeline of the tests. `isDown`: whether a route's target takes no delivery. */
export const ordersPipeline = (
  options: Parameters<typeof pipeline<Order>>[1],
  pool: pg.Pool,
  client: DynamoDB,
  replica: string,
  isDown: (route: RouteName) => boolean,
): Pipeline<Order> => {
  const switchable = <Message>(name: RouteName, sink: Sink<Message, "upsert">): Sink<Message, "upsert"> => ({
    ...sink,
    name,
    write: async (batch, context) => {
      if (isDown(name)) throw new SinkError("SINK_UNAVAILABLE", `[${name}] is down`);
      return sink.write(batch, context);
    },
  });
  return pipeline<Order>("orders", options)
    .when((order) => order.hidden !== true)
    .to(switchable("postgres", postgresSink({ pool, table: "orders" })), ({ after }) => ({
      total: Number(after.total),
      note: String(after.note ?? ""),
    }))
    .to(switchable("replica", dynamodbSink({ client, table: replica })), ({ after }) => ({
      total: after.total,
      note: after.note ?? "",
    })) as unknown as Pipeline<Order>;
};

const createTable = async (client: DynamoDB, TableName: string, withStream: boolean): Promise<string> => {
  const { TableDescription } = await client.createTable({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    ...(withStream && { StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" } }),
  });
  return TableDescription?.LatestStreamArn ?? "";
};

/** Reads the stream's only shard, from where it ended before, until `written` records have come in total. */
const streamReader = (streams: DynamoDBStreams, streamArn: string, written: () => number) => {
  let iterator: string | undefined;
  let read = 0;
  return async (): Promise<StreamRecord[]> => {
    if (iterator === undefined) {
      const { StreamDescription } = await streams.describeStream({ StreamArn: streamArn });
      const ShardId = StreamDescription?.Shards?.[0]?.ShardId ?? "";
      const start = { StreamArn: streamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
      iterator = (await streams.getShardIterator(start)).ShardIterator;
    }
    const records: StreamRecord[] = [];
    // DynamoDB Local shows some writes a little late.
    while (read < written()) {
      const { Records = [], NextShardIterator } = await streams.getRecords({ ShardIterator: iterator as string });
      read += Records.length;
      records.push(...Records.map((one) => lambdaRecord(one as unknown as StreamsApiRecord, streamArn)));
      iterator = NextShardIterator;
    }
    return records;
  };
};

/** Opens a table with an empty target of each kind. */
export const openWorld = async (engines: Engines) => {
  opened += 1;
  const name = `traced-${process.pid}-${opened}`;
  const client = new DynamoDB(engines.dynamodb.clientConfig as DynamoDBClientConfig);
  const streams = new DynamoDBStreams(engines.dynamodb.clientConfig);
  const sqs = new SQS(engines.sqs.clientConfig);
  const streamArn = await createTable(client, name, true);
  const replica = `${name}-replica`;
  await createTable(client, replica, false);
  const databaseUrl = await engines.postgres.createDatabase();
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on("error", () => undefined);
  await pool.query(`CREATE TABLE orders (id text PRIMARY KEY, total int CHECK (total < ${refusedTotal}), note text)`);
  await postgresSink({ pool, table: "orders" }).ensure();
  const createQueue = async (kind: string): Promise<string> =>
    (await sqs.createQueue({ QueueName: `${name}-${kind}` })).QueueUrl ?? "";
  const [retryQueue, deadLetters] = [await createQueue("retry"), await createQueue("dead")];
  const down = new Set<RouteName>();
  const queueClient = sqs as never;
  const lines: string[] = [];
  const options = {
    deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetters, client: queueClient }),
    retryQueue: sqsRetryQueue({ queueUrl: retryQueue, client: queueClient, firstDelaySeconds: 0, maxDelaySeconds: 0 }),
    retry: { maxAttempts: 1 },
    logger: silent,
    observers: [deliveryLog({ write: (line) => void lines.push(line) })],
  };
  const orders = ordersPipeline(options as never, pool, client, replica, (route) => down.has(route));
  const handler = orders.handler();
  let written = 0;
  const read = streamReader(streams, streamArn, () => written);
  const undelivered: StreamRecord[] = [];
  const last = new Map<string, string>();

  const readMore = async (): Promise<void> => {
    for (const record of await read()) {
      undelivered.push(record);
      last.set(
        String((record.dynamodb?.Keys?.id as { readonly S?: string } | undefined)?.S),
        record.dynamodb?.SequenceNumber ?? "",
      );
    }
  };

  /** Delivers the next changes of the stream, at most `count`. Those that the handler reports stay undelivered. */
  const deliver = async (count = Number.POSITIVE_INFINITY): Promise<void> => {
    await readMore();
    const Records = undelivered.slice(0, count);
    if (Records.length === 0) return;
    const { batchItemFailures } = (await handler({ Records }, lambdaContext())) as {
      readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
    };
    const [first] = batchItemFailures;
    const done = Records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === first?.itemIdentifier);
    undelivered.splice(0, done === -1 ? Records.length : done);
  };

  /** Lets the handler consume the retry queue once. */
  const consumeRetries = async (): Promise<void> => {
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: retryQueue, MaxNumberOfMessages: 10 });
    if (Messages.length === 0) return;
    const bodies = Messages.map(({ Body = "" }) => Body);
    const event = sqsEvent(bodies, { queueName: `${name}-retry` });
    const Records = event.Records.map((record, index) => ({
      ...record,
      messageId: Messages[index]?.MessageId ?? "",
      receiptHandle: Messages[index]?.ReceiptHandle ?? "",
    }));
    const { batchItemFailures } = (await handler({ Records }, lambdaContext())) as {
      readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
    };
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { MessageId = "", ReceiptHandle } of Messages) {
      if (!failed.has(MessageId)) await sqs.deleteMessage({ QueueUrl: retryQueue, ReceiptHandle });
    }
  };

  const clientOf = (): TraceQueueClient => new SQS(engines.sqs.clientConfig) as never;
  type TraceQueueClient = NonNullable<TraceOptions["queues"]>[number]["client"];
  const traceOptions = (id: string): TraceOptions => ({
    pipeline: orders as never,
    table: { name, address: name, streamArn, keyNames: ["id"] },
    keys: { id: { S: id } },
    dynamodb: client as never,
    streams: streams as never,
    queues: [
      { kind: "retry queue", queueUrl: retryQueue, client: clientOf() },
      { kind: "dead letters", queueUrl: deadLetters, client: clientOf() },
    ],
  });

  return {
    name,
    replica,
    databaseUrl,
    streamArn,
    retryQueue,
    deadLetters,
    client,
    sqs,
    pool,
    down,
    /** The lines of `deliveryLog`. */
    lines: lines as readonly string[],
    deliver,
    /** The sequence number of the item's last change. */
    lastOf: async (id: string): Promise<string | undefined> => {
      await readMore();
      return last.get(id);
    },
    consumeRetries,
    put: async ({ id, total, hidden = false, note = "" }: Order): Promise<void> => {
      const Item = { id: { S: id }, total: { N: String(total) }, hidden: { BOOL: hidden }, note: { S: note } };
      const { Attributes } = await client.putItem({ TableName: name, Item, ReturnValues: "ALL_OLD" });
      if (!isDeepStrictEqual(Attributes, Item)) written += 1; // a put that changes nothing has no record
    },
    remove: async (id: string): Promise<void> => {
      const input = { TableName: name, Key: { id: { S: id } }, ReturnValues: "ALL_OLD" } as const;
      if ((await client.deleteItem(input)).Attributes !== undefined) written += 1;
    },
    traceOptions,
    /** Traces an item when the stream shows every change. DynamoDB Local shows some of them later than the table. */
    trace: async (id: string, extra: Partial<TraceOptions> = {}): Promise<ItemTrace> => {
      await readMore();
      return traceItem({ ...traceOptions(id), ...extra });
    },
    close: async (): Promise<void> => {
      await pool.end();
      client.destroy();
      streams.destroy();
      sqs.destroy();
    },
  };
};

export type World = Awaited<ReturnType<typeof openWorld>>;
