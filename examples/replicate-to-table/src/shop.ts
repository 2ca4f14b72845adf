// The pipeline that writes the changes of the old table to two new tables.

import {
  onFailureDestinationReader,
  type Pipeline,
  pipeline,
  sqsDeadLetterQueue,
  type UnknownItem,
} from "@sluice/core";
import { type DynamodbEnsureOptions, type DynamodbSink, dynamodbSink } from "@sluice/sink-dynamodb";
import { required } from "./environment.ts";
import { customerKey, isCustomer, isOrder, newCustomer, newOrder, type Order, orderKey } from "./items.ts";

type KeySchema = NonNullable<DynamodbEnsureOptions["create"]>;

/** Key schema of the new table of customers. */
export const customersKey: KeySchema = { partitionKey: { name: "email", type: "S" } };

/** The new table of customers. */
export const customersTable: DynamodbSink = dynamodbSink({
  table: required("CUSTOMERS_TABLE"),
  movingKey: customerKey,
  name: "customers",
});

/** Key schema of the new table of orders. */
export const ordersKey: KeySchema = {
  partitionKey: { name: "customerId", type: "S" },
  sortKey: { name: "orderId", type: "S" },
};

/** The new table of orders. */
export const ordersTable: DynamodbSink = dynamodbSink({
  table: required("ORDERS_TABLE"),
  key: orderKey,
  name: "orders",
});

/** The pipeline of the function. */
export const shop: Pipeline<UnknownItem, Order> = pipeline("shop", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
})
  .when(isCustomer)
  .to(customersTable, ({ after }) => newCustomer(after))
  .when(isOrder)
  .to(ordersTable, ({ after }) => newOrder(after));
