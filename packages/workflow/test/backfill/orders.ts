// A pipeline that copies orders to a table in Postgres.

import { type Pipeline, pipeline, type UnknownItem } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import type pg from "pg";

export const silent = { info: () => undefined, warn: () => undefined };

export const ordersSink = (pool: pg.Pool) =>
  postgresSink({ pool, table: "orders", key: ["id"], columns: { id: "text", total: "numeric", note: "text" } });

/** Postgres rejects orders whose total is no number. */
export const ordersPipeline = (pool: pg.Pool): Pipeline<UnknownItem> =>
  pipeline("orders", { onReject: "block", logger: silent }).to(ordersSink(pool));
