// Defines the rows of an order and of its lines, and the pipeline that writes them.

import {
  onFailureDestinationReader,
  type Pipeline,
  pipeline,
  sqsDeadLetterQueue,
  type UnknownItem,
} from "@sluice/core";
import { type MappedPostgresSink, postgresSink } from "@sluice/sink-postgres";
import { required } from "./environment.ts";

/** Writes a row for each order, a row for each of its lines, and a row for each of its coupons. */
export const ordersSink: MappedPostgresSink = postgresSink({
  connection: { connectionString: required("DATABASE_URL") },
  table: process.env.ORDERS_TABLE ?? "orders",
  key: { order_id: "orderId" },
  columns: {
    order_id: { path: "orderId", type: "text" },
    customer: { path: "customer.name", type: "text" },
    status: "text",
    placed_at: { path: "placedAt", type: "timestamptz" },
    total: "numeric",
  },
  children: [
    {
      table: process.env.ORDER_LINES_TABLE ?? "order_lines",
      of: "lines",
      position: "line_no",
      columns: { sku: "text", quantity: { path: "qty", type: "integer" }, price: "numeric" },
    },
    {
      // A set of strings. The element itself identifies a row.
      table: process.env.ORDER_COUPONS_TABLE ?? "order_coupons",
      of: "coupons",
      elementKey: ["coupon"],
      columns: { coupon: { path: [], type: "text" } },
    },
  ],
});

/** The pipeline of the function. */
export const orders: Pipeline<UnknownItem> = pipeline("orders", {
  source: required("SOURCE_TABLE"),
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
  onFailureDestination: onFailureDestinationReader(),
}).to(ordersSink);
