// One table contains orders and customers. Orders go to Postgres, to OpenSearch and, as events, to a topic. New orders
// also go to the queue of the warehouse. Customers go to Postgres only. Each route is independent: it has its own dead
// letters, and its failed deliveries are queued for retry.

import {
  type Change,
  cloudEvent,
  onFailureDestinationReader,
  type Pipeline,
  pipeline,
  sqsDeadLetterQueue,
  sqsRetryQueue,
} from "@sluice/core";
import { type DynamodbDedupe, dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { snsSink } from "@sluice/sink-sns";
import { type SqsMessage, sqsSink } from "@sluice/sink-sqs";
import { z } from "zod";
import { databaseUrl, required } from "./environment.ts";
import { isCustomer, isOrder } from "./filters.ts";

/** An order. Its key is `ORDER#<id>`. */
export interface Order {
  readonly pk: string;
  readonly type: "order";
  readonly customer: string;
  readonly total: number;
  readonly lines: readonly string[];
}

/** A customer. Its key is `CUSTOMER#<id>`. */
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

const connection = { connectionString: databaseUrl() };

/** Writes orders to Postgres. */
export const orderRows: MappedPostgresSink = postgresSink({
  connection,
  table: "orders",
  key: { pk: "pk" },
  columns: { pk: "text", customer: "text", total: "numeric", lines: "jsonb" },
});

/** Writes customers to Postgres. */
export const customerRows: MappedPostgresSink = postgresSink({
  connection,
  table: "customers",
  key: { pk: "pk" },
  columns: { pk: "text", name: "text" },
});

/** In AWS, requests to OpenSearch are signed with the credentials of the function. */
const region = process.env.OPENSEARCH_REGION;

/** Writes orders to OpenSearch. */
export const orderDocuments: OpensearchSink = opensearchSink({
  node: required("OPENSEARCH_NODE"),
  ...(region && { auth: { region } }),
  index: "orders",
  mappings: {
    dynamic: "strict",
    properties: { customer: { type: "keyword" }, total: { type: "double" }, lines: { type: "text" } },
  },
});

/** Publishes events to a FIFO topic. A FIFO topic discards duplicates. */
const events = snsSink({ topicArn: required("ORDER_EVENTS_TOPIC_ARN"), name: "events" });

const toEvent = cloudEvent<Order>({ source: "/shop/orders", type: ({ kind }) => `com.example.order.${kind}` });

/** A standard queue does not discard duplicates, so the dedupe store must remember which messages were sent. */
const warehouse = sqsSink({ queueUrl: required("WAREHOUSE_QUEUE_URL"), name: "warehouse" });

/** Returns the message to the warehouse for a new order. Returns undefined for any other change. */
const toWarehouse = ({ kind, after }: Change<Order>): SqsMessage | undefined =>
  kind === "insert" && after !== undefined ? { body: { pack: after.lines, for: after.pk } } : undefined;

/** Remembers the messages that were sent, and the items that have a delivery in the retry queue. */
export const dedupeStore: DynamodbDedupe = dynamodbDedupe({ tableName: required("DEDUPE_TABLE") });

/** The pipeline of the function. */
export const orders: Pipeline<Order | Customer, Customer> = pipeline("orders", {
  schema,
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
  // A FIFO queue, because the events of an order must stay in order.
  retryQueue: sqsRetryQueue({ queueUrl: required("RETRY_QUEUE_URL") }),
  dedupeStore,
})
  .when(isOrder)
  .to(orderRows)
  .to(orderDocuments, ({ after: { customer, total, lines } }) => ({ customer, total, lines }))
  .to(events, (change) => ({ body: toEvent(change) }))
  .to(warehouse, toWarehouse)
  .when(isCustomer)
  .to(customerRows, { name: "postgres-customers" });
