// The pipelines that the tests of `sluice trace` load.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { pipeline } from "@sluice/core";
import { sqsSink } from "@sluice/sink-sqs";
import pg from "pg";
import { ordersPipeline } from "./world.ts";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? "", max: 2 });
pool.on("error", () => undefined);
const client = new DynamoDB({ endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB ?? "" });
const silent = { info: () => undefined, warn: () => undefined };
const options = { onReject: "block", logger: silent } as const;

/** Postgres, and a replica. */
export const orders = ordersPipeline(options, pool, client, process.env.REPLICA ?? "", () => false);

/** Only a queue. */
export const queued = pipeline<{ readonly id: string }>("orders", options).to(
  sqsSink({ queueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/orders" }),
  ({ keys }) => ({ body: String(keys.id) }),
  { dedupe: "none" },
);
