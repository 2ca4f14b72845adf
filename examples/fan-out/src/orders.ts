// One table holds orders and customers. Orders are kept in Postgres as rows and in OpenSearch as documents, told to others
// as events on a topic, and queued for the warehouse when they are new; customers are kept in Postgres alone. What a sink
// refuses goes to the dead letters of that sink, and what it cannot take now waits in the retry queue; the others do not
// notice.

import { type Change, cloudEvent, type Pipeline, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { type DynamodbDedupe, dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { snsSink } from "@sluice/sink-sns";
import { type SqsMessage, sqsSink } from "@sluice/sink-sqs";
import { z } from "zod";
import { required } from "./environment.ts";

/** An order, under `ORDER#<id>`. */
export interface Order {
  readonly pk: string;
  readonly type: "order";
  readonly customer: string;
  readonly total: number;
  readonly lines: readonly string[];
}

/** A customer, under `CUSTOMER#<id>`. */
export interface Customer {
  readonly pk: string;
  readonly type: "customer";
  readonly name: string;
}

const schema: z.ZodType<Order | Customer> = z.discriminatedUnion("type", [
  z.object({
    pk: z.string(),
    type: z.literal("order"),
    customer: z.string(),
    total: z.number(),
    lines: z.array(z.string()),
  }),
  z.object({ pk: z.string(), type: z.literal("customer"), name: z.string() }),
]);

const isOrder = (item: Order | Customer): item is Order => item.type === "order";
const isCustomer = (item: Order | Customer): item is Customer => item.type === "customer";

const connection = { connectionString: required("DATABASE_URL") };

export const orderRows: MappedPostgresSink = postgresSink({
  connection,
  table: "orders",
  key: { pk: "pk" },
  columns: { pk: "text", customer: "text", total: "numeric", lines: "jsonb" },
});

export const customerRows: MappedPostgresSink = postgresSink({
  connection,
  table: "customers",
  key: { pk: "pk" },
  columns: { pk: "text", name: "text" },
});

export const orderDocuments: OpensearchSink = opensearchSink({
  node: required("OPENSEARCH_NODE"),
  index: "orders",
  mappings: {
    dynamic: "strict",
    properties: { customer: { type: "keyword" }, total: { type: "double" }, lines: { type: "text" } },
  },
});

/** A FIFO topic: it discards repeats by itself. */
const events = snsSink({ topicArn: required("ORDER_EVENTS_TOPIC_ARN"), name: "events" });

const toEvent = cloudEvent<Order>({ source: "/shop/orders", type: ({ kind }) => `com.example.order.${kind}` });

/** A standard queue, which discards nothing: the route keeps a journal of what it has sent when a batch comes again. */
const warehouse = sqsSink({ queueUrl: required("WAREHOUSE_QUEUE_URL"), name: "warehouse" });

/** Work for the warehouse: the order that is new, and nothing for any other change. */
const toWork = ({ kind, after }: Change<Order>): SqsMessage | undefined =>
  kind === "insert" && after !== undefined ? { body: { pack: after.lines, for: after.pk } } : undefined;

export const dedupeStore: DynamodbDedupe = dynamodbDedupe({ tableName: required("DEDUPE_TABLE") });

export const orders: Pipeline<Order | Customer, Customer> = pipeline("orders", {
  schema: schema,
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  // FIFO: an order's events must not overtake each other there.
  retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL") }),
  dedupeStore,
})
  .when(isOrder)
  .to(orderRows)
  .to(orderDocuments, ({ after: { customer, total, lines } }) => ({ customer, total, lines }))
  .to(events, (change) => ({ body: toEvent(change) }))
  .to(warehouse, toWork)
  .when(isCustomer)
  .to(customerRows, { name: "postgres-customers" });
