// The module of a pipeline, as a user gives it to `sluice backfill`.

import { pipeline, sqsDeadLetterQueue, type UnknownItem } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";

type Column = "total";
const column: Column = "total";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
// Without a listener, the end of the server would end the process.
pool.on("error", () => undefined);

const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters";

export const orders = pipeline<UnknownItem>("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl }) }).to(
  postgresSink({ pool, table: "orders" }),
  ({ after }) => {
    if (process.env.BAD !== undefined && String(after.id).endsWith(process.env.BAD)) {
      throw new TypeError(`a secret: ${after.total}`);
    }
    console.log("a line of the mapper");
    return { [column]: Number(after.total) };
  },
);

export const handler = orders.handler();
