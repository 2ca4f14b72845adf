// The function after its mapper was mended: the redrive's handler, as a user would export it.

import { pipeline } from "@sluice/core";
import { postgres } from "@sluice/sink-postgres";

const silent = { info: () => undefined, warn: () => undefined };
const sink = postgres({ connection: { connectionString: process.env.DATABASE_URL }, table: "orders" });

export const handler = pipeline("shop", { deadLetter: "block", logger: silent })
  .to(sink, ({ after }) => ({ total: Number.parseInt(after.total, 10) }))
  .handler();
