// One table holds orders and customers. Orders go to Postgres as rows and to OpenSearch as documents; customers go to
// Postgres alone. What a sink refuses goes to the dead letters of that sink; the others do not notice.

import { type Pipeline, pipeline, sqsDeadLetter } from "@sluice/core";
import { type OpensearchSink, opensearch } from "@sluice/sink-opensearch";
import { type MappedPostgresSink, postgres } from "@sluice/sink-postgres";
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

export const orderRows: MappedPostgresSink = postgres({
  connection,
  table: "orders",
  key: { pk: "pk" },
  columns: { pk: "text", customer: "text", total: "numeric", lines: "jsonb" },
});

export const customerRows: MappedPostgresSink = postgres({
  connection,
  table: "customers",
  key: { pk: "pk" },
  columns: { pk: "text", name: "text" },
});

export const orderDocuments: OpensearchSink = opensearch({
  node: required("OPENSEARCH_NODE"),
  index: "orders",
  mappings: {
    dynamic: "strict",
    properties: { customer: { type: "keyword" }, total: { type: "double" }, lines: { type: "text" } },
  },
});

export const orders: Pipeline<Order | Customer, Customer> = pipeline("orders", {
  item: schema,
  deadLetter: sqsDeadLetter({ queueUrl: required("DEAD_LETTER_QUEUE_URL") }),
})
  .when(isOrder)
  .to(orderRows)
  .to(orderDocuments, ({ after: { customer, total, lines } }) => ({ customer, total, lines }))
  .when(isCustomer)
  .to(customerRows, { name: "postgres-customers" });
