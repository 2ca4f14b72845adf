// The pipelines that the tests of `sluice verify` load.

import { pipeline } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import pg from "pg";

interface Order {
  readonly id: string;
  readonly total: number;
  readonly hidden?: boolean;
}

const url = process.env.DATABASE_URL ?? "";
const pool = new pg.Pool({ connectionString: url, max: 4 });
pool.on("error", () => undefined);
const silent = { info: () => undefined, warn: () => undefined };
const sink = postgresSink({ pool, table: "orders" });
const closing = { ...sink, close: () => pool.end() };

/** Copies orders that are not hidden. */
export const orders = pipeline<Order>("orders", { onReject: "block", logger: silent })
  .when((order) => order.hidden !== true)
  .to(closing, ({ after }) => ({ total: Number(after.total), note: "fixed" }));

/** A mapper that reads the clock. */
export const clocked = pipeline<Order>("orders", { onReject: "block", logger: silent })
  .when((order) => order.hidden !== true)
  .to(closing, ({ after }) => ({ total: Number(after.total), note: new Date().toISOString() }));

/** Only a queue. */
export const queued = pipeline<Order>("orders", { onReject: "block", logger: silent }).to(
  sqsSink({ queueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/orders" }),
  ({ after }) => ({ body: String(after?.total) }),
  { dedupe: "none" },
);
