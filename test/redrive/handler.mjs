// The handler with the fixed mapper.

import { pipeline } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";

const silent = { info: () => undefined, warn: () => undefined };
const sink = postgresSink({ connection: { connectionString: process.env.DATABASE_URL }, table: "orders" });

export const handler = pipeline("shop", { onReject: "block", logger: silent })
  .to(sink, ({ after }) => ({ total: Number.parseInt(after.total, 10) }))
  .handler();
