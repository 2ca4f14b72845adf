// A pipeline that copies orders to a table in Postgres.

import { type Pipeline, pipeline } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import type pg from "pg";

export const silent = { info: () => undefined, warn: () => undefined };

interface Order {
  readonly id: string;
  readonly total?: number;
  readonly note?: string;
}

export const ordersSink = (pool: pg.Pool) =>
  postgresSink<Order>({ pool, table: "orders", key: ["id"], columns: { id: "text", total: "numeric", note: "text" } });

/** The mapper refuses orders whose note is "refused". */
export const ordersPipeline = (pool: pg.Pool): Pipeline<Order> =>
  pipeline<Order>("orders", { onReject: "block", logger: silent }).to(ordersSink(pool), ({ after }) => {
    if (after.note === "refused") throw new Error("refused");
    return { id: after.id, total: after.total, note: after.note };
  });
